"""The faces of a person, and similar faces to suggest for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from photofinish.application.search.similar_faces import most_similar_faces
from photofinish.domain.face import Embedding
from photofinish.domain.people import FaceSource, Person
from photofinish.ports import FaceIndex, IndexedFace, People

# The search also finds the person's own and rejected faces: up to so many are fetched beyond the limit to skip them.
MAX_SKIPPED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFace:
    """A face of the person."""

    face: IndexedFace
    source: FaceSource
    similarity: float | None
    """Cosine to the person's centroid; None where either is unknown in the searched embedding space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedFace:
    """A face that may be the person's."""

    face: IndexedFace
    similarity: float
    """Cosine to the person's centroid."""
    person_id: str | None
    """The person that clustering assigned it to; None for an unassigned face."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """The faces of a person, confirmed ones first, and those suggested for them, the most similar first."""

    own: list[OwnFace]
    suggested: list[SuggestedFace]


def find_matches(
    person: Person, *, people: People, index: FaceIndex, space: str, limit: int, offset: int, min_similarity: float
) -> Matches:
    """A page of up to `limit` faces of the person from `offset` on; the first page also suggests up to `limit` faces.

    Similarities are those of the embedding space `space`; suggested faces have `min_similarity` or more.
    """
    centroids = [one for one in people.embeddings(person.album, person.person_id) if one.space == space]
    own = _own_faces(person, centroids, people, index, limit=limit, offset=offset)
    suggested = [] if offset else _suggested_faces(person, centroids, people, index, limit, min_similarity)
    return Matches(own=own, suggested=suggested)


def _own_faces(
    person: Person, centroids: Sequence[Embedding], people: People, index: FaceIndex, *, limit: int, offset: int
) -> list[OwnFace]:
    faces = people.faces(person.album, person.person_id, limit=limit, offset=offset)
    embeddings = index.embeddings(person.album, [one.face.face_id for one in faces])
    return [
        OwnFace(face=one.face, source=one.source, similarity=_similarity(embeddings.get(one.face.face_id), centroids))
        for one in faces
    ]


def _suggested_faces(
    person: Person,
    centroids: Sequence[Embedding],
    people: People,
    index: FaceIndex,
    limit: int,
    min_similarity: float,
) -> list[SuggestedFace]:
    """The most similar faces that are neither the person's, nor rejected for them, nor decided as another person's."""
    if not centroids:
        return []
    rejected = people.rejected_faces(person.album, person.person_id)
    count = limit + min(person.face_count + len(rejected), MAX_SKIPPED)
    found = most_similar_faces(index, person.album, centroids, limit=count, min_similarity=min_similarity)
    owners = people.face_owners(person.album, [match.face.face_id for match in found])
    suggested = []
    for match in found:
        owner = owners.get(match.face.face_id)
        if match.face.face_id in rejected:
            continue
        if owner is None:
            suggested.append(SuggestedFace(face=match.face, similarity=match.similarity, person_id=None))
        elif owner.person_id != person.person_id and owner.source is FaceSource.CLUSTERED:
            suggested.append(SuggestedFace(face=match.face, similarity=match.similarity, person_id=owner.person_id))
    return suggested[:limit]


def _similarity(embedding: Embedding | None, centroids: Sequence[Embedding]) -> float | None:
    if embedding is None:
        return None
    return next((float(one.vector @ embedding.vector) for one in centroids if one.space == embedding.space), None)
