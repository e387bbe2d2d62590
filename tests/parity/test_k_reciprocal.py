"""k-reciprocal re-ranking against a NumPy transcription of the paper, and its invariants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import photofinish_kernels as kernels
from support.kernels import LENGTHS, people, unit_rows

Rows = NDArray[np.float32]


def transcription(queries: Rows, candidates: Rows, k1: int, k2: int, lambda_: float) -> NDArray[np.float64]:
    """Section 3 of Zhong et al. 2017, as defined in the kernel's stub, in double precision and with sets."""
    pool = np.concatenate([queries, candidates]).astype(np.float64)
    count = len(pool)
    distance = 1 - pool @ pool.T

    def neighbours(p: int, k: int) -> set[int]:
        others = np.sort(np.delete(distance[p], p))
        if k == 0 or len(others) == 0:
            return {p}
        return set(np.flatnonzero(distance[p] <= others[min(k, len(others)) - 1]).tolist()) | {p}

    def reciprocal(p: int, k: int) -> set[int]:
        return {x for x in neighbours(p, k) if p in neighbours(x, k)}

    encoded = np.zeros((count, count))
    for p in range(count):
        members = wide = reciprocal(p, k1)
        for q in wide:
            half = reciprocal(q, k1 // 2)
            if 3 * len(wide & half) > 2 * len(half):
                members = members | half
        chosen = sorted(members)
        encoded[p, chosen] = np.exp(-distance[p, chosen])
        encoded[p] /= encoded[p].sum()
    expanded = np.stack([encoded[sorted(neighbours(p, k2 - 1))].mean(axis=0) for p in range(count)])
    found = np.zeros((len(queries), len(candidates)))
    for i in range(len(queries)):
        for j in range(len(candidates)):
            a, b = expanded[i], expanded[len(queries) + j]
            jaccard = 1 - np.minimum(a, b).sum() / np.maximum(a, b).sum()
            found[i, j] = (1 - lambda_) * jaccard + lambda_ * distance[i, len(queries) + j]
    return found


def assert_is_transcription(queries: Rows, candidates: Rows, k1: int, k2: int, lambda_: float) -> None:
    found = kernels.k_reciprocal_distances(queries, candidates, k1=k1, k2=k2, lambda_=lambda_)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, transcription(queries, candidates, k1, k2, lambda_), atol=3e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 15, 17, 33, 65])
@pytest.mark.parametrize("queries", [1, 2, 5])
def test_distances_equal_the_transcription(count: int, queries: int) -> None:
    for k1, k2 in ((20, 6), (1, 1), (2, 1), (5, 3), (7, 20)):
        assert_is_transcription(unit_rows(queries, 32, seed=1), unit_rows(count, 32), k1, k2, 0.3)


@pytest.mark.parametrize("dim", [*LENGTHS, 128, 512])
def test_every_dimension(dim: int) -> None:
    rows = people(6, each=8, dim=dim)
    assert_is_transcription(rows[:3], rows[3:], 10, 4, 0.3)


@given(st.integers(1, 4), st.integers(1, 20), st.integers(1, 5), st.integers(1, 30), st.integers(1, 12), st.data())
def test_ties_are_included_or_excluded_together(
    queries: int, count: int, dim: int, k1: int, k2: int, data: st.DataObject
) -> None:
    """Products of small integers are exact, so ties are exact."""
    size = (queries + count) * dim
    values = data.draw(st.lists(st.integers(-1, 1), min_size=size, max_size=size))
    rows = np.array(values, np.float32).reshape(-1, dim) / np.float32(4)
    assert_is_transcription(rows[:queries], rows[queries:], k1, k2, 0.5)


def test_no_candidates_or_no_queries() -> None:
    queries = unit_rows(2, 8)
    assert kernels.k_reciprocal_distances(queries, np.zeros((0, 8), np.float32)).shape == (2, 0)
    assert kernels.k_reciprocal_distances(queries[:0], queries).shape == (0, 2)


