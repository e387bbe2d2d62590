"""Exact similarities between embeddings, and re-ranking by them, with the Rust kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.face import Embedding
from photofinish_kernels import cosine_top_k, k_reciprocal_distances

# Among few faces all are each other's neighbours: of 60 strangers 3 in 100 would be lifted, of 150 1 in 10,000.
MIN_FACES_FOR_NEIGHBOURS = 150
# All are compared with all: 2,000 take some 80 ms. A person with more similar faces needs no lift.
MAX_FACES_FOR_NEIGHBOURS = 2000
MIN_CENTROID_LENGTH = 1e-3
# Similarity alone misses small and blurred faces. One whose nearest faces in the album are also the nearest to the
# query (k-reciprocal neighbours) counts as more similar than it is. Chosen on selfies of 10 people, 90 worse pictures
# of them and the faces of 667 runners: of portraits shrunk to 45 % of their size 98 % are found instead of 88 %, at
# 30 % of it 56 % instead of 32 %, with one false face; of 44 searches for runners, who are in the album once or twice,
# 14 instead of 11 faces are false (docs/benchmarks/search.md).
LIFT_FROM = 0.6
MAX_LIFT = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranked:
    """A candidate in its new place."""

    index: int
    """Row of the candidate."""
    score: float
    """0 to 1, by the nearest query: shared neighbours and cosine."""
    similarity: float
    """Cosine to the most similar query."""


def best_similarities(queries: Sequence[Embedding], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cosine of each of (N, D) unit-length rows to the nearest of the queries (one or more): (N,).

    Equal rows get equal numbers wherever they are, which a matrix product does not promise.
    """
    best = np.full(len(vectors), -1.0, np.float32)
    rows, similarities = ranked_similarities(queries, vectors)
    np.maximum.at(best, rows.ravel(), similarities.ravel())
    return best


def ranked_similarities(
    queries: Sequence[Embedding], vectors: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """All of (N, D) unit-length rows by falling cosine to each of Q queries (one or more): rows and cosines, (Q, N)."""
    if not len(vectors):
        return np.zeros((len(queries), 0), np.int64), np.zeros((len(queries), 0), np.float32)
    rows, similarities = cosine_top_k(np.stack([query.vector for query in queries]), vectors, len(vectors))
    return rows.astype(np.int64, copy=False), similarities


def centroid(embeddings: Sequence[Embedding]) -> Embedding:
    """The mean of embeddings of one space, at unit length; the first one where the mean is about 0 (opposites)."""
    if len(embeddings) == 1:
        return embeddings[0]
    mean: NDArray[np.float64] = np.mean([embedding.vector for embedding in embeddings], axis=0, dtype=np.float64)
    length = np.linalg.norm(mean)
    if length < MIN_CENTROID_LENGTH:
        return embeddings[0]
    unit: NDArray[np.float32] = (mean / length).astype(np.float32)
    return Embedding(unit, embeddings[0].space)


def shared_neighbours(query: Embedding, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each of (N, D) unit-length rows has the same nearest rows as the query: (N,), 0 to 1.

    One minus the Jaccard distance of their k-reciprocal neighbours (Zhong et al. 2017); 0 for too few rows to tell and
    for too many.
    """
    if not MIN_FACES_FOR_NEIGHBOURS <= len(vectors) <= MAX_FACES_FOR_NEIGHBOURS:
        return np.zeros(len(vectors), np.float32)
    [distances] = k_reciprocal_distances(query.vector[np.newaxis], vectors, k1=20, k2=6, lambda_=0.0)
    shared: NDArray[np.float32] = 1 - distances
    return shared


def lifted_similarities(similarities: NDArray[np.floating], shared: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) similarities, each raised by up to `MAX_LIFT` by the neighbours that the face shares with the query."""
    share = np.clip((np.asarray(shared, np.float64) - LIFT_FROM) / (1 - LIFT_FROM), 0.0, 1.0)
    lifted: NDArray[np.float64] = np.asarray(similarities, np.float64) + MAX_LIFT * share
    return lifted


def rerank_candidates(
    queries: NDArray[np.float32], candidates: NDArray[np.float32], *, k1: int, k2: int, lambda_: float
) -> list[Reranked]:
    """Order (N, D) candidates by k-reciprocal re-ranking (Zhong et al. 2017), best first, ties by row.

    `queries` are (Q, D), all rows of unit length and of one embedding space. `k1` nearest neighbours are compared, each
    encoding is averaged over `k2`, and `lambda_` is the share of the plain cosine.
    """
    distances = k_reciprocal_distances(queries, candidates, k1=k1, k2=k2, lambda_=lambda_)
    scores = 1.0 - distances.min(axis=0)
    similarities = (queries @ candidates.T).max(axis=0)
    return [
        Reranked(
            index=int(row),
            score=float(np.clip(scores[row], 0, 1)),
            similarity=float(np.clip(similarities[row], -1, 1)),
        )
        for row in np.argsort(-scores, kind="stable")
    ]
