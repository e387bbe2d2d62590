"""Assign faces to people, and record which faces are not a person's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.people.journal import record_change
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.people import ChangedFaces, FaceChanges, FaceOwner, FaceSource

_query = Statements("people_faces")


def face_owners(conn: Connection, album_id: int, face_ids: Sequence[str]) -> dict[str, FaceOwner | None]:
    """Face id → the person that the face is assigned to, None for none; without faces that the album does not have."""
    values = {"album_id": album_id, "face_ids": [as_uuid(face_id) for face_id in face_ids]}
    owners: dict[UUID, FaceOwner | None] = {
        face_id: None if person_id is None else FaceOwner(str(person_id), FaceSource(source), user_id)
        for face_id, person_id, source, user_id in conn.execute(_query("owners"), values).fetchall()
    }
    return {face_id: owners[as_uuid(face_id)] for face_id in face_ids if as_uuid(face_id) in owners}


def change_faces(
    conn: Connection,
    album_id: int,
    person: UUID,
    changes: FaceChanges,
    change: Callable[[Connection, int, UUID, Sequence[UUID]], None],
    *,
    kind: str,
    by: str,
) -> ChangedFaces:
    """Apply `change`, one of the functions below, to the faces that `changes` allows, and record it as an operation."""
    face_ids = [as_uuid(face_id) for face_id in changes.changed]
    operation_id = record_change(
        conn,
        album_id,
        lambda: change(conn, album_id, person, face_ids),
        kind=kind,
        by=by,
        person_ids=[person],
        face_ids=face_ids,
    )
    return ChangedFaces(changes=changes, operation_id=operation_id)


def confirm_faces(conn: Connection, album_id: int, person: UUID, face_ids: Sequence[UUID]) -> None:
    """Assign faces of the album to the person as confirmed."""
    values = {"album_id": album_id, "person_id": person, "face_ids": list(face_ids), "source": FaceSource.CONFIRMED}
    conn.execute(_query("remove_rejections"), values)
    conn.execute(_query("assign_faces"), values)


def keep_faces(conn: Connection, people: Sequence[UUID]) -> None:
    """Mark the clustered faces of these people as kept, so that clustering does not take them away."""
    conn.execute(_query("keep_faces"), {"person_ids": list(people)})


def reject_faces(conn: Connection, album_id: int, person: UUID, face_ids: Sequence[UUID]) -> None:
    """Unassign faces of the album from the person, and record that they are not theirs."""
    values = {"album_id": album_id, "person_id": person, "face_ids": list(face_ids)}
    conn.execute(_query("unassign_faces"), values)
    conn.execute(_query("add_rejections"), values)


def reject_and_keep_rest(conn: Connection, album_id: int, person: UUID, face_ids: Sequence[UUID]) -> None:
    """As :func:`reject_faces`; where no face of the person is decided, keep the remaining ones together."""
    reject_faces(conn, album_id, person, face_ids)
    conn.execute(_query("keep_if_undecided"), {"person_id": person})
