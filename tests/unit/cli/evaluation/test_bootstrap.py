"""Intervals: the same every time, around the figure, narrower with more data, and right as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish_cli.evaluation.bootstrap import RESAMPLES, ratio, resamples, statistics
from support.examples import examples

_units = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30)


@given(units=st.integers(1, 60), seed=st.integers(0, 9))
@settings(max_examples=examples(20))
def test_every_draw_draws_as_many_units_as_there_are(units: int, seed: int) -> None:
    drawn = np.concatenate(list(resamples(units, count=50, seed=seed)))
    assert drawn.shape == (50, units)
    assert (drawn.sum(axis=1) == units).all()
    assert (drawn >= 0).all()


@given(units=_units)
@settings(max_examples=examples(40))
def test_a_ratio_is_a_share_between_its_bounds_and_the_same_again(units: list[tuple[int, int]]) -> None:
    right = [hit for hit, _ in units]
    whole = [hit + miss for hit, miss in units]
    found = ratio(right, whole)
    assert found == ratio(right, whole)
    assert found.of == sum(whole)
    if sum(whole) == 0:
        assert (found.value, found.low, found.high) == (None, None, None)
        return
    assert found.value == pytest.approx(sum(right) / sum(whole))
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.high <= 1


def test_without_units_there_is_nothing_to_measure() -> None:
    assert ratio([], []).value is None


def test_four_times_the_photos_halve_the_interval() -> None:
    random = np.random.default_rng(3)
    widths = []
    for photos in (400, 1600):
        hits = random.random(photos) < 0.8
        found = ratio(hits, np.ones(photos))
        assert found.low is not None
        assert found.high is not None
        widths.append(found.high - found.low)
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.25)


def test_the_truth_lies_inside_about_as_often_as_promised() -> None:
    random = np.random.default_rng(5)
    truth, inside, trials = 0.7, 0, 100
    for trial in range(trials):
        found = ratio(random.random(60) < truth, np.ones(60), seed=trial)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= truth <= found.high
    assert 0.86 <= inside / trials <= 1.0, f"{inside} of {trials} intervals hold the truth"


def test_errors_that_come_together_widen_the_interval() -> None:
    """Ten bibs a photo that are all right or all wrong tell as much as one bib a photo."""
    hits = np.random.default_rng(7).random(60) < 0.8
    alone, together = ratio(hits, np.ones(60)), ratio(hits * 10, np.full(60, 10))
    assert (alone.value, alone.low, alone.high) == (together.value, together.low, together.high)


def test_several_figures_share_their_draws_and_leave_out_what_cannot_be_measured() -> None:
    values = np.arange(10.0)
    draws = 0

    def advance() -> None:
        nonlocal draws
        draws += 1

    def measure(weights: np.ndarray) -> np.ndarray:
        drawn_first = weights[0] > 0
        return np.array([(weights @ values) / weights.sum(), 1.0 if drawn_first else np.nan, np.nan])

    mean, sometimes, never = statistics(measure, 10, of=(10, 1, 0), advance=advance)
    assert draws == RESAMPLES
    assert mean.value == 4.5
    assert mean.low is not None
    assert mean.high is not None
    assert 2 < mean.low < 4.5 < mean.high < 7
    assert (sometimes.value, sometimes.low, sometimes.high) == (1, 1, 1)
    assert (never.value, never.low, never.high, never.of) == (None, None, None, 0)
