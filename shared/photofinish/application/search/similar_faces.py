"""The faces of an album that are most similar to given embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from photofinish.application.search.similarity import best_similarities
from photofinish.domain.face import Embedding
from photofinish.domain.search import PhotoFilter
from photofinish.ports import FaceIndex, IndexedFace

# The index orders by half precision and misses a face now and then, so more candidates than matches are fetched.
CANDIDATES_PER_MATCH = 2
MIN_CANDIDATES = 100
_EVERY_PHOTO = PhotoFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceMatch:
    """A face of the index and how similar it is to the query: cosine, higher is closer."""

    face: IndexedFace
    similarity: float


def most_similar_faces(
    index: FaceIndex, album: str, queries: Sequence[Embedding], *, limit: int, min_similarity: float
) -> list[FaceMatch]:
    """The faces of `album` most similar to any of `queries`, best first, ties by face id; none for an unknown album.

    A face's similarity is its best over the queries; only faces of the queries' embedding space are compared.
    """
    if not queries or limit < 1:
        return []
    count = max(CANDIDATES_PER_MATCH * limit, MIN_CANDIDATES)
    with index.reading(album) as reading:
        near = reading.nearest(queries, limit=count, where=_EVERY_PHOTO)
        similarities = best_similarities(queries, near.vectors)
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
