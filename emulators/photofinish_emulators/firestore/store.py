"""The database: snapshots to read from, commits that are on disk before they are acknowledged, and news of them.

Reads run on the event loop, each on a snapshot of its own. Commits run on the writer thread of
:class:`SqliteStore`, one after the other, so a commit sees all before it. Listeners hear of a commit once it is on
disk, in the order of commit times.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from photofinish_emulators.common.sqlite_store import SqliteStore
from photofinish_emulators.firestore.documents import SCHEMA, Change, Clock, StoredDocument, View, split_key
from photofinish_emulators.firestore.errors import Refused, invalid
from photofinish_emulators.firestore.indexes import Index, entries, parse_index
from photofinish_emulators.firestore.paths import Name, database_key
from photofinish_emulators.firestore.wire import Document, Fields, Message, WriteResult, micros, timestamp
from photofinish_emulators.firestore.writes import WriteOperation, apply_write, check_precondition

log = logging.getLogger(__name__)
T = TypeVar("T")
HISTORY_US = 3600 * 1_000_000
"""How far back reads, transactions and resume tokens reach."""
MAX_INDEXES = 64
"""Per collection id."""
_HISTORY_ROWS_AT_ONCE = 2000
_MAX_IDLE_READERS = 4
_READER_CACHE_KIB = 2048
_WRITER_CACHE_KIB = 16384


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit did."""

    time_us: int
    results: list[Message | Refused]
    """One ``WriteResult`` per write; in a batch that is not atomic, why a write was refused."""
    changes: list[Change]


@dataclass(slots=True)
class Snapshot:
    """The database at one moment."""

    view: View
    time_us: int


@dataclass(slots=True)
class _Draft:
    """A document while a commit works on it."""

    name: Name
    collection: bytes
    id: bytes
    row: int | None
    before: StoredDocument | None
    create_us: int
    update_us: int
    fields: Fields | None
    touched: bool = False
    results: list[Message] = field(default_factory=list)
    """Results whose update time is known when it is known whether the document changed."""


