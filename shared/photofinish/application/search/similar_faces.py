"""The faces of an album that are similar to given embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photofinish.application.search.similarity import (
    best_similarities,
    centroid,
    lifted_similarities,
    ranked_similarities,
    shared_neighbours,
)
from photofinish.domain.face import Embedding
from photofinish.domain.matching import Calibration, is_certain, match_probability, rounded_similarities
from photofinish.domain.search import PhotoFilter
from photofinish.domain.search_results import BestMatch, FaceEvidence
from photofinish.ports import AlbumReading, FaceIndex, IndexedFace

# A search chooses from this many faces per embedding: enough of them are strangers to compare neighbours with.
CANDIDATE_FACES = 200
# If all of these are similar enough, from this many: hardly anyone is on more photos of an album.
MANY_CANDIDATE_FACES = 2000
# The index orders by half precision and misses a face now and then, so more candidates than matches are fetched.
CANDIDATES_PER_MATCH = 2
MIN_CANDIDATES = 100
_EVERY_PHOTO = PhotoFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarFace:
    """A face that may be the searched person's."""

    photo_id: str
    probability: float
    """0 to 1: that it is."""
    evidence: FaceEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarFaces:
    """The faces that are similar enough, and the most similar one of each embedding and of their centroid."""

    faces: Sequence[SimilarFace]
    best_matches: tuple[BestMatch, ...]


def similar_faces(
    album: AlbumReading,
    embeddings: Sequence[Embedding],
    *,
    where: PhotoFilter,
    calibration: Calibration,
    min_similarity: float,
    lifts: bool = True,
) -> SimilarFaces:
    """The faces that are similar enough to any of `embeddings` (one or more, of one person) or to their centroid.

    If `lifts`, a face that shares its neighbours with the centroid counts as more similar than it is. Everything that
    is returned, and so every order made of it, comes from rounded similarities.
    """
    threshold = min_similarity
    middle = centroid(embeddings)
    queries = [middle] if len(embeddings) == 1 else [*embeddings, middle]
    near = album.nearest(queries, limit=CANDIDATE_FACES, where=where)
    similarities = best_similarities(queries, near.vectors)
    if np.count_nonzero(similarities >= threshold) >= CANDIDATE_FACES:
        near = album.nearest(queries, limit=MANY_CANDIDATE_FACES, where=where)
        similarities = best_similarities(queries, near.vectors)
    shared = shared_neighbours(middle, near.vectors)
    lifts_of = lifted_similarities(np.zeros(len(shared)), shared) if lifts else np.zeros(len(shared))
    lifted = rounded_similarities(similarities + lifts_of, calibration)
    shown, shown_shared = rounded_similarities(similarities, calibration), np.floor(shared * 10 + 1e-3) / 10
    found = []
    for row in np.flatnonzero(lifted >= threshold).tolist():
        face = near.face(row)
        evidence = FaceEvidence(
            face_id=face.face_id,
            box=face.box,
            similarity=float(shown[row]),
            is_certain=is_certain(float(shown[row]), calibration),
            shared_neighbours=float(shown_shared[row]),
            detection_score=face.detection_score,
            quality=face.quality,
        )
        probability = match_probability(float(lifted[row]), calibration)
        found.append(SimilarFace(photo_id=face.photo_id, probability=probability, evidence=evidence))
    best_matches = []
    for rows, cosines in zip(*ranked_similarities(queries, near.vectors), strict=True):
        own = rounded_similarities(cosines + lifts_of[rows], calibration)
        if (places := np.flatnonzero(own >= threshold)).size:
            nearest = near.face(int(rows[places[0]]))
            best_matches.append(BestMatch(face_id=nearest.face_id, similarity=float(own[places].max())))
    return SimilarFaces(faces=found, best_matches=tuple(best_matches))


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceMatch:
    """A face of the index and how similar it is to the query: cosine, higher is closer."""

    face: IndexedFace
    similarity: float


def most_similar_faces(
    index: FaceIndex,
    album: str,
    queries: Sequence[Embedding],
    *,
    limit: int,
    min_similarity: float,
    rounded_by: Calibration | None = None,
) -> list[FaceMatch]:
    """The faces of `album` most similar to any of `queries`, best first, ties by face id; none in an unknown album.

    A face's similarity is its best over the queries; only faces of the queries' embedding space are compared. What
    callers get to see is rounded by a calibration first, so that the order of faces and a threshold tell no more.
    """
    if not queries or limit < 1:
        return []
    count = max(CANDIDATES_PER_MATCH * limit, MIN_CANDIDATES)
    with index.reading(album) as reading:
        near = reading.nearest(queries, limit=count, where=_EVERY_PHOTO)
        similarities: NDArray[np.floating] = best_similarities(queries, near.vectors)
        if rounded_by is not None:
            similarities = rounded_similarities(similarities, rounded_by)
        faces = [
            (similarity, near.face(row))
            for row, similarity in enumerate(similarities.tolist())
            if similarity >= min_similarity  # compared in double precision: NumPy would round min_similarity to single
        ]
        best = sorted(faces, key=lambda match: (-match[0], match[1].face_id))[:limit]
        photos = reading.photos([face.photo_id for _, face in best])
    return [
        FaceMatch(
            face=IndexedFace(
                face_id=face.face_id,
                photo=photos[face.photo_id].photo,
                box=face.box,
                detection_score=face.detection_score,
                sharpness=face.sharpness,
                quality=face.quality,
            ),
            similarity=similarity,
        )
        for similarity, face in best
    ]
