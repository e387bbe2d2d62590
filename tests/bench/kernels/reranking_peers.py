"""k-reciprocal re-ranking in Python, with the same results as the kernel except for the order of ties.

Neighbours are found by argpartition; the published program sorts whole rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

Rows = NDArray[np.float32]
K1, K2, LAMBDA = 20, 6, 0.3


def nearest(queries: Rows, candidates: Rows) -> tuple[Rows, NDArray[np.intp]]:
    """Distances between all rows, and the indices of the K1 + 1 nearest of each, itself first."""
    pool = np.concatenate([queries, candidates])
    distances = 1 - pool @ pool.T
    keep = min(K1 + 1, len(pool))
    unsorted = np.argpartition(distances, keep - 1, axis=1)[:, :keep]
    order = np.argsort(np.take_along_axis(distances, unsorted, axis=1), axis=1)
    return distances, np.take_along_axis(unsorted, order, axis=1)


def as_published(queries: Rows, candidates: Rows) -> Rows:
    """As published: row by row, with lists of indices and a matrix of weights."""
    distances, ranks = nearest(queries, candidates)
    count, half = len(distances), K1 // 2 + 1
    weights = np.zeros_like(distances)
    for p in range(count):
        near = ranks[p]
        reciprocal = near[np.nonzero(ranks[near] == p)[0]]
        members = reciprocal
        for q in reciprocal:
            near = ranks[q, :half]
            others = near[np.nonzero(ranks[near, :half] == q)[0]]
            if len(np.intersect1d(others, reciprocal)) > 2 / 3 * len(others):
                members = np.append(members, others)
        members = np.unique(members)
        weight = np.exp(-distances[p, members])
        weights[p, members] = weight / weight.sum()
    weights = np.stack([weights[ranks[p, :K2]].mean(axis=0) for p in range(count)])
    nonzero_rows = [np.flatnonzero(column) for column in weights.T]
    jaccard = np.zeros((len(queries), count), np.float32)
    for query in range(len(queries)):
        common = np.zeros(count, np.float32)
        for x in np.flatnonzero(weights[query]):
            common[nonzero_rows[x]] += np.minimum(weights[query, x], weights[nonzero_rows[x], x])
        jaccard[query] = 1 - common / (2 - common)
    return ((1 - LAMBDA) * jaccard + LAMBDA * distances[: len(queries)])[:, len(queries) :]


def with_sparse_matrices(queries: Rows, candidates: Rows) -> Rows:
    """Without a loop over rows: sets are rows of sparse matrices."""
    distances, ranks = nearest(queries, candidates)
    count = len(distances)

    def sets(k: int) -> csr_array:
        columns = np.ascontiguousarray(ranks[:, :k])
        starts = np.arange(0, columns.size + 1, columns.shape[1])
        return csr_array((np.ones(columns.size, np.float32), columns.ravel(), starts), shape=(count, count))

    near, near_half = sets(K1 + 1), sets(K1 // 2 + 1)
    reciprocal, half = near * near.T, near_half * near_half.T
    sizes = np.asarray(half.sum(axis=1))
    common = ((reciprocal @ half.T) * reciprocal).tocoo()
    is_enough = common.data > 2 / 3 * sizes[common.col]
    taken = csr_array(
        (np.ones(is_enough.sum(), np.float32), (common.row[is_enough], common.col[is_enough])), shape=(count, count)
    )
    members = (reciprocal + taken @ half).tocoo()
    weights = csr_array(
        (np.exp(-distances[members.row, members.col]), (members.row, members.col)), shape=(count, count)
    )
    weights = diags_array(1 / np.asarray(weights.sum(axis=1))) @ weights
    weights = (sets(K2) / K2 @ weights).tocsr()
    jaccard = np.empty((len(queries), count), np.float32)
    for query in range(len(queries)):
        of_query = weights[[query]].toarray()[0]
        columns = np.flatnonzero(of_query)
        shared = np.minimum(weights[:, columns].toarray(), of_query[columns]).sum(axis=1)
        jaccard[query] = 1 - shared / (2 - shared)
    return ((1 - LAMBDA) * jaccard + LAMBDA * distances[: len(queries)])[:, len(queries) :]