@given(st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_the_order_of_candidates_does_not_matter(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    queries, candidates = unit_rows(2, 16, seed), unit_rows(count, 16, seed + 1)
    candidates[rng.integers(count)] = candidates[rng.integers(count)]
    order = rng.permutation(count)
    found = kernels.k_reciprocal_distances(queries, candidates, k1=5, k2=3)
    moved = kernels.k_reciprocal_distances(queries, np.ascontiguousarray(candidates[order]), k1=5, k2=3)
    np.testing.assert_allclose(moved, found[:, order], atol=1e-6)


@given(st.integers(3, 60), st.integers(1, 25), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_equal_candidates_have_equal_distances(count: int, k1: int, k2: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    candidates = unit_rows(count, 16, seed)
    twins = rng.permutation(count)[:3]
    candidates[twins] = candidates[twins[0]]
    found = kernels.k_reciprocal_distances(unit_rows(1, 16, seed + 1), candidates, k1=k1, k2=k2)[0]
    np.testing.assert_allclose(found[twins], found[twins[0]], atol=1e-6)


def test_lambda_mixes_in_the_cosine_distance() -> None:
    queries, candidates = unit_rows(3, 64, seed=1), unit_rows(200, 64)
    cosine = 1 - queries.astype(np.float64) @ candidates.T
    jaccard, mixed, alone = (kernels.k_reciprocal_distances(queries, candidates, lambda_=x) for x in (0, 0.25, 1))
    np.testing.assert_allclose(alone, cosine, atol=1e-6)
    np.testing.assert_allclose(mixed, 0.75 * jaccard + 0.25 * cosine, atol=1e-6)
    assert jaccard.min() >= -1e-6
    assert jaccard.max() <= 1 + 1e-6


def test_results_do_not_depend_on_threads() -> None:
    queries, candidates = unit_rows(3, 64, seed=1), people(40, each=12, dim=64)
    expected = kernels.k_reciprocal_distances(queries, candidates)
    for threads in (2, 5):
        np.testing.assert_array_equal(kernels.k_reciprocal_distances(queries, candidates, threads=threads), expected)


def test_a_poor_image_is_ranked_before_a_lookalike_by_its_neighbours() -> None:
    """The purpose of re-ranking: the lookalike is closer to the query, but has other neighbours."""
    person, other, error = unit_rows(3, 128, seed=5)
    poor, lookalike = person + np.float32(1.1) * error, person + np.float32(0.8) * other
    good = [person + np.float32(0.3) * noise for noise in unit_rows(8, 128, seed=6)]
    between = [person + np.float32(0.6) * error + np.float32(0.2) * noise for noise in unit_rows(6, 128, seed=7)]
    others = [lookalike + np.float32(0.3) * noise for noise in unit_rows(20, 128, seed=8)]
    rows = np.stack([poor, lookalike, *good, *between, *others, *unit_rows(100, 128, seed=9)])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    query = person[None] / np.linalg.norm(person)
    cosine = query @ rows.T
    assert cosine[0, 0] < cosine[0, 1]
    found = kernels.k_reciprocal_distances(query, rows)
    assert found[0, 0] < found[0, 1]


def test_invalid_arguments_are_rejected_by_name() -> None:
    queries, candidates = unit_rows(2, 16), unit_rows(5, 16)
    nan = candidates.copy()
    nan[4, 3] = np.nan
    cases: list[tuple[dict[str, Any], str]] = [
        ({"queries": queries.astype(np.float64)}, "queries: expected float32 of shape \\(Q, D\\), got float64"),
        ({"queries": nan}, "queries: row 4 contains NaN"),
        (
            {"candidates": candidates[0]},
            "candidates: expected float32 of shape \\(N, D\\), got float32 of shape \\[16\\]",
        ),
        ({"candidates": candidates[::2]}, "candidates: must be C-contiguous"),
        ({"candidates": unit_rows(5, 17)}, "candidates: have 17 columns, but queries have 16"),
        ({"candidates": nan}, "candidates: row 4 contains NaN"),
        ({"queries": queries[:, :0], "candidates": candidates[:, :0]}, "D = 0"),
        ({"k1": 0}, "k1: must be at least 1"),
        ({"k2": -1}, "k2: must be at least 1"),
        ({"lambda_": 1.5}, "lambda_: must be from 0 to 1"),
        ({"lambda_": float("nan")}, "lambda_: must be from 0 to 1"),
        ({"threads": 0}, "threads: must be at least 1"),
    ]
    for change, message in cases:
        arguments: dict[str, Any] = {"queries": queries, "candidates": candidates} | change
        with pytest.raises(ValueError, match=message):
            kernels.k_reciprocal_distances(**arguments)
    with pytest.raises(TypeError, match="candidates: expected a NumPy array"):
        kernels.k_reciprocal_distances(queries, [[1.0]])  # type: ignore[arg-type]
