"""Decisions on an album's people in Postgres: confirm, reject, merge, split, numbers, undo.

The rules are in `domain/people_rules.py`, the statements in `sql/people_changes.sql`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from psycopg.errors import UniqueViolation

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.people.faces import (
    change_faces,
    confirm_faces,
    face_owners,
    keep_faces,
    reject_and_keep_rest,
)
from photofinish.adapters.postgres.people.journal import expire_operations, list_operations, record_change
from photofinish.adapters.postgres.people.lookup import as_uuid, require_person
from photofinish.adapters.postgres.people.transactions import album_transaction, people_transaction
from photofinish.adapters.postgres.people.undo import undo
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.people import Changed, ChangedFaces, Operation, check_name
from photofinish.domain.people_rules import check_merge, check_split, checked_number, faces_to_confirm, faces_to_reject
from photofinish.errors import Conflict

_query = Statements("people_changes")
_MERGED = ("move_faces", "move_rejections", "move_numbers", "move_uploads", "move_consents", "move_opt_outs")


class PgPeopleChanges:
    """:class:`photofinish.ports.PeopleChanges` in Postgres; threads may share it. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def confirm(self, album: str, person_id: str, face_ids: Sequence[str], *, by: str) -> ChangedFaces:
        person = as_uuid(person_id)
        with people_transaction(self._database, album) as (conn, album_id):
            require_person(conn, album, album_id, person)
            changes = faces_to_confirm(face_ids, face_owners(conn, album_id, face_ids), str(person))
            return change_faces(conn, album_id, person, changes, confirm_faces, kind="confirm", by=by)

    def reject(self, album: str, person_id: str, face_ids: Sequence[str], *, by: str) -> ChangedFaces:
        person = as_uuid(person_id)
        with people_transaction(self._database, album) as (conn, album_id):
            require_person(conn, album, album_id, person)
            changes = faces_to_reject(face_ids, face_owners(conn, album_id, face_ids))
            return change_faces(conn, album_id, person, changes, reject_and_keep_rest, kind="reject", by=by)

    def merge(self, album: str, into_id: str, other_id: str, *, by: str) -> Changed:
        into, other = as_uuid(into_id), as_uuid(other_id)
        with people_transaction(self._database, album) as (conn, album_id):
            values = {"album_id": album_id, "into": into, "other": other}
            people = [require_person(conn, album, album_id, person) for person in (into, other)]
            [contradictions] = conn.execute(_query("contradictions"), values).fetchone() or (0,)
            check_merge(*people, contradictions=contradictions)

            def change() -> None:
                conn.execute(_query("unassign_rejected"), values)
                keep_faces(conn, [into, other])
                for step in _MERGED:
                    conn.execute(_query(step), values)
                [name, user_id] = conn.execute(_query("delete_merged"), values).fetchone() or (None, None)
                conn.execute(_query("inherit"), values | {"name": name, "user_id": user_id})

            operation_id = record_change(conn, album_id, change, kind="merge", by=by, person_ids=[into, other])
            return Changed(person=require_person(conn, album, album_id, into), operation_id=operation_id)

    def split(
        self, album: str, person_id: str, face_ids: Sequence[str], *, name: str | None = None, by: str
    ) -> Changed:
        person, new = as_uuid(person_id), uuid.uuid4()
        faces = sorted({as_uuid(face_id) for face_id in face_ids})
        checked = None if name is None else check_name(name)
        with people_transaction(self._database, album) as (conn, album_id):
            texts = [str(face_id) for face_id in faces]
            check_split(require_person(conn, album, album_id, person), texts, face_owners(conn, album_id, texts))

            def change() -> None:
                keep_faces(conn, [person])
                values = {"person_id": new, "album_id": album_id, "name": checked, "from": person, "face_ids": faces}
                conn.execute(_query("split_person"), values)
                conn.execute(_query("split_faces"), values)

            operation_id = record_change(conn, album_id, change, kind="split", by=by, person_ids=[person, new])
            return Changed(person=require_person(conn, album, album_id, new), operation_id=operation_id)

    def decide_number(self, album: str, person_id: str, number: str, *, confirmed: bool, by: str) -> Changed:
        number = checked_number(number)
        person = as_uuid(person_id)
        with people_transaction(self._database, album) as (conn, album_id):
            require_person(conn, album, album_id, person)

            def change() -> None:
                conn.execute(_query("decide_number"), {"person_id": person, "number": number, "confirmed": confirmed})

            operation_id = record_change(conn, album_id, change, kind="number", by=by, person_ids=[person])
            return Changed(person=require_person(conn, album, album_id, person), operation_id=operation_id)

    def undo(self, album: str, operation_id: int, *, by: str) -> int:
        try:
            with people_transaction(self._database, album) as (conn, album_id):
                return undo(conn, album_id, operation_id, by=by)
        except UniqueViolation:
            raise Conflict(
                "changed_since", "Another user was created with the same user id since: delete that one first."
            ) from None

    def operations(self, album: str, *, limit: int, before: int | None = None) -> list[Operation]:
        with album_transaction(self._database, album) as (conn, album_id):
            return [] if album_id is None else list_operations(conn, album_id, limit=limit, before=before)

    def expire(self, before: datetime) -> int:
        with self._database.transaction() as conn:
            return expire_operations(conn, before)
