"""Sums beyond the range of integers and of doubles."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish_emulators.firestore.aggregation import sum_doubles

LARGEST = 1.797e308


@pytest.mark.parametrize(
    ("numbers", "total"),
    [
        ([LARGEST, LARGEST], math.inf),
        ([-LARGEST, -LARGEST], -math.inf),
        ([LARGEST, LARGEST, -LARGEST], LARGEST),
        ([LARGEST, LARGEST, -math.inf], -math.inf),
        ([], 0.0),
    ],
)
def test_a_sum_that_no_double_holds_is_infinite(numbers: list[float], total: float) -> None:
    assert sum_doubles(numbers) == total


@pytest.mark.parametrize("numbers", [[math.inf, -math.inf], [math.nan, 1.0]])
def test_a_sum_may_be_undefined(numbers: list[float]) -> None:
    assert math.isnan(sum_doubles(numbers))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_a_finite_sum_is_the_nearest_double(numbers: list[float]) -> None:
    exact = sum(map(Fraction, numbers))
    try:
        expected = float(exact)
    except OverflowError:
        expected = math.inf if exact > 0 else -math.inf
    assert sum_doubles(numbers) == expected
