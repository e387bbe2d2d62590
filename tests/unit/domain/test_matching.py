"""The probability that a similarity stands for the same person."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.analysis.models.catalogue import model_for
from photofinish.domain.matching import (
    SIMILARITY_STEPS,
    Calibration,
    is_certain,
    match_probability,
    required_similarity,
    rounded_similarities,
    rounded_similarity,
)
from photofinish.errors import InvalidQuery

SPACE = Calibration(min_similarity=0.5, stranger_similarity=0.6, slope=14, offset=-4.5, selfie_min_quality=0.2)
similarities = st.floats(-1, 1)


def test_log_odds_of_0_are_a_probability_of_one_half() -> None:
    assert match_probability(4.5 / 14, SPACE) == pytest.approx(0.5)
    assert match_probability((4.5 + math.log(9)) / 14, SPACE) == pytest.approx(0.9)


@given(similarities, similarities)
def test_the_probability_grows_with_similarity(one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert 0 <= match_probability(low, SPACE) <= match_probability(high, SPACE) <= 1


def test_a_match_is_certain_from_the_second_threshold_on() -> None:
    threshold = SPACE.stranger_similarity
    assert is_certain(threshold, SPACE)
    assert not is_certain(math.nextafter(threshold, -1), SPACE)


@pytest.mark.parametrize("similarity", [-1.0, 1.0])
def test_steep_curves_reach_0_and_1(similarity: float) -> None:
    steep = replace(SPACE, slope=1e6, offset=0)
    assert match_probability(similarity, steep) == (similarity > 0)


@pytest.mark.parametrize(
    "change",
    [
        {"min_similarity": 0.7},
        {"stranger_similarity": 1.1},
        {"slope": 0.0},
        {"slope": math.nan},
        {"offset": math.inf},
        {"selfie_min_quality": -0.1},
    ],
)
def test_an_invalid_calibration_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change)).split("_")[0]):
        replace(SPACE, **change)


def test_the_default_space_is_calibrated() -> None:
    space = model_for("face_embedding").calibration
    assert space is not None
    assert 0.3 < space.min_similarity < space.stranger_similarity < 0.9
    # At the threshold from which faces count as one person's, a right match is likelier than a false one.
    assert match_probability(space.min_similarity, space) > 0.5 > match_probability(0.0, space)


@given(similarities, similarities)
def test_rounding_keeps_the_order_and_both_thresholds(one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert rounded_similarity(low, SPACE) <= rounded_similarity(high, SPACE) <= 1
    assert (rounded_similarity(one, SPACE) >= SPACE.min_similarity) == (one >= SPACE.min_similarity - 1e-6)
    assert -0.001 <= one - rounded_similarity(one, SPACE) < 0.5 / SIMILARITY_STEPS + 1e-6 or one >= 0.999


def test_matches_have_no_more_than_so_many_similarities() -> None:
    told = set(rounded_similarities(np.linspace(SPACE.min_similarity, 1, 10_000), SPACE).tolist())
    assert len(told) == SIMILARITY_STEPS + 1
    assert {SPACE.min_similarity, 1.0} <= told


def test_no_search_asks_for_dissimilar_faces() -> None:
    assert required_similarity(None, SPACE) == required_similarity(0.5, SPACE) == 0.5
    assert required_similarity(0.7, SPACE) == 0.7
    with pytest.raises(InvalidQuery, match=r"must be 0\.5 or more"):
        required_similarity(0.4999, SPACE)
