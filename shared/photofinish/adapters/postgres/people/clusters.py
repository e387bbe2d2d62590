"""Read and write what a clustering run needs in Postgres; statements in `sql/people_clusters.sql`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.halfvec import unit_rows, unit_vector
from photofinish.adapters.postgres.people.embeddings import person_embeddings
from photofinish.adapters.postgres.people.faces import reject_faces
from photofinish.adapters.postgres.people.projection import mark_outdated
from photofinish.adapters.postgres.people.transactions import album_transaction, exclusively
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_clusters import (
    AlbumContent,
    AlbumFace,
    AlbumSpace,
    Assignment,
    ClusteringState,
    EnrolledFace,
    Reassignment,
    reassignment,
)
from photofinish.domain.face import Embedding
from photofinish.domain.geometry import SAME_MOMENT_S
from photofinish.domain.people import FaceSource, resembles

_query = Statements("people_clusters")


class PgClusters:
    """:class:`photofinish.ports.Clusters` in Postgres; threads may share it. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, album: str) -> None:
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is not None:
                conn.execute(_query("request"), {"album_id": album_id})

    def waiting(self) -> list[str]:
        with self._database.transaction() as conn:
            return [row[0] for row in conn.execute(_query("waiting"))]

    def changed_since_full(self) -> list[str]:
        with self._database.transaction() as conn:
            return [row[0] for row in conn.execute(_query("changed_since_full"))]

    def state(self, album: str) -> ClusteringState | None:
        with album_transaction(self._database, album) as (conn, album_id):
            return None if album_id is None else _state(conn, album_id)

    def exclusively(self, album: str) -> AbstractContextManager[bool]:
        return exclusively(self._database, album, _query("try_lock"))

    def carry_over(self, album: str, *, min_similarity: Mapping[str, float]) -> int:
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None:
                return 0
            conn.execute(_query("lock_state"), {"album_id": album_id})
            moved = 0
            for table, person, _, source, face_id, space, sent in conn.execute(
                _query("lost_decisions"),
                {"album_id": album_id, "same_moment_s": SAME_MOMENT_S},
                binary=True,
            ).fetchall():
                if table == "person_rejection":
                    reject_faces(conn, album_id, person, [face_id])
                    moved += 1
                elif resembles(
                    Embedding(unit_vector(sent), space),
                    person_embeddings(conn, album_id, person),
                    min_similarity=min_similarity.get(space, -1.0),
                ):
                    values = {"album_id": album_id, "face_id": face_id, "person_id": person, "source": source}
                    conn.execute(_query("move_face"), values)
                    moved += 1
            mark_outdated(conn, album_id, [row[0] for row in conn.execute(_query("drop_lost"), {"album_id": album_id})])
            return moved

    def load(self, album: str) -> AlbumContent | None:
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None:
                return None
            state = _state(conn, album_id)
            return None if state is None else AlbumContent(state=state, spaces=_spaces(conn, album_id))

    def apply(
        self,
        album: str,
        content: AlbumContent,
        assignments: Mapping[str, Assignment],
        *,
        full: bool,
        summary: Mapping[str, Any],
    ) -> bool:
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None:
                return False
            row = conn.execute(_query("lock_state"), {"album_id": album_id}).fetchone()
            if row != (content.state.people_changes,):
                return False
            changed: set[UUID] = set()
            for name, assignment in assignments.items():
                changed |= _reassign(conn, album_id, reassignment(content.spaces[name].faces, assignment))
            changed |= {row[0] for row in conn.execute(_query("remove_empty"), {"album_id": album_id})}
            mark_outdated(conn, album_id, sorted(changed))
            values = {
                "album_id": album_id,
                "handled": content.state.requested,
                "faces": content.face_count,
                "summary": Jsonb(dict(summary)),
                "full": full,
            }
            conn.execute(_query("finish"), values)
            return True


def _state(conn: Connection, album_id: int) -> ClusteringState | None:
    row = conn.execute(_query("state"), {"album_id": album_id}).fetchone()
    if row is None:
        return None
    requested, handled, people_changes, ran_at, full_at, faces, summary = row
    return ClusteringState(
        requested=requested,
        handled=handled,
        people_changes=people_changes,
        ran_at=ran_at,
        full_at=full_at,
        faces=faces,
        summary=summary,
    )


def _spaces(conn: Connection, album_id: int) -> dict[str, AlbumSpace]:
    faces: dict[str, list[AlbumFace]] = defaultdict(list)
    vectors: dict[str, list[bytes]] = defaultdict(list)
    photos: dict[UUID, int] = {}
    values = {"album_id": album_id}
    for face_id, photo_id, space, quality, person_id, source, sent in conn.execute(
        _query("faces"), values, binary=True
    ):
        face = AlbumFace(
            face_id=str(face_id),
            photo=photos.setdefault(photo_id, len(photos)),
            quality=quality,
            person_id=None if person_id is None else str(person_id),
            source=None if source is None else FaceSource(source),
        )
        faces[space].append(face)
        vectors[space].append(sent)
    enrolled: dict[str, list[EnrolledFace]] = defaultdict(list)
    enrolled_vectors: dict[str, list[bytes]] = defaultdict(list)
    for person_id, space, quality, sent in conn.execute(_query("enrolled"), values, binary=True):
        enrolled[space].append(EnrolledFace(person_id=str(person_id), quality=quality))
        enrolled_vectors[space].append(sent)
    rejected: dict[str, set[str]] = defaultdict(set)
    for person_id, face_id in conn.execute(_query("rejected"), values):
        rejected[str(person_id)].add(str(face_id))
    refused = {person_id: frozenset(face_ids) for person_id, face_ids in rejected.items()}
    return {
        space: AlbumSpace(
            faces=members,
            vectors=unit_rows(vectors[space]),
            enrolled=enrolled[space],
            enrolled_vectors=unit_rows(enrolled_vectors[space]) if enrolled[space] else None,
            rejected=refused,
        )
        for space, members in faces.items()
    }


def _reassign(conn: Connection, album_id: int, changes: Reassignment) -> set[UUID]:
    """Write these changes; return the people that they change."""
    conn.execute(_query("add_people"), {"album_id": album_id, "person_ids": _uuids(changes.new_people)})
    conn.execute(_query("unassign_faces"), {"album_id": album_id, "face_ids": _uuids(changes.unassigned)})
    faces = {"face_ids": _uuids(changes.assigned), "person_ids": _uuids(changes.assigned.values())}
    conn.execute(_query("assign_faces"), {"album_id": album_id} | faces)
    return set(_uuids(changes.changed_people))


def _uuids(ids: Iterable[str]) -> list[UUID]:
    return [UUID(id_) for id_ in ids]
