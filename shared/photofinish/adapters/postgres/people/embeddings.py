"""Embeddings of people: the centroids of their faces and enrolment pictures."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.halfvec import unit_vector
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.face import Embedding
from photofinish.domain.people import FaceSource, WeightedEmbedding, centroids

_query = Statements("people_faces")

# More faces of one person, the best first, change the centroid by less than half precision does.
MAX_CENTROID_FACES = 500


def person_embeddings(conn: Connection, album_id: int, person: UUID) -> list[Embedding]:
    """As :meth:`photofinish.ports.People.embeddings` promises."""
    decided = _centroids(conn, album_id, person, [FaceSource.CONFIRMED, FaceSource.KEPT], enrolled=True)
    return decided or _centroids(conn, album_id, person, [FaceSource.CLUSTERED], enrolled=False)


def confirmed_embeddings(conn: Connection, album_id: int, person: UUID) -> list[Embedding]:
    """The centroids of the faces confirmed as the person's, one per embedding space."""
    return _centroids(conn, album_id, person, [FaceSource.CONFIRMED], enrolled=False)


def face_embeddings(conn: Connection, album_id: int, face_ids: Sequence[str]) -> dict[str, Embedding]:
    """Face id → embedding, of those faces that the album has."""
    values = {"album_id": album_id, "face_ids": [as_uuid(face_id) for face_id in face_ids]}
    rows = conn.execute(_query("face_embeddings"), values, binary=True).fetchall()
    found = {face_id: Embedding(unit_vector(sent), space) for face_id, space, sent in rows}
    return {face_id: found[as_uuid(face_id)] for face_id in face_ids if as_uuid(face_id) in found}


def _centroids(
    conn: Connection, album_id: int, person: UUID, sources: Sequence[FaceSource], *, enrolled: bool
) -> list[Embedding]:
    values = {"album_id": album_id, "person_id": person, "sources": list(sources), "limit": MAX_CENTROID_FACES}
    rows = conn.execute(_query("assigned_embeddings"), values, binary=True).fetchall()
    if enrolled:
        rows += conn.execute(_query("enrolled_embeddings"), values, binary=True).fetchall()
    return centroids([WeightedEmbedding(Embedding(unit_vector(sent), space), quality) for space, quality, sent in rows])
