"""Clustering against SciPy's connected components and a simple union of sets."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

import photofinish_kernels as kernels
from support.kernels import LENGTHS, people, unit_rows

NO_PAIRS = np.zeros((0, 2), np.int64)


@pytest.mark.parametrize("dim", [*LENGTHS, 128])
def test_clusters_without_cannot_links_are_connected_components(dim: int) -> None:
    for count in (1, 3, 16, 65, 200):
        rows = unit_rows(count, dim)
        # The threshold is in the widest gap between two similarities, so that rounding does not change the result.
        values = np.unique((rows @ rows.T)[np.triu_indices(count, 1)])
        gap = np.argmax(np.diff(values)) if len(values) > 1 else 0
        threshold = float(values[gap : gap + 2].mean()) if len(values) else 0.5
        _, expected = connected_components(csr_array(rows @ rows.T >= threshold), directed=False)
        np.testing.assert_array_equal(kernels.cluster_rows(rows, threshold=threshold), expected)


def union_of_sets(rows: NDArray[np.float32], threshold: float, cannot_link: list[tuple[int, int]]) -> list[int]:
    similarities = rows @ rows.T
    pairs = [(a, b) for a, b in combinations(range(len(rows)), 2) if similarities[a, b] >= threshold]
    clusters = [{row} for row in range(len(rows))]
    for a, b in sorted(pairs, key=lambda pair: (-similarities[pair], pair)):
        union = clusters[a] | clusters[b]
        if not any(x in union and y in union for x, y in cannot_link):
            for row in union:
                clusters[row] = union
    firsts = sorted({min(cluster) for cluster in clusters})
    return [firsts.index(min(cluster)) for cluster in clusters]


@given(st.integers(1, 25), st.integers(1, 6), st.integers(0, 4), st.data())
def test_cannot_links_hold_and_ties_are_resolved_by_row(
    count: int, dim: int, threshold: int, data: st.DataObject
) -> None:
    """Similarities of small integers are exact, so ties are exact."""
    values = data.draw(st.lists(st.integers(-1, 1), min_size=count * dim, max_size=count * dim))
    rows = np.array(values, np.float32).reshape(count, dim)
    number = st.integers(0, count - 1)
    cannot_link = data.draw(st.lists(st.tuples(number, number).filter(lambda pair: pair[0] != pair[1]), max_size=8))
    pairs = np.array(cannot_link, np.int64).reshape(-1, 2)
    labels = kernels.cluster_rows(rows, threshold=threshold, cannot_link=pairs)
    assert labels.tolist() == union_of_sets(rows, threshold, cannot_link)
    assert all(labels[a] != labels[b] for a, b in cannot_link)


def test_people_are_separated_even_if_their_rows_are_equal() -> None:
    rows = people(20, each=5, dim=64)
    assert kernels.cluster_rows(rows, threshold=0.6).tolist() == list(range(20)) * 5
    twins = np.repeat(unit_rows(1, 64), 2, axis=0)
    assert kernels.cluster_rows(twins, threshold=0.6).tolist() == [0, 0]
    pair = np.array([[0, 1]], np.int64)
    assert kernels.cluster_rows(twins, threshold=0.6, cannot_link=pair).tolist() == [0, 1]


def test_no_rows_give_no_clusters() -> None:
    labels = kernels.cluster_rows(np.zeros((0, 8), np.float32), threshold=0.5, cannot_link=NO_PAIRS)
    assert labels.shape == (0,)
    assert labels.dtype == np.int64


def test_invalid_arguments_are_rejected_by_name() -> None:
    rows = unit_rows(5, 16)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"rows": rows.astype(np.float64)}, "rows: expected float32"),
        ({"rows": rows[:, ::2]}, "rows: must be C-contiguous"),
        ({"rows": rows * np.float32(np.nan)}, "rows: row 0 contains NaN"),
        ({"threshold": float("nan")}, "threshold: must be a finite number"),
        ({"cannot_link": np.zeros((1, 3), np.int64)}, "cannot_link: must have 2 columns"),
        ({"cannot_link": np.array([[0, 5]])}, "cannot_link: pair 0 must be two different row indices below 5, got"),
        ({"cannot_link": np.array([[1, 2], [3, 3]])}, "cannot_link: pair 1 must"),
        ({"cannot_link": np.array([[-1, 2]])}, "cannot_link: pair 0 must"),
    ]
    for change, message in cases:
        arguments: dict[str, Any] = {"rows": rows, "threshold": 0.5} | change
        with pytest.raises(ValueError, match=message):
            kernels.cluster_rows(**arguments)
