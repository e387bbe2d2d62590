"""Search against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import photofinish_kernels as kernels
from support.kernels import LENGTHS, unit_rows


def assert_top_k(
    queries: NDArray[np.float32], rows: NDArray[np.float32], k: int, mask: NDArray[np.bool_] | None = None
) -> None:
    """The similarities equal NumPy's in double precision, and belong to the returned rows."""
    found_rows, found = kernels.cosine_top_k(queries, rows, k, mask=mask)
    exact = queries.astype(np.float64) @ rows.astype(np.float64).T
    if mask is not None:
        exact[:, ~mask] = -np.inf
    allowed = len(rows) if mask is None else int(mask.sum())
    best = -np.sort(-exact, axis=1)[:, : min(k, allowed)]
    assert found_rows.dtype == np.int64
    assert found.dtype == np.float32
    assert found.shape == best.shape
    np.testing.assert_allclose(found, best, atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(exact, found_rows, axis=1), found, atol=1e-5)
    assert all(len(set(hits)) == len(hits) for hits in found_rows.tolist())


@pytest.mark.parametrize("dim", [*LENGTHS, 128, 512])
@pytest.mark.parametrize("queries", [1, 2, 5, 17, 64])
def test_top_k_equals_numpy(dim: int, queries: int) -> None:
    for count in (1, 3, 16, 65, 200):
        rows = unit_rows(count, dim, seed=count)
        mask = np.random.default_rng(count).random(count) < 0.6
        assert_top_k(unit_rows(queries, dim, seed=99), rows, 10)
        assert_top_k(unit_rows(queries, dim, seed=99), rows, 10, mask)


@given(st.integers(0, 6), st.integers(0, 40), st.integers(1, 20), st.integers(1, 50), st.randoms())
def test_order_is_descending_similarity_then_row(queries: int, count: int, dim: int, k: int, random: object) -> None:
    """Sums of small integers are exact, so ties are exact."""
    rng = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    query_values = rng.integers(-1, 2, (queries, dim)).astype(np.float32)
    rows = rng.integers(-1, 2, (count, dim)).astype(np.float32)
    found_rows, found = kernels.cosine_top_k(query_values, rows, k)
    exact = query_values @ rows.T
    expected = np.argsort(-exact, axis=1, kind="stable")[:, :k]
    assert found_rows.tolist() == expected.tolist()
    assert found.tolist() == np.take_along_axis(exact, expected, axis=1).tolist()


@pytest.mark.parametrize("queries", [1, 3, 20])
def test_half_precision_is_exact_for_the_rounded_rows(queries: int) -> None:
    for dim in (1, 15, 17, 128):
        rows = unit_rows(200, dim).astype(np.float16)
        found_rows, found = kernels.cosine_top_k(unit_rows(queries, dim, seed=1), rows, 10)
        exact = unit_rows(queries, dim, seed=1).astype(np.float64) @ rows.astype(np.float64).T
        np.testing.assert_allclose(found, -np.sort(-exact, axis=1)[:, :10], atol=1e-5)
        np.testing.assert_allclose(np.take_along_axis(exact, found_rows, axis=1), found, atol=1e-5)


def test_int8_search_recalls_the_results_of_exact_search() -> None:
    rows, queries = unit_rows(50_000, 128), unit_rows(50, 128, seed=1)
    codes, scales = kernels.quantize_rows(rows)
    exact_rows, exact = kernels.cosine_top_k(queries, rows, 10)
    for table in (rows, rows.astype(np.float16)):
        found_rows, found = kernels.cosine_top_k_int8(queries, codes, scales, table, 10)
        recall = np.mean(
            [len(set(a) & set(b)) / 10 for a, b in zip(found_rows.tolist(), exact_rows.tolist(), strict=True)]
        )
        assert recall >= 0.999
        np.testing.assert_allclose(found, exact, atol=1e-3)


def test_quantization_error_is_at_most_half_a_step() -> None:
    rows = unit_rows(100, 37)
    rows[3] = 0
    codes, scales = kernels.quantize_rows(rows)
    assert np.abs(codes.astype(np.float32) * scales[:, None] - rows).max() <= scales.max() * 0.501
    assert (codes[3] == 0).all()
    with pytest.raises(ValueError, match="codes: have shape"):
        kernels.cosine_top_k_int8(unit_rows(1, 37), codes[:50], scales, rows, 3)
    with pytest.raises(ValueError, match="scales: has length 50 for 100 rows"):
        kernels.cosine_top_k_int8(unit_rows(1, 37), codes, scales[:50], rows, 3)


def test_results_do_not_depend_on_threads() -> None:
    rows, queries = unit_rows(60_000, 64), unit_rows(3, 64, seed=1)
    expected = kernels.cosine_top_k(queries, rows, 10)
    for threads in (2, 5):
        found = kernels.cosine_top_k(queries, rows, 10, threads=threads)
        assert all((a == b).all() for a, b in zip(expected, found, strict=True))


def test_mask_bytes_other_than_0_and_1_are_true() -> None:
    mask = np.array([0, 2, 0, 255], np.uint8).view(np.bool_)
    found_rows, _ = kernels.cosine_top_k(unit_rows(1, 8), unit_rows(4, 8, seed=1), 4, mask=mask)
    assert sorted(found_rows[0].tolist()) == [1, 3]


def with_nan(rows: NDArray[np.float32], row: int) -> NDArray[np.float32]:
    rows[row, -1] = np.nan
    return rows


def test_invalid_arguments_are_rejected_by_name() -> None:
    queries, rows = unit_rows(2, 16), unit_rows(5, 16)
    cases: list[tuple[dict[str, object], str]] = [
        ({"queries": queries.astype(np.float64)}, "queries: expected float32 of shape \\(Q, D\\), got float64"),
        ({"queries": queries[0]}, "queries: expected float32 of shape \\(Q, D\\), got float32 of shape \\[16\\]"),
        ({"queries": with_nan(queries.copy(), 1)}, "queries: row 1 contains NaN"),
        ({"rows": unit_rows(5, 17)}, "rows: have 17 columns, but queries have 16"),
        ({"rows": unit_rows(5, 32)[:, ::2]}, "rows: must be C-contiguous"),
        ({"rows": with_nan(rows.copy(), 4)}, "rows: row 4 contains NaN"),
        ({"rows": rows[:, :0], "queries": queries[:, :0]}, "D = 0"),
        ({"k": 0}, "k: must be at least 1"),
        ({"threads": -1}, "threads: must be at least 1"),
        ({"mask": np.ones(4, np.bool_)}, "mask: has length 4 for 5 rows"),
        ({"mask": np.ones(5, np.uint8)}, "mask: expected bool of shape \\(N,\\), got uint8"),
        ({"mask": np.ones(10, np.bool_)[::2]}, "mask: must be C-contiguous"),
    ]
    for change, message in cases:
        arguments = {"queries": queries, "rows": rows, "k": 3} | change
        with pytest.raises(ValueError, match=message):
            kernels.cosine_top_k(**arguments)  # type: ignore[arg-type]
