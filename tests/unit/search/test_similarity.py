"""What neighbours that a face shares with the query add to its similarity."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from photofinish.application.search.similarity import LIFT_FROM, MAX_LIFT, lifted_similarities

unit = st.floats(0, 1)


@given(st.floats(-1, 1), unit, st.floats(-1, 1), unit)
def test_grows_with_both(similarity: float, shared: float, other: float, more: float) -> None:
    low, high = lifted_similarities(np.sort([similarity, other]), np.sort([shared, more]))
    assert low <= high


@given(st.floats(-1, 1), unit)
def test_lifts_by_at_most_the_limit(similarity: float, shared: float) -> None:
    [lifted] = lifted_similarities(np.array([similarity]), np.array([shared]))
    assert similarity <= lifted <= similarity + MAX_LIFT
    if shared <= LIFT_FROM:
        assert lifted == similarity
