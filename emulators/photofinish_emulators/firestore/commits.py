"""A commit in the database: applies writes to drafts of documents, then stores drafts, history and index entries."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from photofinish_emulators.common.rpc_errors import Refused
from photofinish_emulators.firestore.documents import Change, StoredDocument, View, split_key
from photofinish_emulators.firestore.indexes import Index, entries, parse_index
from photofinish_emulators.firestore.paths import Name, database_key
from photofinish_emulators.firestore.protos import Document, Fields, Message, WriteResult, micros, timestamp
from photofinish_emulators.firestore.writes import WriteOperation, apply_write, check_precondition


@dataclass(frozen=True, slots=True)
class Commit:
    """The outcome of a commit."""

    time_us: int
    results: list[Message | Refused]
    """A ``WriteResult`` per write, or the error of a refused write in a batch that is not atomic."""
    changes: list[Change]


@dataclass(slots=True)
class _Draft:
    """A document that a commit is changing."""

    name: Name
    collection: bytes
    id: bytes
    row: int | None
    before: StoredDocument | None
    create_us: int
    update_us: int
    fields: Fields | None
    touched: bool = False
    deleted: bool = False
    """The last write of the commit to this document deleted it."""
    results: list[Message] = field(default_factory=list)
    """Results whose update time depends on whether the document has changed in the end."""


@dataclass(frozen=True, slots=True)
class Step:
    """One write of a commit: the document's fields before and after it; None: it does not exist."""

    name: Name
    before: Fields | None
    after: Fields | None
    only_verify: bool


JudgeWrites = Callable[[View, Sequence[Step], Mapping[Name, Fields | None], int], list[Refused | None]]
"""For each write, why the caller may not make it. Gets the documents as they are after all writes, and the time."""


def commit(
    connection: sqlite3.Connection,
    operations: Sequence[WriteOperation],
    time_us: int,
    atomic: bool,
    judge: JudgeWrites | None = None,
) -> Commit:
    """Apply the writes in order, at ``time_us``, inside the current transaction of ``connection``.

    Raises:
        Refused: by the first write that ``judge`` refuses or that cannot be applied, if ``atomic``.
    """
    verdicts = [None] * len(operations) if judge is None else _judged(connection, operations, time_us, judge)
    drafts: dict[tuple[bytes, bytes], _Draft] = {}
    results: list[Message | Refused] = []
    for operation, verdict in zip(operations, verdicts, strict=True):
        try:
            if verdict is not None:
                raise verdict
            results.append(_apply(connection, drafts, operation, time_us))
        except Refused as refused:
            if atomic:
                raise
            results.append(refused)
    return Commit(time_us, results, _flush(connection, list(drafts.values()), time_us))


def _judged(
    connection: sqlite3.Connection, operations: Sequence[WriteOperation], time_us: int, judge: JudgeWrites
) -> list[Refused | None]:
    """Judge the writes by what they would do, before preconditions can say whether a document exists."""
    documents: dict[Name, Fields | None] = {}
    steps = []
    view = View(connection)
    for operation in operations:
        if operation.name not in documents:
            stored = view.get(operation.name)
            documents[operation.name] = None if stored is None else stored.fields
        before = documents[operation.name]
        after = documents[operation.name] = apply_write(operation, before, time_us).fields
        steps.append(Step(operation.name, before, after, operation.only_verify))
    return judge(view, steps, documents, time_us)


def _apply(
    connection: sqlite3.Connection, drafts: dict[tuple[bytes, bytes], _Draft], operation: WriteOperation, time_us: int
) -> Message:
    collection, id = split_key(operation.name)
    draft = drafts.get((collection, id)) or _load(connection, operation.name, collection, id, time_us)
    check_precondition(
        operation.name,
        operation.precondition,
        draft.fields is not None,
        draft.update_us,
        time_us,
        deleted_before=draft.deleted,
    )
    result = WriteResult()
    if not operation.only_verify:
        effect = apply_write(operation, draft.fields, time_us)
        draft.fields = effect.fields
        draft.touched = True
        draft.deleted = effect.fields is None
        result.transform_results.extend(effect.transform_results)
        if effect.fields is None:
            draft.create_us = time_us  # in case a later write of this commit creates it again
        else:
            draft.results.append(result)
    drafts[collection, id] = draft
    return result


