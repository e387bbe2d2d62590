"""Every change of an album's people with the rows before and after it, so that it can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.sql import Statements
from photofinish.errors import Conflict, NotFound

query = Statements("people")

R = TypeVar("R")
Row = dict[str, Any]
Key = tuple[str, ...]
_KEYS = {
    "person": ("person_id",),
    "person_face": ("face_id",),
    "person_rejection": ("person_id", "face_id"),
    "person_number": ("person_id", "number"),
    "enrolment": ("upload_id",),
}


def change_people(
    conn: Connection,
    album_id: int,
    change: Callable[[], R],
    *,
    kind: str,
    by: str,
    person_ids: Iterable[UUID],
    face_ids: Iterable[UUID] = (),
    undoes: int | None = None,
) -> tuple[R, int | None]:
    """Do `change`, which touches nobody but these people and whoever these faces belong to, and record what it did.

    Returns what it returned, and the operation's number; None where nothing changed. Call `lock_people` first.
    """
    people, faces = sorted(set(person_ids)), sorted(set(face_ids))
    before = _snapshot(conn, album_id, people, faces)
    result = change()
    after = _snapshot(conn, album_id, people, faces)
    changes = [
        {"table": key[0], "before": before.get(key), "after": after.get(key)}
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
    if not changes:
        return result, None
    touched = sorted({UUID(row["person_id"]) for row in _rows(changes)})
    values = {
        "album_id": album_id,
        "kind": kind,
        "by": by,
        "person_ids": touched,
        "changes": Jsonb(changes),
        "undoes": undoes,
    }
    [operation_id] = conn.execute(query("record_operation"), values).fetchone() or (None,)
    conn.execute(query("project_people"), {"album_id": album_id, "person_ids": touched})
    return result, operation_id


def undo(conn: Connection, album_id: int, operation_id: int, *, by: str) -> int:
    """Take an operation back; an undo is an operation too, so it can be taken back in turn. Its number.

    Raises:
        NotFound: the album has no such operation.
        Conflict: `already_undone`; `not_reversible`, a person it touched was deleted; `changed_since`, something newer
            depends on it.
    """
    found = conn.execute(query("operation"), {"album_id": album_id, "operation_id": operation_id}).fetchone()
    if found is None:
        raise NotFound(f"There is no operation {operation_id} in this album.")
    kind, person_ids, changes, undone_by = found
    if undone_by is not None:
        raise Conflict("already_undone", f"The operation was undone already, by operation {undone_by}.")
    if changes is None:
        raise Conflict("not_reversible", "A person of this operation was deleted since, and nothing of them is kept.")
    face_ids = [UUID(row["face_id"]) for row in _rows(changes) if "face_id" in row]
    current = _snapshot(conn, album_id, person_ids, face_ids)
    gone = set(face_ids) - {
        row[0] for row in conn.execute(query("existing_faces"), {"album_id": album_id, "face_ids": face_ids})
    }
    # A face that the album has lost since hinders nobody.
    changes = [change for change in changes if not _is_of(change, gone)]
    undone = []
    for change in changes:
        now = current.get(_key(change["table"], change["after"] or change["before"]))
        if now == change["after"] or (change["after"] is None and _only_clustered(now)):
            undone.append(change)
        elif not _is_pin(change):
            raise _changed_since(conn, album_id, operation_id, person_ids)

    def restore() -> None:
        _restore(conn, album_id, undone)

    _, undo_id = change_people(
        conn,
        album_id,
        restore,
        kind="redo" if kind == "undo" else "undo",
        by=by,
        person_ids=person_ids,
        face_ids=face_ids,
        undoes=operation_id,
    )
    if undo_id is None:
        raise Conflict("changed_since", "Nothing that the operation changed is there any more.")
    conn.execute(query("mark_undone"), {"operation_id": operation_id, "undone_by": undo_id})
    return undo_id


def _restore(conn: Connection, album_id: int, changes: Sequence[dict[str, Any]]) -> None:
    before: dict[str, list[Row]] = {table: [] for table in _KEYS}
    after: dict[str, list[Row]] = {table: [] for table in _KEYS}
    for change in changes:
        for side, rows in (("before", before), ("after", after)):
            if change[side] is not None:
                rows[change["table"]].append(change[side])
    people = [UUID(row["person_id"]) for row in before["person"]]
    conn.execute(query("free_user_ids"), {"person_ids": people})  # one may go back from one person to another
    conn.execute(query("restore_people"), {"rows": Jsonb(before["person"])})
    faces = [UUID(row["face_id"]) for row in (*before["person_face"], *after["person_face"])]
    conn.execute(query("remove_faces"), {"album_id": album_id, "face_ids": faces})
    conn.execute(query("remove_rejections"), {"rows": Jsonb(after["person_rejection"])})
    conn.execute(query("remove_numbers"), {"rows": Jsonb(after["person_number"])})
    conn.execute(query("restore_faces"), {"rows": Jsonb(before["person_face"])})
    for table in ("person_rejection", "person_number"):
        conn.execute(query("restore_rows", table=sql.Identifier(table)), {"rows": Jsonb(before[table])})
    conn.execute(query("move_uploads"), {"rows": Jsonb(before["enrolment"])})
    stay = {row["person_id"] for row in before["person"]}
    made = [UUID(row["person_id"]) for row in after["person"] if row["person_id"] not in stay]
    if conn.execute(query("depends_on_people"), {"person_ids": made}).fetchone() == (True,):
        raise Conflict(
            "changed_since", "Somebody was made by this operation who has been given faces, pictures or numbers since."
        )
    conn.execute(query("remove_people"), {"person_ids": made})


def _snapshot(
    conn: Connection, album_id: int, person_ids: Sequence[UUID], face_ids: Sequence[UUID]
) -> dict[Key, dict[str, Any]]:
    values = {"album_id": album_id, "person_ids": list(person_ids), "face_ids": list(face_ids)}
    return {_key(table, row): row for table, row in conn.execute(query("snapshot"), values)}


def _key(table: str, row: Row) -> Key:
    return (table, *(str(row[column]) for column in _KEYS[table]))


def _rows(changes: Iterable[dict[str, Any]]) -> list[Row]:
    return [row for change in changes for row in (change["before"], change["after"]) if row is not None]


def _only_clustered(row: Row | None) -> bool:
    """Whether it is a face's place that nobody decided on: the next clustering may change it as well."""
    return row is not None and row.get("source") == "clustered"


def _is_pin(change: dict[str, Any]) -> bool:
    """Whether a face was only kept where it was, or let go: what became of it since does not hinder an undo."""
    before, after = change["before"], change["after"]
    sources = {row.get("source") for row in (before, after) if row is not None}
    return sources == {"clustered", "kept"} and before["person_id"] == after["person_id"]


def _is_of(change: dict[str, Any], face_ids: set[UUID]) -> bool:
    row = change["before"] or change["after"]
    return "face_id" in row and UUID(row["face_id"]) in face_ids


def _changed_since(conn: Connection, album_id: int, operation_id: int, person_ids: Sequence[UUID]) -> Conflict:
    values = {"album_id": album_id, "operation_id": operation_id, "person_ids": list(person_ids)}
    newer = conn.execute(query("newer_operations"), values).fetchall()
    if newer:
        numbers = ", ".join(f"{number} ({kind})" for number, kind, _ in newer[:5])
        return Conflict("changed_since", f"These people were changed since, by operation {numbers}: undo that first.")
    return Conflict("changed_since", "The faces of these people were clustered anew since: change them by hand.")
