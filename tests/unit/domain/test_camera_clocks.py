"""Shifts of cameras' clocks, found from subjects that two cameras share."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.camera_clocks import (
    AGREEMENT,
    Sighting,
    difference_of_clocks,
    estimate_shifts,
    lowest_share,
    reference_camera,
)

START = datetime(2026, 5, 3, 10)
shifts_s = st.integers(-30 * 3600, 30 * 3600)


def race(clocks: dict[str, timedelta], *, runners: int, seed: int, wrong: float = 0.0) -> list[Sighting]:
    """Each runner on one or two photos of each camera within 40 seconds; some are taken for another runner."""
    rng = random.Random(seed)
    found = []
    for runner in range(runners):
        passes = START + timedelta(seconds=rng.uniform(0, 7200))
        for camera, ahead in clocks.items():
            for _ in range(rng.choice((1, 1, 2))):
                at = START + timedelta(seconds=rng.uniform(0, 7200)) if rng.random() < wrong else passes
                at += timedelta(seconds=rng.uniform(-20, 20))
                found.append(Sighting(camera=camera, subject=f"bib {runner}", taken_at=at + ahead))
    rng.shuffle(found)
    return found


@given(shifts_s, shifts_s, st.integers(0, 99))
def test_shifted_clocks_are_found_within_seconds(one_s: int, other_s: int, seed: int) -> None:
    clocks = {"A": timedelta(), "B": timedelta(seconds=one_s), "C": timedelta(seconds=other_s)}
    found = estimate_shifts(race(clocks, runners=30, seed=seed), reference="A")
    assert found.keys() == {"B", "C"}
    for camera, estimate in found.items():
        assert abs(estimate.shift + clocks[camera]) <= timedelta(seconds=80)
        assert estimate.confidence > 0.8


@given(shifts_s, st.integers(0, 99))
def test_every_third_wrong_identity_does_no_harm(one_s: int, seed: int) -> None:
    sightings = race({"A": timedelta(), "B": timedelta(seconds=one_s)}, runners=80, seed=seed, wrong=0.33)
    estimate = estimate_shifts(sightings, reference="A")["B"]
    assert abs(estimate.shift + timedelta(seconds=one_s)) <= timedelta(seconds=80)
    assert 0.25 < estimate.confidence < 0.9, "but it is less sure"


def test_identities_that_are_all_wrong_are_not_sure() -> None:
    sightings = race({"A": timedelta(), "B": timedelta(hours=1)}, runners=80, seed=1, wrong=1.0)
    assert estimate_shifts(sightings, reference="A")["B"].confidence < 0.3


def test_few_shared_people_prove_little() -> None:
    clocks = {"A": timedelta(), "B": timedelta(hours=1)}
    confidences = [estimate_shifts(race(clocks, runners=n, seed=2), reference="A")["B"].confidence for n in (1, 3, 30)]
    assert confidences == sorted(confidences)
    assert confidences[0] < 0.25


def test_a_camera_is_compared_by_a_third_one() -> None:
    one = race({"A": timedelta(), "B": timedelta(hours=1)}, runners=20, seed=3)
    other = [
        Sighting(camera=s.camera, subject=f"late {s.subject}", taken_at=s.taken_at)
        for s in race({"B": timedelta(hours=1), "C": timedelta(minutes=-30)}, runners=20, seed=4)
    ]
    found = estimate_shifts([*one, *other], reference="A", reference_shift=timedelta(minutes=5))
    assert abs(found["B"].shift - timedelta(minutes=-55)) < timedelta(minutes=1)
    assert abs(found["C"].shift - timedelta(minutes=35)) < timedelta(minutes=1)
    assert found["C"].confidence <= found["B"].confidence


def test_cameras_that_share_nobody_are_left_out() -> None:
    alone = Sighting(camera="D", subject="bib 999", taken_at=START)
    assert estimate_shifts([alone], reference="A") == {}
    some = race({"A": timedelta(), "B": timedelta()}, runners=3, seed=5)
    assert estimate_shifts([*some, alone], reference="A").keys() == {"B"}


differences = st.lists(
    st.lists(st.integers(-2000, 2000).map(lambda s: timedelta(seconds=s)), min_size=1, max_size=4),
    min_size=1,
    max_size=12,
)


@given(differences)
def test_as_many_agree_as_a_slow_search_finds(pairs: list[list[timedelta]]) -> None:
    difference, agreeing = difference_of_clocks(pairs)
    starts = [start for own in pairs for start in own]
    expected = max(sum(any(start <= d <= start + AGREEMENT for d in own) for own in pairs) for start in starts)
    assert agreeing == expected
    assert sum(any(abs(d - difference) <= AGREEMENT for d in own) for own in pairs) >= agreeing


@given(differences, st.integers(-100_000, 100_000))
def test_how_many_agree_does_not_depend_on_the_shift(pairs: list[list[timedelta]], later_s: int) -> None:
    later = timedelta(seconds=later_s)
    assert difference_of_clocks([[d + later for d in own] for own in pairs])[1] == difference_of_clocks(pairs)[1]


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_the_lowest_share_is_below_the_share_and_grows_with_the_hits(hits: int, misses: int) -> None:
    low = lowest_share(hits, hits + misses)
    assert 0 <= low <= (hits / (hits + misses) if hits + misses else 0) + 1e-9
    assert lowest_share(hits + 1, hits + 1 + misses) >= low


def test_the_reference_is_the_camera_with_most_photos() -> None:
    assert reference_camera({"A": 3, "B": 7, "C": 7}) == "B"
    assert reference_camera({}) is None


def test_there_must_be_a_difference() -> None:
    with pytest.raises(ValueError, match="no differences"):
        difference_of_clocks([])