def _load(connection: sqlite3.Connection, name: Name, collection: bytes, id: bytes, time_us: int) -> _Draft:
    row = connection.execute(
        "SELECT doc, data FROM documents WHERE collection = ? AND id = ?", (collection, id)
    ).fetchone()
    if row is None:
        return _Draft(name, collection, id, None, None, time_us, 0, None)
    before = StoredDocument(collection, id, row[1])
    create_us = micros(before.message.create_time)
    return _Draft(name, collection, id, row[0], before, create_us, before.update_us, before.fields)


def _flush(connection: sqlite3.Connection, drafts: list[_Draft], time_us: int) -> list[Change]:
    """Store the drafts; return the changes."""
    changes = []
    for draft in drafts:
        after, changed = _finish(draft, time_us)
        if changed:
            _store(connection, draft, after, time_us)
            changes.append(Change(draft.collection, draft.id, draft.before, after))
    return changes


def _finish(draft: _Draft, time_us: int) -> tuple[StoredDocument | None, bool]:
    """The new version to store, and whether it differs from the former one; sets the times of the write results."""
    if not draft.touched or draft.fields is None:
        return None, draft.touched and draft.before is not None
    message = Document(name=str(draft.name))
    for name in draft.fields:
        message.fields[name].CopyFrom(draft.fields[name])
    changed = True
    update_us = time_us
    message.create_time.CopyFrom(timestamp(draft.create_us))
    if draft.before is not None:
        message.update_time.CopyFrom(draft.before.message.update_time)
        if message.SerializeToString(deterministic=True) == draft.before.data:
            changed, update_us = False, draft.before.update_us
    message.update_time.CopyFrom(timestamp(update_us))
    for result in draft.results:
        result.update_time.CopyFrom(message.update_time)
    return StoredDocument(draft.collection, draft.id, message.SerializeToString(deterministic=True)), changed


def _store(connection: sqlite3.Connection, draft: _Draft, after: StoredDocument | None, time_us: int) -> None:
    connection.execute(
        "INSERT INTO history (until_us, collection, id, data) VALUES (?, ?, ?, ?)",
        (time_us, draft.collection, draft.id, None if draft.before is None else draft.before.data),
    )
    row = draft.row
    if after is None:
        connection.execute("DELETE FROM documents WHERE doc = ?", (row,))
    elif row is not None:
        connection.execute("UPDATE documents SET data = ? WHERE doc = ?", (after.data, row))
    else:
        row = connection.execute(
            "INSERT INTO documents (collection, id, data) VALUES (?, ?, ?)", (draft.collection, draft.id, after.data)
        ).lastrowid
        connection.execute(
            "INSERT OR IGNORE INTO collections VALUES (?, ?)", (draft.collection, draft.name.segments[-2])
        )
    indexes = _indexes(connection, draft.name.segments[-2])
    if indexes:
        database = database_key(draft.name.database)
        old = set(entries(indexes, draft.before, database))
        new = set(entries(indexes, after, database))
        connection.executemany("DELETE FROM entries WHERE number = ? AND key = ?", old - new)
        connection.executemany("INSERT INTO entries VALUES (?, ?, ?)", [(*entry, row) for entry in new - old])


def _indexes(connection: sqlite3.Connection, collection_id: str) -> list[tuple[int, Index]]:
    rows = connection.execute("SELECT number, definition FROM indexes WHERE collection_id = ?", (collection_id,))
    return [(number, parse_index(collection_id, definition)) for number, definition in rows]
