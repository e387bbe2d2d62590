"""How the queue's two lanes share the tasks' time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish.domain.lanes import PROMPT_PHOTOS, SHARES, Lane, LaneTurns, lane_of
from support.examples import examples


@pytest.mark.parametrize(
    ("outstanding", "lane"),
    [(1, Lane.PROMPT), (PROMPT_PHOTOS, Lane.PROMPT), (PROMPT_PHOTOS + 1, Lane.BULK), (20_000, Lane.BULK)],
)
def test_the_first_photos_of_an_album_are_prompt(outstanding: int, lane: Lane) -> None:
    assert lane_of(outstanding) is lane


def taken(turns: LaneTurns, waiting: dict[Lane, int], pulls: int, batch: int) -> dict[Lane, int]:
    """Pull `batch` photos so often; return how many came from each lane."""
    counts = dict.fromkeys(Lane, 0)
    for _ in range(pulls):
        lane = next((one for one in turns.order() if waiting[one]), None)
        if lane is None:
            break
        photos = min(batch, waiting[lane])
        waiting[lane] -= photos
        counts[lane] += photos
        turns.took(lane, photos)
    return counts


@given(batches=st.lists(st.integers(1, 32), min_size=1, max_size=60))
@settings(max_examples=examples(60))
def test_full_lanes_share_as_they_should(batches: list[int]) -> None:
    """By photos, whatever the size of each pull; off by no more than a pull of each lane."""
    turns, counts = LaneTurns(), dict.fromkeys(Lane, 0)
    for batch in batches:
        lane = turns.order()[0]
        turns.took(lane, batch)
        counts[lane] += batch
    shares = [counts[lane] / SHARES[lane] for lane in Lane]
    assert abs(shares[0] - shares[1]) <= max(batches) * sum(1 / share for share in SHARES.values())


def test_a_lane_alone_is_always_next() -> None:
    for lane in Lane:
        assert taken(LaneTurns(), {**dict.fromkeys(Lane, 0), lane: 1000}, 100, 8)[lane] == 800


@pytest.mark.parametrize("late", list(Lane))
def test_a_lane_that_was_empty_has_saved_nothing_up(late: Lane) -> None:
    turns = LaneTurns()
    other = next(lane for lane in Lane if lane is not late)
    taken(turns, {late: 0, other: 8000}, 1000, 8)
    counts = taken(turns, {late: 8000, other: 8000}, 40, 8)
    expected = 320 * SHARES[late] / sum(SHARES.values())
    assert abs(counts[late] - expected) <= 16


def test_the_prompt_lane_comes_first() -> None:
    assert LaneTurns().order() == [Lane.PROMPT, Lane.BULK]
