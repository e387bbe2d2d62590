"""Record every change of an album's people, with the rows before and after it, so that it can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.people.projection import mark_outdated
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
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
_EVENT_TYPES = {
    "create": EventType.PERSON_CREATED,
    "rename": EventType.PERSON_RENAMED,
    "number": EventType.PERSON_NUMBERED,
    "confirm": EventType.PERSON_CONFIRMED,
    "associate": EventType.PERSON_CONFIRMED,
    "reject": EventType.PERSON_REJECTED,
    "disassociate": EventType.PERSON_REJECTED,
    "merge": EventType.PERSON_MERGED,
    "split": EventType.PERSON_SPLIT,
    "undo": EventType.PERSON_UNDONE,
    "redo": EventType.PERSON_UNDONE,
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
    given = list(person_ids)
    people, faces = sorted(set(given)), sorted(set(face_ids))
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
    values = {"album_id": album_id, "person_ids": touched, "kind": kind, "by": by, "undoes": undoes}
    row = conn.execute(_query("record_operation"), values | {"changes": Jsonb(changes)}).fetchone()
    assert row is not None, "an INSERT returns its row"
    operation_id, done_at, album = row
    mark_outdated(conn, album_id, touched)
    event = AlbumEvent(
        id=fact_id("person", operation_id),
        type=_EVENT_TYPES[kind],
        album=album,
        occurred_at=done_at,
        # First whom the caller named first: of a merge, the person who stays.
        person_ids=tuple(str(person) for person in dict.fromkeys([*given, *touched]) if person in touched),
        data={
            "operation_id": operation_id,
            "faces": len({row["face_id"] for row in rows_of(changes) if "face_id" in row}),
        }
        | ({} if undoes is None else {"undoes": undoes}),
    )
    record_events(conn, album_id, [event])
    return int(operation_id)


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


def snapshot(conn: Connection, album_id: int, person_ids: Sequence[UUID], face_ids: Sequence[UUID]) -> dict[Key, Row]:
    values = {"album_id": album_id, "person_ids": list(person_ids), "face_ids": list(face_ids)}
    return {row_key(table, row): row for table, row in conn.execute(_query("snapshot"), values)}


def row_key(table: str, row: Row) -> Key:
    return (table, *(str(row[column]) for column in TABLE_KEYS[table]))


def rows_of(changes: Iterable[Change]) -> list[Row]:
    return [row for change in changes for row in (change["before"], change["after"]) if row is not None]
