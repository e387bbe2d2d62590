"""Undo an operation: restore the rows that it changed, unless a later change depends on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.people.journal import (
    TABLE_KEYS,
    Change,
    Key,
    Row,
    record_change,
    row_key,
    rows_of,
    snapshot,
)
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.people import FaceSource, UnknownOperation
from photofinish.errors import Conflict

_query = Statements("people_journal")


def undo(conn: Connection, album_id: int, operation_id: int, *, by: str) -> int:
    """Undo an operation; return the id of the operation that this is in turn.

    Raises:
        UnknownOperation: the album has no such operation.
        Conflict: `already_undone`; `not_reversible`, a person it touched was deleted; `changed_since`, a later change
            depends on it.
    """
    found = conn.execute(_query("operation"), {"album_id": album_id, "operation_id": operation_id}).fetchone()
    if found is None:
        raise UnknownOperation(operation_id)
    kind, person_ids, changes, undone_by = found
    if undone_by is not None:
        raise Conflict("already_undone", f"The operation was undone already, by operation {undone_by}.")
    if changes is None:
        raise Conflict("not_reversible", "A person of this operation was deleted since, and nothing of them is kept.")
    face_ids = [UUID(row["face_id"]) for row in rows_of(changes) if "face_id" in row]
    lost = _lost_faces(conn, album_id, face_ids)
    changes = [change for change in changes if not _is_of(change, lost)]
    current = snapshot(conn, album_id, person_ids, face_ids)
    undoable = _undoable(changes, current)
    if undoable is None or not _all_exist(undoable, current):
        raise _changed_since(conn, album_id, operation_id, person_ids)
    undo_id = record_change(
        conn,
        album_id,
        lambda: _restore(conn, album_id, undoable),
        kind="redo" if kind == "undo" else "undo",
        by=by,
        person_ids=person_ids,
        face_ids=face_ids,
        undoes=operation_id,
    )
    if undo_id is None:
        raise Conflict("changed_since", "Nothing that the operation changed exists any more.")
    conn.execute(_query("mark_undone"), {"operation_id": operation_id, "undone_by": undo_id})
    return undo_id


def _undoable(changes: Sequence[Change], current: Mapping[Key, Row]) -> list[Change] | None:
    """Return the changes whose rows can be restored; None where a later change prevents it.

    A row must be as the operation left it, apart from what the next clustering may change in any case.
    """
    undoable = []
    for change in changes:
        now = current.get(row_key(change["table"], change["after"] or change["before"]))
        if now == change["after"] or (change["after"] is None and _only_clustered(now)):
            undoable.append(change)
        elif not _only_kept(change):
            return None
    return undoable


def _all_exist(changes: Sequence[Change], current: Mapping[Key, Row]) -> bool:
    """Whether each person exists to whom something returns, or returns as well; another may have been merged since.

    Faces that are only clustered do not count: they stay unassigned until the next clustering.
    """
    existing = {row["person_id"] for (table, *_), row in current.items() if table == "person"}
    rows = [(change["table"], change["before"]) for change in changes if change["before"] is not None]
    existing |= {row["person_id"] for table, row in rows if table == "person"}
    return all(row["person_id"] in existing or _only_clustered(row) for _, row in rows)


def _restore(conn: Connection, album_id: int, changes: Sequence[Change]) -> None:
    before: dict[str, list[Row]] = {table: [] for table in TABLE_KEYS}
    after: dict[str, list[Row]] = {table: [] for table in TABLE_KEYS}
    for change in changes:
        for side, rows in (("before", before), ("after", after)):
            if change[side] is not None:
                rows[change["table"]].append(change[side])
    people = {UUID(row["person_id"]) for row in (*before["person"], *after["person"])}
    conn.execute(_query("free_user_ids"), {"person_ids": list(people)})  # a user id may return to another person
    conn.execute(_query("restore_people"), {"rows": Jsonb(before["person"])})
    faces = [UUID(row["face_id"]) for row in (*before["person_face"], *after["person_face"])]
    conn.execute(_query("remove_faces"), {"album_id": album_id, "face_ids": faces})
    conn.execute(_query("remove_rejections"), {"rows": Jsonb(after["person_rejection"])})
    conn.execute(_query("remove_numbers"), {"rows": Jsonb(after["person_number"])})
    conn.execute(_query("restore_faces"), {"rows": Jsonb(before["person_face"])})
    for table in ("person_rejection", "person_number"):
        conn.execute(_query("restore_rows", table=sql.Identifier(table)), {"rows": Jsonb(before[table])})
    conn.execute(_query("move_uploads"), {"rows": Jsonb(before["enrolment"])})
    conn.execute(_query("move_consents"), {"rows": Jsonb(before["consent_record"])})
    existed = {row["person_id"] for row in before["person"]}
    created = [UUID(row["person_id"]) for row in after["person"] if row["person_id"] not in existed]
    if conn.execute(_query("depends_on_people"), {"person_ids": created}).fetchone() == (True,):
        raise Conflict(
            "changed_since", "A person that this operation created was given faces, pictures, numbers or consent since."
        )
    conn.execute(_query("remove_people"), {"person_ids": created})


def _lost_faces(conn: Connection, album_id: int, face_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these faces that the album does not have any more."""
    values = {"album_id": album_id, "face_ids": list(face_ids)}
    return set(face_ids) - {row[0] for row in conn.execute(_query("existing_faces"), values)}


def _only_clustered(row: Row | None) -> bool:
    """Whether the row assigns a face by similarity alone, so that the next clustering may change it in any case."""
    return row is not None and row.get("source") == FaceSource.CLUSTERED


def _only_kept(change: Change) -> bool:
    """Whether a face only became kept or stopped being kept: a later change of it does not prevent an undo."""
    before, after = change["before"], change["after"]
    sources = {row.get("source") for row in (before, after) if row is not None}
    return sources == {FaceSource.CLUSTERED, FaceSource.KEPT} and before["person_id"] == after["person_id"]


def _is_of(change: Change, face_ids: set[UUID]) -> bool:
    row = change["before"] or change["after"]
    return "face_id" in row and UUID(row["face_id"]) in face_ids


def _changed_since(conn: Connection, album_id: int, operation_id: int, person_ids: Sequence[UUID]) -> Conflict:
    values = {"album_id": album_id, "operation_id": operation_id, "person_ids": list(person_ids)}
    newer = conn.execute(_query("newer_operations"), values).fetchall()
    if newer:
        numbers = ", ".join(f"{number} ({kind})" for number, kind, _ in newer[:5])
        return Conflict("changed_since", f"These people were changed since, by operation {numbers}: undo that first.")
    return Conflict("changed_since", "The faces of these people were clustered again since: change them by hand.")