class DocumentStore:
    """Documents of all databases, in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._sqlite = SqliteStore(path, SCHEMA)
        self._idle: list[sqlite3.Connection] = []
        self._loop = asyncio.get_running_loop()
        self._pending = 0
        self._sqlite.submit(_prepare).result()
        self.on_commit: Callable[[Commit], None] = lambda _: None
        """Called on the event loop, in order, once a commit with changes is on disk."""
        with self._reader() as connection:
            self.clock = Clock(View(connection).last_commit_us())
            self.identity: int = connection.execute("PRAGMA user_version").fetchone()[0]
            """A random number that this file got when it was made."""
        self._published_us = self.clock.read_time()

    def close(self) -> None:
        """Finish the commits under way and close the file."""
        self._sqlite.close()
        for connection in self._idle:
            connection.close()

    @contextmanager
    def snapshot(self, at_us: int | None = None) -> Iterator[Snapshot]:
        """The database now, or as it was at ``at_us``.

        Raises:
            Refused: ``at_us`` lies in the future or is more than an hour ago.
        """
        with self._reader() as connection:
            connection.execute("BEGIN")
            view = View(connection, at_us)
            try:
                # With no commit under way, all that is committed is seen, and what follows gets a later time than now.
                last_us = view.last_commit_us()
                now_us = self.clock.read_time() if self._pending == 0 else last_us
                if at_us is not None:
                    self.check_read_time(at_us)
                yield Snapshot(view, now_us if at_us is None else at_us)
            finally:
                view.close()
                connection.execute("COMMIT")

    def check_read_time(self, at_us: int) -> None:
        """Refuse a read time that history does not reach."""
        now_us = self.clock.read_time()
        if at_us > now_us:
            raise invalid("read_time cannot be in the future.")
        if at_us < now_us - HISTORY_US:
            raise invalid("read_time is too old: at most an hour ago.")

    async def commit(
        self, operations: Sequence[WriteOperation], validate: Callable[[View], None] | None = None, atomic: bool = True
    ) -> Commit:
        """Apply the writes in order, all or none unless ``atomic`` is false; on disk when this returns.

        ``validate`` runs on the writer thread, before the writes and with nothing in between.

        Raises:
            Refused: by ``validate``, or by the first write that cannot be applied.
        """
        return await self._write(lambda connection: self._commit(connection, operations, validate, atomic))

    async def build_index(self, index: Index) -> None:
        """Enter every document into a new index, and keep it up from now on."""
        await self._write(lambda connection: _build_index(connection, index))

    async def forget_history(self) -> bool:
        """Delete some of the versions that are out of reach; returns whether there may be more."""
        before_us = self.clock.read_time() - HISTORY_US

        def delete(connection: sqlite3.Connection) -> int:
            # The last row stays: it holds the time of the last commit.
            return connection.execute(
                "DELETE FROM history WHERE change IN (SELECT change FROM history WHERE until_us < ?"
                " AND change < (SELECT max(change) FROM history) LIMIT ?)",
                (before_us, _HISTORY_ROWS_AT_ONCE),
            ).rowcount

        return await self._write(delete) == _HISTORY_ROWS_AT_ONCE

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        if self._idle:
            connection = self._idle.pop()
        else:
            connection = self._sqlite.connect()
            connection.execute(f"PRAGMA cache_size=-{_READER_CACHE_KIB}")
        try:
            yield connection
        finally:
            if len(self._idle) < _MAX_IDLE_READERS:
                self._idle.append(connection)
            else:
                connection.close()

    async def _write(self, write: Callable[[sqlite3.Connection], T]) -> T:
        self._pending += 1
        future = self._sqlite.submit(write)
        # Not in this coroutine: it may be cancelled, and listeners must hear of the commit all the same.
        future.add_done_callback(lambda done: self._loop.call_soon_threadsafe(self._written, done))
        return await asyncio.wrap_future(future)

    def published_us(self) -> int:
        """A time up to which :attr:`on_commit` has told of every commit."""
        if self._pending == 0:
            self._published_us = self.clock.read_time()
        return self._published_us

    def _written(self, done: Future[Any]) -> None:
        self._pending -= 1
        if not done.cancelled() and done.exception() is None:
            outcome = done.result()
            if isinstance(outcome, Commit) and outcome.changes:
                self.on_commit(outcome)
                self._published_us = outcome.time_us

    def _commit(
        self,
        connection: sqlite3.Connection,
        operations: Sequence[WriteOperation],
        validate: Callable[[View], None] | None,
        atomic: bool,
    ) -> Commit:
        view = View(connection)
        if validate is not None:
            validate(view)
        time_us = self.clock.commit_time()
        drafts: dict[tuple[bytes, bytes], _Draft] = {}
        results: list[Message | Refused] = []
        for operation in operations:
            try:
                results.append(_apply(connection, drafts, operation, time_us))
            except Refused as refused:
                if atomic:
                    raise
                results.append(refused)
        return Commit(time_us, results, _flush(connection, list(drafts.values()), time_us))


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA cache_size=-{_WRITER_CACHE_KIB}")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.execute(f"PRAGMA user_version={secrets.randbelow(2**31 - 1) + 1}")


def _apply(
    connection: sqlite3.Connection, drafts: dict[tuple[bytes, bytes], _Draft], operation: WriteOperation, time_us: int
) -> Message:
    collection, id = split_key(operation.name)
    draft = drafts.get((collection, id)) or _load(connection, operation.name, collection, id, time_us)
    check_precondition(operation.name, operation.precondition, draft.fields is not None, draft.update_us, time_us)
    result = WriteResult()
    if not operation.only_verify:
        effect = apply_write(operation, draft.fields, time_us)
        draft.fields = effect.fields
        draft.touched = True
        result.transform_results.extend(effect.transform_results)
        if effect.fields is None:
            draft.create_us = time_us  # should a later write of this commit make it again
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
    """Write what the drafts have become; returns what that changed."""
    changes = []
    for draft in drafts:
        after, changed = _finish(draft, time_us)
        if changed:
            _store(connection, draft, after, time_us)
            changes.append(Change(draft.collection, draft.id, draft.before, after))
    return changes


def _finish(draft: _Draft, time_us: int) -> tuple[StoredDocument | None, bool]:
    """The document as it will lie on disk, and whether it differs from before; dates the write results."""
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


def _drop_oldest_indexes(connection: sqlite3.Connection, collection_id: str) -> None:
    """Queries over ever new fields must not make every write ever slower; a query builds its index anew."""
    surplus = connection.execute(
        "SELECT number FROM indexes WHERE collection_id = ? ORDER BY number DESC LIMIT -1 OFFSET ?",
        (collection_id, MAX_INDEXES),
    ).fetchall()
    connection.executemany("DELETE FROM entries WHERE number = ?", surplus)
    connection.executemany("DELETE FROM indexes WHERE number = ?", surplus)


def _build_index(connection: sqlite3.Connection, index: Index) -> None:
    inserted = connection.execute(
        "INSERT OR IGNORE INTO indexes (collection_id, definition) VALUES (?, ?)",
        (index.collection_id, index.definition),
    )
    if inserted.rowcount == 0:  # two queries needed it at the same time
        return
    number = inserted.lastrowid
    _drop_oldest_indexes(connection, index.collection_id)
    collections = connection.execute(
        "SELECT key FROM collections WHERE collection_id = ?", (index.collection_id,)
    ).fetchall()
    total = 0
    for (collection,) in collections:
        rows = connection.execute("SELECT doc, id, data FROM documents WHERE collection = ?", (collection,))
        while batch := rows.fetchmany(500):
            new = []
            for doc, id, data in batch:
                document = StoredDocument(collection, id, data)
                database = document.message.name.split("/documents/", 1)[0]
                new += [(number, key, doc) for key in index.keys(document, database_key(database))]
            connection.executemany("INSERT INTO entries VALUES (?, ?, ?)", new)
            total += len(new)
    log.info(
        "index built",
        extra={"fields": {"collection": index.collection_id, "index": index.definition, "entries": total}},
    )
