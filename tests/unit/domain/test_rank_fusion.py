"""Reciprocal rank fusion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from photofinish.domain.rank_fusion import reciprocal_ranks

VALUES = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(0, 1, width=32)
)


def test_a_place_counts_by_the_published_constant() -> None:
    values = np.array([[0.9, 0], [0.3, 0.5], [0.3, 0.5], [0.1, 0]], np.float32)
    assert reciprocal_ranks(values) == pytest.approx(
        np.array([[1, 0], [61 / 62, 1], [61 / 62, 1], [61 / 64, 0]], np.float32)
    )


@given(VALUES, st.floats(0.125, 1, width=32))
def test_only_the_order_counts(values: np.ndarray, factor: float) -> None:
    larger = np.sqrt(values)  # the same order, unless rounding makes equals
    ranked = reciprocal_ranks(values)
    assert ((ranked > 0) == (values > 0)).all()
    assert (ranked <= 1).all()
    for part in range(values.shape[1]):
        order = np.argsort(values[:, part], kind="stable")
        assert (np.diff(ranked[order, part]) >= 0).all()
        if len(set(larger[:, part].tolist())) == len(set(values[:, part].tolist())):
            assert reciprocal_ranks(larger)[:, part] == pytest.approx(ranked[:, part])


def test_no_photos_have_no_ranks() -> None:
    assert reciprocal_ranks(np.zeros((0, 3), np.float32)).shape == (0, 3)
