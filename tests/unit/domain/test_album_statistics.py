"""What an album's results add up to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.album_statistics import (
    DURATION_BOUNDS_S,
    Changes,
    Counts,
    Grouping,
    Result,
    newest_results,
    photos_per_person,
)
from photofinish.domain.photo import PhotoStatus

TEN = datetime(2026, 5, 1, 10, tzinfo=UTC)
DONE = Result(
    photo_id="a",
    generation=1,
    status=PhotoStatus.DONE,
    occurred_at=TEN,
    folder="",
    camera="",
    code=None,
    faces=0,
    bibs=0,
    upload_to_result_s=1.0,
)
WHOLE = (Grouping.ALBUM, "")
RESULTS = st.builds(
    Result,
    photo_id=st.sampled_from("abc"),
    generation=st.integers(1, 3),
    status=st.sampled_from([PhotoStatus.DONE, PhotoStatus.REJECTED, PhotoStatus.FAILED]),
    occurred_at=st.integers(0, 5).map(lambda minutes: TEN + timedelta(minutes=minutes)),
    folder=st.sampled_from(["", "cam1"]),
    camera=st.just("Z 9"),
    code=st.none() | st.just("not_a_picture"),
    faces=st.integers(0, 9),
    bibs=st.integers(0, 3),
    upload_to_result_s=st.none() | st.floats(0, 1e9),
)


def counted(results: list[Result]) -> Counts:
    changes = Changes()
    for result in results:
        changes.add(result)
    return changes.applied(WHOLE, Counts())


@given(st.lists(RESULTS), st.data())
def test_counts_do_not_depend_on_how_the_log_is_cut(results: list[Result], data: st.DataObject) -> None:
    known: dict[str, Result] = {}
    counts = {WHOLE: Counts()}
    rest = results
    while rest:
        cut = data.draw(st.integers(1, len(rest)))
        changes = Changes()
        newest = newest_results(rest[:cut], known)
        for photo_id, result in newest.items():
            if photo_id in known:
                changes.add(known[photo_id], -1)
            changes.add(result)
        counts |= {group: changes.applied(group, counts.get(group, Counts())) for group in changes.groups}
        known |= newest
        rest = rest[cut:]
    assert counts[WHOLE] == counted(list(newest_results(results, {}).values()))
    assert counts[WHOLE].photos == len({result.photo_id for result in results})


@given(st.lists(st.floats(DURATION_BOUNDS_S[0], DURATION_BOUNDS_S[-1]), min_size=1), st.sampled_from([50, 95, 100]))
def test_percentiles_are_at_most_a_tenth_too_high(seconds: list[float], percent: int) -> None:
    changes = Changes()
    for value in seconds:
        changes.add(replace(DONE, upload_to_result_s=value))
    exact = sorted(seconds)[-(-len(seconds) * percent // 100) - 1]
    found = changes.applied(WHOLE, Counts()).duration_s(percent)
    assert found is not None
    assert exact <= found <= exact * 1.1 * (1 + 1e-9)


def test_without_results_nothing_is_known() -> None:
    assert Counts().duration_s(50) is None
    assert Counts().share_with_bib is None
    assert photos_per_person({}) is None


def test_hours_are_of_utc() -> None:
    local = datetime.fromisoformat("2026-05-01T12:59:00+02:00")
    assert (Grouping.HOUR, "2026-05-01T10:00:00+00:00") in replace(DONE, occurred_at=local).groups


def test_photos_per_person() -> None:
    found = photos_per_person({4: 1, 1: 2, 9: 1, 2: 1})
    assert found is not None
    assert (found.people, found.mean, found.p50, found.most) == (5, pytest.approx(3.4), 2, 9)
    even = photos_per_person({1: 1, 9: 1})
    assert even is not None
    assert even.p50 == 1
