"""The hybrid score against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import photofinish_kernels as kernels
from support.kernels import LENGTHS


def random_components(count: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random((count, width), dtype=np.float32), rng.random(width, dtype=np.float32)


@pytest.mark.parametrize("count", [0, 1, *LENGTHS, 1000])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6, 7, 8, 17])
def test_scores_equal_numpy(count: int, width: int) -> None:
    components, weights = random_components(count, width)
    scores, contributions = kernels.hybrid_scores(components, weights)
    assert scores.dtype == contributions.dtype == np.float32
    assert scores.shape == (count,)
    np.testing.assert_array_equal(contributions, components * weights)
    np.testing.assert_allclose(scores, components.astype(np.float64) @ weights, rtol=1e-5)


@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_a_score_is_the_sum_of_its_contributions_from_left_to_right(count: int, width: int, seed: int) -> None:
    scores, contributions = kernels.hybrid_scores(*random_components(count, width, seed))
    sums = np.zeros(count, np.float32)
    for column in contributions.T:
        sums += column
    np.testing.assert_array_equal(scores, sums)


@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_a_larger_component_never_lowers_the_score(count: int, width: int, seed: int) -> None:
    components, weights = random_components(count, width, seed)
    before, _ = kernels.hybrid_scores(components, weights)
    rng = np.random.default_rng(seed)
    column = rng.integers(width)
    components[:, column] += (1 - components[:, column]) * rng.random(count, dtype=np.float32)
    after, _ = kernels.hybrid_scores(np.clip(components, 0, 1), weights)
    assert (after >= before).all()


def test_invalid_arguments_are_rejected_by_name() -> None:
    components, weights = random_components(20, 4)
    nan, above, below = components.copy(), components.copy(), components.copy()
    nan[19, 3], above[7, 0], below[16, 2] = np.nan, 1.001, -0.001
    cases: list[tuple[dict[str, Any], str]] = [
        (
            {"components": components.astype(np.float64)},
            "components: expected float32 of shape \\(N, P\\), got float64",
        ),
        (
            {"components": components[0]},
            "components: expected float32 of shape \\(N, P\\), got float32 of shape \\[4\\]",
        ),
        ({"components": components[:, ::2], "weights": weights[:2]}, "components: must be C-contiguous"),
        ({"components": components[:, :0], "weights": weights[:0]}, "components: rows have length 0"),
        ({"components": nan}, "components: must be from 0 to 1, but row 19 is .*NaN"),
        ({"components": above}, "components: must be from 0 to 1, but row 7 is"),
        ({"components": below}, "components: must be from 0 to 1, but row 16 is"),
        ({"weights": weights[:3]}, "weights: has length 3 for 4 components"),
        ({"weights": weights.astype(np.float64)}, "weights: expected float32 of shape \\(P,\\), got float64"),
        ({"weights": np.concatenate([weights, weights])[::2]}, "weights: must be C-contiguous"),
        ({"weights": -weights}, "weights: must be finite and at least 0"),
        ({"weights": weights * np.float32(np.nan)}, "weights: must be finite and at least 0, got NaN"),
        ({"weights": weights * np.float32(np.inf)}, "weights: must be finite and at least 0, got inf"),
    ]
    for change, message in cases:
        with pytest.raises(ValueError, match=message):
            kernels.hybrid_scores(**{"components": components, "weights": weights} | change)
