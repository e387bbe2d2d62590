"""What a clustering run reads and writes in Postgres; statements in `sql/people_clusters.sql`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.halfvec import unit_rows, unit_vector
from photofinish.adapters.postgres.people.journal import query as people_query
from photofinish.adapters.postgres.people.people import (
    exclusively,
    person_embeddings,
    reading,
    reject_faces,
)
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_clusters import (
    AlbumContent,
    AlbumFace,
    AlbumSpace,
    Assignment,
    ClusteringState,
    EnrolledFace,
)
from photofinish.domain.people import FaceSource

_query = Statements("people_clusters")


class PgClusters:
    """Clusters of albums; threads may share it. All methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, album: str) -> None:
        with reading(self._database, album) as (conn, album_id):
            if album_id is not None:
                conn.execute(_query("request"), {"album_id": album_id})

    def waiting(self) -> list[str]:
        with self._database.transaction() as conn:
            return [row[0] for row in conn.execute(_query("waiting"))]

    def changed_since_full(self) -> list[str]:
        with self._database.transaction() as conn:
            return [row[0] for row in conn.execute(_query("changed_since_full"))]

    def state(self, album: str) -> ClusteringState | None:
        with reading(self._database, album) as (conn, album_id):
            return None if album_id is None else _state(conn, album_id)

    def exclusively(self, album: str) -> AbstractContextManager[bool]:
        return exclusively(self._database, album, _query("try_lock"))

    def carry_over(self, album: str, *, min_similarity: Mapping[str, float]) -> int:
        with reading(self._database, album) as (conn, album_id):
            if album_id is None:
                return 0
            conn.execute(_query("lock_state"), {"album_id": album_id})
            moved = 0
            for table, person, _, source, face_id, space, sent in conn.execute(
                _query("lost_decisions"), {"album_id": album_id}, binary=True
            ).fetchall():
                if table == "person_rejection":
                    reject_faces(conn, album_id, person, [str(face_id)])
                    moved += 1
                elif _looks_like(conn, album_id, person, space, unit_vector(sent), min_similarity):
                    values = {"album_id": album_id, "face_id": face_id, "person_id": person, "source": source}
                    conn.execute(_query("move_face"), values)
                    moved += 1
            changed = [row[0] for row in conn.execute(_query("drop_lost"), {"album_id": album_id})]
            conn.execute(people_query("project_people"), {"album_id": album_id, "person_ids": changed})
            return moved

    def load(self, album: str) -> AlbumContent | None:
        with reading(self._database, album) as (conn, album_id):
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
        with reading(self._database, album) as (conn, album_id):
            if album_id is None:
                return False
            row = conn.execute(_query("lock_state"), {"album_id": album_id}).fetchone()
            if row != (content.state.people_changes,):
                return False
            touched: set[UUID] = set()
            for name, assignment in assignments.items():
                touched |= _apply_space(conn, album_id, content.spaces[name], assignment)
            touched |= {row[0] for row in conn.execute(_query("remove_empty"), {"album_id": album_id})}
            conn.execute(people_query("project_people"), {"album_id": album_id, "person_ids": sorted(touched)})
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


def _looks_like(
    conn: Connection,
    album_id: int,
    person: UUID,
    space: str,
    vector: NDArray[np.float32],
    min_similarity: Mapping[str, float],
) -> bool:
    """Whether a face looks like the person, as far as that is known."""
    known = [look for look in person_embeddings(conn, album_id, person) if look.space == space]
    return all(float(look.vector @ vector) >= min_similarity.get(space, -1.0) for look in known)


def _apply_space(conn: Connection, album_id: int, space: AlbumSpace, assignment: Assignment) -> set[UUID]:
    """Write what changed; the people it changed."""
    given: list[tuple[str, str]] = []
    freed: list[str] = []
    touched: set[str] = set(assignment.new_people)
    for face in space.faces:
        if face.is_decided:
            continue
        person_id = assignment.person_of.get(face.face_id)
        if person_id == face.person_id:
            continue
        touched |= {id_ for id_ in (person_id, face.person_id) if id_ is not None}
        if person_id is None:
            freed.append(face.face_id)
        else:
            given.append((face.face_id, person_id))
    conn.execute(
        _query("add_people"), {"album_id": album_id, "person_ids": [UUID(id_) for id_ in assignment.new_people]}
    )
    conn.execute(_query("free_faces"), {"album_id": album_id, "face_ids": [UUID(id_) for id_ in freed]})
    values = {
        "album_id": album_id,
        "face_ids": [UUID(face_id) for face_id, _ in given],
        "person_ids": [UUID(person_id) for _, person_id in given],
    }
    conn.execute(_query("set_faces"), values)
    return {UUID(person_id) for person_id in touched}
