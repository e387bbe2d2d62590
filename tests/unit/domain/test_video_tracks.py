"""Faces followed through a video: one track for each person."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from photofinish.domain.geometry import Box
from photofinish.domain.matching import Calibration
from photofinish.domain.video_tracks import FaceSighting, Track, follow, intersection_over_union
from support.examples import examples

CALIBRATION = Calibration(min_similarity=0.4, stranger_similarity=0.5, slope=20, offset=-8, selfie_min_quality=0.3)
ANNE, BEN, CARA = np.eye(8, dtype=np.float32)[:3]


def blend(one: NDArray[np.float32], other: NDArray[np.float32], similarity: float) -> NDArray[np.float32]:
    """A vector with this similarity to `one`, on the way to `other`."""
    return np.asarray(similarity * one + np.sqrt(1 - similarity**2) * other, np.float32)


def seen(
    frame: int,
    vector: NDArray[np.float32],
    x: float = 0.4,
    *,
    index: int = 0,
    scene: int = 0,
    quality: float = 0.8,
    number: str | None = None,
    at_s: float | None = None,
) -> FaceSighting:
    return FaceSighting(
        frame=frame,
        at_s=float(frame) if at_s is None else at_s,
        scene=scene,
        index=index,
        box=Box(x, 0.3, 0.1, 0.15),
        vector=vector,
        quality=quality,
        number=number,
    )


def frames_of(tracks: tuple[Track, ...]) -> list[list[int]]:
    return [[one.frame for one in track.sightings] for track in tracks]


def test_no_face_gives_no_track() -> None:
    assert follow([], CALIBRATION) == ()


def test_two_people_who_cross_stay_two() -> None:
    sightings = []
    for frame in range(6):
        sightings += [seen(frame, ANNE, 0.1 * frame), seen(frame, BEN, 0.5 - 0.1 * frame, index=1)]
    tracks = follow(sightings, CALIBRATION)
    assert frames_of(tracks) == [list(range(6))] * 2
    assert all(np.array_equal(one.vector, track.sightings[0].vector) for track in tracks for one in track.sightings)


def test_a_turned_face_joins_the_track_where_it_is() -> None:
    turned = blend(ANNE, CARA, 0.25)
    assert frames_of(follow([seen(0, ANNE), seen(1, turned, 0.41), seen(2, ANNE)], CALIBRATION)) == [[0, 1, 2]]


def test_a_turned_face_elsewhere_does_not() -> None:
    turned = blend(ANNE, CARA, 0.25)
    assert frames_of(follow([seen(0, ANNE), seen(1, turned, 0.7)], CALIBRATION)) == [[0], [1]]


def test_a_similar_face_that_cannot_have_come_so_far_is_another() -> None:
    similar = blend(ANNE, CARA, 0.45)
    near, far = seen(1, similar, 0.5, at_s=0.1), seen(1, similar, 0.9, at_s=0.1)
    assert len(follow([seen(0, ANNE, 0.4, at_s=0.0), near], CALIBRATION)) == 1
    assert len(follow([seen(0, ANNE, 0.0, at_s=0.0), far], CALIBRATION)) == 2


def test_a_person_is_followed_across_scenes() -> None:
    again = blend(ANNE, CARA, 0.6)
    tracks = follow([seen(0, ANNE), seen(1, BEN, scene=1), seen(2, again, 0.8, scene=2)], CALIBRATION)
    assert frames_of(tracks) == [[0, 2], [1]]


def test_different_numbers_keep_similar_faces_apart_and_equal_ones_join_them() -> None:
    similar = blend(ANNE, CARA, 0.55)
    assert len(follow([seen(0, ANNE, number="7"), seen(1, similar, scene=1, number="8")], CALIBRATION)) == 2
    barely = blend(ANNE, CARA, 0.42)
    assert len(follow([seen(0, ANNE, number="7"), seen(1, barely, scene=1, number="7")], CALIBRATION)) == 1
    assert len(follow([seen(0, ANNE), seen(1, barely, scene=1)], CALIBRATION)) == 2


def test_a_misread_number_does_not_divide_a_certain_match() -> None:
    certain = blend(ANNE, CARA, 0.9)
    assert len(follow([seen(0, ANNE, number="7"), seen(1, certain, scene=1, number="1")], CALIBRATION)) == 1


def test_two_faces_in_one_frame_are_never_one_person() -> None:
    """A mirror, a poster, twins."""
    tracks = follow([seen(0, ANNE, 0.1), seen(0, ANNE, 0.7, index=1)], CALIBRATION)
    assert len(tracks) == 2


def test_the_best_view_is_the_clearest_and_the_centroid_leans_to_it() -> None:
    blurred = blend(ANNE, CARA, 0.5)
    (track,) = follow([seen(0, blurred, quality=0.2), seen(1, ANNE, quality=0.9)], CALIBRATION)
    assert track.best.frame == 1
    assert float(track.centroid @ ANNE) > 0.95
    assert np.linalg.norm(track.centroid) == pytest.approx(1, abs=1e-5)


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 2), st.sampled_from([ANNE, BEN, CARA]), st.floats(0, 0.9)),
        max_size=24,
    ),
    st.integers(0, 3),
)
def test_every_sighting_is_in_one_track_that_has_one_of_each_frame(
    faces: list[tuple[int, int, NDArray[np.float32], float]], cut: int
) -> None:
    sightings = []
    for frame in range(7):
        for index, (_, _, vector, x) in enumerate(one for one in faces if one[0] == frame):
            sightings.append(seen(frame, vector, x, index=index, scene=int(frame > cut)))
    tracks = follow(sightings, CALIBRATION)
    assert sorted(id(one) for track in tracks for one in track.sightings) == sorted(map(id, sightings))
    assert all(len(track.frames) == len(track.sightings) for track in tracks)


@given(st.integers(1, examples(12)), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_clear_faces_of_different_people_are_counted_exactly(frames: int, people: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = np.eye(8, dtype=np.float32)[:people]
    sightings = []
    for frame in range(frames):
        for index, person in enumerate(rng.permutation(people)):
            sightings.append(seen(frame, vectors[person], float(rng.uniform(0, 0.9)), index=index, scene=frame // 3))
    assert len(follow(sightings, CALIBRATION)) == people


def test_how_much_boxes_overlap() -> None:
    assert intersection_over_union(Box(0, 0, 1, 1), Box(0, 0, 1, 1)) == 1
    assert intersection_over_union(Box(0, 0, 1, 1), Box(0.5, 0, 1, 1)) == pytest.approx(1 / 3)
    assert intersection_over_union(Box(0, 0, 1, 1), Box(2, 0, 1, 1)) == 0
