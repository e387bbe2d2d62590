"""Bursts: near duplicates of one camera, whatever the order in which photos come."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from photofinish.application.bursts import bursts
from photofinish.domain.burst import MAX_DISTANCE, MAX_GAP, Shot, face_value

NOON = datetime(2026, 5, 3, 12)


def shot(photo_id: str, after_s: float = 0, *, bits: int = 0, sharpness: float = 0.5, face: float = 0.0) -> Shot:
    """A photo `after_s` noon whose hash differs in the lowest `bits`."""
    return Shot(
        photo_id=photo_id,
        perceptual_hash=(1 << bits) - 1,
        taken_at=NOON + timedelta(seconds=after_s),
        camera="X",
        folder="cam1",
        sharpness=sharpness,
        face=face,
    )


def ids(shots: list[Shot]) -> list[list[str]]:
    return [[one.photo_id for one in burst] for burst in bursts(shots)]


def test_the_best_shot_comes_first_and_a_photo_alone_is_no_burst() -> None:
    burst = [
        shot("sharp", 0, sharpness=0.8),
        shot("face", 0.5, sharpness=0.7, face=face_value(0.9, 0.1)),
        shot("blurred", 1.0, sharpness=0.2),
    ]
    assert ids([*burst, shot("later", 60)]) == [["face", "sharp", "blurred"]]
    assert ids([]) == ids(burst[:1]) == []


def test_time_hash_camera_and_folder_must_fit() -> None:
    first = shot("a")
    gap_s = MAX_GAP.total_seconds()
    assert ids([first, shot("b", gap_s, bits=MAX_DISTANCE)]) == [["a", "b"]]
    for other in (
        shot("b", gap_s + 0.001),
        shot("b", bits=MAX_DISTANCE + 1),
        replace(shot("b"), camera="Y"),
        replace(shot("b"), camera=None),
        replace(shot("b"), folder="cam2"),
        replace(shot("b"), taken_at=None),
        replace(shot("b"), perceptual_hash=None),
    ):
        assert ids([first, other]) == [], other


def test_a_burst_may_be_longer_than_the_gap() -> None:
    long = [shot(f"{number:02}", number * 1.5) for number in range(20)]
    assert [len(burst) for burst in ids(long)] == [20]


def test_a_larger_face_is_better_up_to_a_fifth_of_the_picture() -> None:
    values = [face_value(0.8, height) for height in (0.0, 0.05, 0.1, 0.2, 0.9)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0.0, 0.8)


_SHOTS = st.lists(
    st.builds(
        lambda after_s, camera, hash_, sharpness: replace(
            shot("", after_s, sharpness=sharpness), camera=camera, perceptual_hash=hash_
        ),
        st.integers(0, 12),
        st.sampled_from(["X", "Y", None]),
        st.sampled_from([0, 0x3FF, 0xFFFFF, 2**64 - 1, None]),
        st.sampled_from([0.2, 0.5, 0.8]),
    ),
    max_size=16,
).map(lambda shots: [replace(one, photo_id=f"{number:02}") for number, one in enumerate(shots)])


@given(_SHOTS, st.randoms(use_true_random=False))
def test_the_order_of_the_photos_does_not_matter(shots: list[Shot], random: object) -> None:
    mixed = list(shots)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert ids(mixed) == ids(shots)


@given(_SHOTS)
def test_each_photo_is_in_one_burst_at_most_and_pairs_are_symmetric(shots: list[Shot]) -> None:
    members = [photo_id for burst in ids(shots) for photo_id in burst]
    assert len(members) == len(set(members))
    for number, one in enumerate(shots):
        for other in shots[number + 1 :]:
            assert bool(ids([one, other])) == bool(ids([other, one]))
            if ids([one, other]):
                assert any({one.photo_id, other.photo_id} <= set(burst) for burst in ids(shots))


@given(_SHOTS, st.integers(0, 15))
def test_a_photo_that_arrives_late_divides_no_burst(shots: list[Shot], late: int) -> None:
    before = ids(shots[:late] + shots[late + 1 :])
    after = [set(burst) for burst in ids(shots)]
    for burst in before:
        assert sum(set(burst) <= one for one in after) == 1
