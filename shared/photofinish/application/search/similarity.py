"""Exact similarities of what an index found, by the Rust kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.face import Embedding
from photofinish_kernels import cosine_top_k, k_reciprocal_distances

# Among fewer faces everybody is everybody's neighbour: of 60 strangers 3 in 100 would be lifted, of 150 1 in 10,000.
MIN_FACES_FOR_SUPPORT = 150
# All are compared with all: 2,000 take some 80 ms. Whoever is alike to more needs no support.
MAX_FACES_FOR_SUPPORT = 2000
MIN_CENTROID_LENGTH = 1e-3


def best_similarities(queries: Sequence[Embedding], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cosine of each of (N, D) unit-length rows to the nearest of the queries, one or more: (N,).

    Equal rows get equal numbers, wherever they stand, which a matrix product does not promise.
    """
    best = np.full(len(vectors), -1.0, np.float32)
    if len(vectors):
        rows, similarities = cosine_top_k(np.stack([query.vector for query in queries]), vectors, len(vectors))
        np.maximum.at(best, rows.ravel(), similarities.ravel())
    return best


def centroid(embeddings: Sequence[Embedding]) -> Embedding:
    """The middle of embeddings of one space; that of opposite ones, which have none, is the first."""
    if len(embeddings) == 1:
        return embeddings[0]
    mean: NDArray[np.float64] = np.mean([embedding.vector for embedding in embeddings], axis=0, dtype=np.float64)
    length = np.linalg.norm(mean)
    if length < MIN_CENTROID_LENGTH:
        return embeddings[0]
    unit: NDArray[np.float32] = (mean / length).astype(np.float32)
    return Embedding(unit, embeddings[0].space)


def supports(query: Embedding, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the faces nearest to the query and those nearest to each of (N, D) unit-length rows agree: (N,), 0 to 1.

    One minus the Jaccard distance of their k-reciprocal neighbours (Zhong et al. 2017); 0 where there are too few rows
    to tell, or too many.
    """
    if not MIN_FACES_FOR_SUPPORT <= len(vectors) <= MAX_FACES_FOR_SUPPORT:
        return np.zeros(len(vectors), np.float32)
    [distances] = k_reciprocal_distances(query.vector[np.newaxis], vectors, k1=20, k2=6, lambda_=0.0)
    shared: NDArray[np.float32] = 1 - distances
    return shared
