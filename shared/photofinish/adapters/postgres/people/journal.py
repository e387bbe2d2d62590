"""Record every change of an album's people, with the rows before and after it, so that it can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.people.projection import mark_outdated
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.people import Operation

_query = Statements("people_journal")

Row = dict[str, Any]
Key = tuple[str, ...]
Change = dict[str, Any]
"""`table`, and the row `before` and `after`; None where there was none."""
# The columns that identify a row, of every table that a change touches.
TABLE_KEYS = {
    "person": ("person_id",),
    "person_face": ("face_id",),
    "person_rejection": ("person_id", "face_id"),
    "person_number": ("person_id", "number"),
    "enrolment": ("upload_id",),
    "consent_record": ("consent_id",),
}


def record_change(
    conn: Connection,
    album_id: int,
    change: Callable[[], object],
    *,
    kind: str,
    by: str,
    person_ids: Iterable[UUID],
    face_ids: Iterable[UUID] = (),
    undoes: int | None = None,
) -> int | None:
    """Call `change`, record what it did as an operation, and return the operation's id; None where nothing changed.

    `change` may only touch these people, these faces, and the people that these faces are assigned to. Call this within
    `people_transaction`.
    """
    people, faces = sorted(set(person_ids)), sorted(set(face_ids))
    before = snapshot(conn, album_id, people, faces)
    change()
    after = snapshot(conn, album_id, people, faces)
    changes = [
        {"table": key[0], "before": before.get(key), "after": after.get(key)}
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
    if not changes:
        return None
    touched = sorted({UUID(row["person_id"]) for row in rows_of(changes)})
    return _record(conn, album_id, touched, kind=kind, by=by, changes=Jsonb(changes), undoes=undoes)


def list_operations(conn: Connection, album_id: int, *, limit: int, before: int | None) -> list[Operation]:
    """Newest first, of those before the operation `before`."""
    values = {"album_id": album_id, "limit": limit, "before": before}
    return [
        Operation(
            operation_id=operation_id,
            kind=kind,
            done_at=done_at,
            done_by=done_by,
            person_ids=tuple(map(str, person_ids)),
            is_reversible=is_reversible,
            undoes=undoes,
            undone_by=undone_by,
        )
        for operation_id, kind, done_at, done_by, person_ids, is_reversible, undoes, undone_by in conn.execute(
            _query("operations"), values
        )
    ]


def expire_operations(conn: Connection, before: datetime) -> int:
    """Delete operations made before then; return how many."""
    return conn.execute(_query("expire_operations"), {"before": before}).rowcount


def _record(conn: Connection, album_id: int, people: Sequence[UUID], **values: Any) -> int:
    values |= {"album_id": album_id, "person_ids": people}
    [operation_id] = conn.execute(_query("record_operation"), values).fetchone() or ()
    mark_outdated(conn, album_id, people)
    return int(operation_id)


def snapshot(conn: Connection, album_id: int, person_ids: Sequence[UUID], face_ids: Sequence[UUID]) -> dict[Key, Row]:
    values = {"album_id": album_id, "person_ids": list(person_ids), "face_ids": list(face_ids)}
    return {row_key(table, row): row for table, row in conn.execute(_query("snapshot"), values)}


def row_key(table: str, row: Row) -> Key:
    return (table, *(str(row[column]) for column in TABLE_KEYS[table]))


def rows_of(changes: Iterable[Change]) -> list[Row]:
    return [row for change in changes for row in (change["before"], change["after"]) if row is not None]
