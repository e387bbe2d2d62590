"""The database: snapshots for reading, durable commits, and notifications about them.

Reads run on the event loop, each on its own snapshot. Commits run on the writer thread of :class:`SqliteStore`, one
after the other, so each sees all earlier ones. Listeners are notified of a commit once it is on disk, in the order of
commit times.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from photofinish_emulators.common.rpc_errors import invalid
from photofinish_emulators.common.sqlite_store import SqliteStore
from photofinish_emulators.firestore import commits
from photofinish_emulators.firestore.commits import Commit, JudgeWrites
from photofinish_emulators.firestore.documents import SCHEMA, Clock, StoredDocument, View
from photofinish_emulators.firestore.indexes import Index
from photofinish_emulators.firestore.paths import database_key
from photofinish_emulators.firestore.writes import WriteOperation

log = logging.getLogger(__name__)
T = TypeVar("T")
HISTORY_US = 3600 * 1_000_000
"""How far reads, transactions and resume tokens can go back."""
MAX_INDEXES = 64
"""Per collection id."""
_HISTORY_ROWS_AT_ONCE = 2000
_MAX_IDLE_READERS = 4
_READER_CACHE_KIB = 2048
_WRITER_CACHE_KIB = 16384


@dataclass(slots=True)
class Snapshot:
    """The database at one time."""

    view: View
    time_us: int


class DocumentStore:
    """Documents of all databases, in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._sqlite = SqliteStore(path, SCHEMA)
        self._idle: list[sqlite3.Connection] = []
        self._pending = 0
        self._sqlite.submit(_prepare).result()
        self.on_commit: Callable[[Commit], None] = lambda _: None
        """Called on the event loop, in order, once a commit with changes is on disk."""
        with self._reader() as connection:
            self.clock = Clock(View(connection).last_commit_us())
            self.identity: int = connection.execute("PRAGMA user_version").fetchone()[0]
            """A random number that identifies this file."""
        self._published_us = self.clock.read_time()

    def close(self) -> None:
        """Finish pending commits and close the file."""
        self._sqlite.close()
        for connection in self._idle:
            connection.close()

    @contextmanager
    def snapshot(self, at_us: int | None = None) -> Iterator[Snapshot]:
        """The database now, or as it was at ``at_us``.

        Raises:
            Refused: ``at_us`` is in the future or more than an hour ago.
        """
        with self._reader() as connection:
            connection.execute("BEGIN")
            view = View(connection, at_us)
            try:
                # The first statement fixes the snapshot. Commits outside it are unpublished, and later than both times.
                now_us = max(view.last_commit_us(), self.published_us())
                if at_us is not None:
                    self.check_read_time(at_us)
                yield Snapshot(view, now_us if at_us is None else at_us)
            finally:
                view.close()
                connection.execute("COMMIT")

    def check_read_time(self, at_us: int) -> None:
        """Refuse a read time that is not covered by the history."""
        now_us = self.clock.read_time()
        if at_us > now_us:
            raise invalid("read_time cannot be in the future.")
        if at_us < now_us - HISTORY_US:
            raise invalid("read_time is too old: at most an hour ago.")

    async def commit(
        self,
        operations: Sequence[WriteOperation],
        validate: Callable[[View], None] | None = None,
        atomic: bool = True,
        judge: JudgeWrites | None = None,
    ) -> Commit:
        """Apply the writes in order, all or none if ``atomic``; they are on disk when this returns.

        ``validate`` and ``judge`` run on the writer thread just before the writes; no other commit can come in between.

        Raises:
            Refused: by ``validate``, by ``judge``, or by the first write that cannot be applied.
        """

        def write(connection: sqlite3.Connection) -> Commit:
            if validate is not None:
                validate(View(connection))
            return commits.commit(connection, operations, self.clock.commit_time(), atomic, judge)

        return await self._write(write)

    async def build_index(self, index: Index) -> None:
        """Build an index from all documents; later commits update it."""
        await self._write(lambda connection: _build_index(connection, index))

    async def delete_old_history(self) -> bool:
        """Delete some of the versions older than `HISTORY_US`; return whether there may be more."""
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
        self.published_us()  # the latest time before this commit
        self._pending += 1
        # A callback, because this coroutine may be cancelled, and listeners must be notified anyway.
        return await self._sqlite.write(write, self._written)

    def published_us(self) -> int:
        """A time up to which all commits have been reported to :attr:`on_commit`."""
        if self._pending == 0:
            self._published_us = self.clock.read_time()
        return self._published_us

    def _written(self, outcome: object) -> None:
        self._pending -= 1
        if isinstance(outcome, Commit) and outcome.changes:
            self.on_commit(outcome)
            self._published_us = outcome.time_us


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA cache_size=-{_WRITER_CACHE_KIB}")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.execute(f"PRAGMA user_version={secrets.randbelow(2**31 - 1) + 1}")


def _drop_oldest_indexes(connection: sqlite3.Connection, collection_id: str) -> None:
    """Keep the newest `MAX_INDEXES`, because every index slows down writes; queries rebuild dropped ones if needed."""
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
