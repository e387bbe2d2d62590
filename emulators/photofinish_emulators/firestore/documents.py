"""The SQLite tables of documents, their history and index entries, and reading from them, now or at an earlier time.

Every version that a commit replaces is kept in ``history`` for an hour. Reads at an earlier time, the validation of
transactions, and the resumption of listeners all use that table.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from photofinish_emulators.firestore.paths import FieldPath, Name, database_key, segment_key
from photofinish_emulators.firestore.protos import Document, Fields, Message, micros
from photofinish_emulators.firestore.values import project

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
  doc INTEGER PRIMARY KEY,
  collection BLOB NOT NULL,      -- key of the collection
  id BLOB NOT NULL,              -- key of the last segment
  data BLOB NOT NULL             -- google.firestore.v1.Document
);
CREATE UNIQUE INDEX IF NOT EXISTS documents_by_name ON documents (collection, id);

-- Every collection that ever had a document.
CREATE TABLE IF NOT EXISTS collections (key BLOB PRIMARY KEY, collection_id TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS collections_by_id ON collections (collection_id, key);

-- The version of a document before a commit changed it; data is null if it did not exist.
CREATE TABLE IF NOT EXISTS history (
  change INTEGER PRIMARY KEY,
  until_us INTEGER NOT NULL,
  collection BLOB NOT NULL,
  id BLOB NOT NULL,
  data BLOB
);
CREATE INDEX IF NOT EXISTS history_by_time ON history (until_us);
CREATE INDEX IF NOT EXISTS history_by_name ON history (collection, id, until_us);

CREATE TABLE IF NOT EXISTS indexes (
  number INTEGER PRIMARY KEY,
  collection_id TEXT NOT NULL,
  definition TEXT NOT NULL,
  UNIQUE (collection_id, definition)
);
CREATE TABLE IF NOT EXISTS entries (
  number INTEGER NOT NULL,
  key BLOB NOT NULL,
  doc INTEGER NOT NULL,
  PRIMARY KEY (number, key)
) WITHOUT ROWID;
"""


class Clock:
    """Microseconds since 1970 that are unique for commits and never go back, even if the system clock does."""

    def __init__(self, last_us: int) -> None:
        self._last_us = last_us
        self._lock = threading.Lock()

    def commit_time(self) -> int:
        """A time later than every time returned before."""
        with self._lock:
            self._last_us = max(self._last_us + 1, time.time_ns() // 1000)
            return self._last_us

    def read_time(self) -> int:
        """A time not earlier than any time returned before."""
        with self._lock:
            self._last_us = max(self._last_us, time.time_ns() // 1000)
            return self._last_us


def split_key(name: Name) -> tuple[bytes, bytes]:
    """The key of a document's collection, and the key of its id."""
    return database_key(name.database) + b"".join(map(segment_key, name.segments[:-1])), segment_key(name.segments[-1])


class StoredDocument:
    """One version of a document as stored on disk; parsed when its message is first needed."""

    __slots__ = ("_message", "collection", "data", "id")

    def __init__(self, collection: bytes, id: bytes, data: bytes) -> None:
        self.collection = collection
        self.id = id
        self.data = data
        self._message: Message | None = None

    @property
    def key(self) -> bytes:
        return self.collection + self.id

    @property
    def message(self) -> Message:
        """The ``google.firestore.v1.Document``; shared, so not to be changed."""
        if self._message is None:
            self._message = Document.FromString(self.data)
        return self._message

    @property
    def fields(self) -> Fields:
        fields: Fields = self.message.fields
        return fields

    def projected(self, paths: tuple[FieldPath, ...] | None) -> Message:
        """The document with only the fields at ``paths`` (None: all); not to be changed."""
        return self.message if paths is None else project(self.message, paths)

    @property
    def collection_id(self) -> str:
        name: str = self.message.name
        return name.rsplit("/", 2)[1]

    @property
    def update_us(self) -> int:
        return micros(self.message.update_time)


@dataclass(frozen=True, slots=True)
class Change:
    """One document before and after a commit."""

    collection: bytes
    id: bytes
    before: StoredDocument | None
    after: StoredDocument | None


class View:
    """The documents that one connection sees, now or at an earlier time."""

    def __init__(self, connection: sqlite3.Connection, at_us: int | None = None) -> None:
        self.connection = connection
        self.at_us = at_us
        self._cursors: list[sqlite3.Cursor] = []

    def now(self) -> View:
        """A view of the current documents on the same connection."""
        view = View(self.connection)
        view._cursors = self._cursors
        return view

    def rows(self, sql: str, parameters: Sequence[object] | Mapping[str, object]) -> sqlite3.Cursor:
        """A cursor to read row by row; :meth:`close` closes it."""
        cursor = self.connection.execute(sql, parameters)
        self._cursors.append(cursor)
        return cursor

    def close(self) -> None:
        """Close all cursors; an open one would keep its connection on an old snapshot."""
        for cursor in self._cursors:
            cursor.close()

    def get(self, name: Name) -> StoredDocument | None:
        """The document, or None if it does not exist."""
        collection, id = split_key(name)
        if self.at_us is not None:
            row = self.connection.execute(
                "SELECT data FROM history WHERE collection = ? AND id = ? AND until_us > ? ORDER BY until_us LIMIT 1",
                (collection, id, self.at_us),
            ).fetchone()
            if row is not None:
                return None if row[0] is None else StoredDocument(collection, id, row[0])
        row = self.connection.execute(
            "SELECT data FROM documents WHERE collection = ? AND id = ?", (collection, id)
        ).fetchone()
        return None if row is None else StoredDocument(collection, id, row[0])

    def last_commit_us(self) -> int:
        """The time of the last commit visible on this connection."""
        row = self.connection.execute("SELECT max(until_us) FROM history").fetchone()
        return row[0] or 0

    def changed_since(self, time_us: int, collection: bytes, id: bytes) -> bool:
        """Whether a commit after ``time_us`` changed the document."""
        row = self.connection.execute(
            "SELECT 1 FROM history WHERE collection = ? AND id = ? AND until_us > ? LIMIT 1", (collection, id, time_us)
        ).fetchone()
        return row is not None

    def changes_since(self, time_us: int, collection: bytes | None = None) -> Iterator[Change]:
        """The documents changed after ``time_us``, in one collection or in all: their versions then and now."""
        rows = self.rows(
            "SELECT h.collection, h.id, h.data, min(h.until_us), d.data FROM history h"
            " LEFT JOIN documents d ON d.collection = h.collection AND d.id = h.id"
            " WHERE h.until_us > :since AND (:collection IS NULL OR h.collection = :collection)"
            " GROUP BY h.collection, h.id",
            {"since": time_us, "collection": collection},
        )
        for key, id, before, _, after in rows:
            yield Change(
                key,
                id,
                None if before is None else StoredDocument(key, id, before),
                None if after is None else StoredDocument(key, id, after),
            )

    def collections(self, parent: bytes, collection_id: str) -> list[bytes]:
        """Keys of the collections with this id (empty: with any id) at any depth below ``parent``."""
        where = "key >= ? AND key < ?" + (" AND collection_id = ?" if collection_id else "")
        rows = self.connection.execute(
            f"SELECT key FROM collections WHERE {where} ORDER BY key",  # noqa: S608 - constant text
            (parent, parent + b"\xff", *([collection_id] if collection_id else [])),
        )
        return [key for (key,) in rows]

    def scan(self, collection: bytes) -> Iterator[StoredDocument]:
        """All documents directly in a collection, in the order of their names."""
        if self.at_us is None:
            for id, data in self.rows("SELECT id, data FROM documents WHERE collection = ? ORDER BY id", (collection,)):
                yield StoredDocument(collection, id, data)
            return
        earlier: dict[bytes, bytes | None] = {
            id: data
            for id, data, _ in self.connection.execute(
                "SELECT id, data, min(until_us) FROM history WHERE collection = ? AND until_us > ? GROUP BY id",
                (collection, self.at_us),
            )
        }
        found = [StoredDocument(collection, id, data) for id, data in earlier.items() if data is not None]
        for id, data in self.connection.execute("SELECT id, data FROM documents WHERE collection = ?", (collection,)):
            if id not in earlier:
                found.append(StoredDocument(collection, id, data))
        yield from sorted(found, key=lambda document: document.id)

    def ids(self, collection: bytes) -> list[bytes]:
        """Keys of the ids of all documents directly in a collection, in order."""
        if self.at_us is not None:
            return [document.id for document in self.scan(collection)]
        rows = self.rows("SELECT id FROM documents WHERE collection = ? ORDER BY id", (collection,))
        return [id for (id,) in rows]

    def count_up_to(self, collection: bytes, limit: int) -> int:
        """The number of documents directly in a collection, at most ``limit``."""
        row = self.connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM documents WHERE collection = ? LIMIT ?)", (collection, limit)
        ).fetchone()
        return int(row[0])

    def anything_below(self, key: bytes) -> bool:
        """Whether a document exists whose key begins with ``key``, the key of a collection."""
        if self.at_us is None:
            row = self.connection.execute(
                "SELECT 1 FROM documents WHERE collection >= ? AND collection < ? LIMIT 1", (key, key + b"\xff")
            ).fetchone()
        else:
            row = self.connection.execute(
                "SELECT 1 FROM documents d WHERE collection >= :low AND collection < :high AND NOT EXISTS"
                " (SELECT 1 FROM history h WHERE h.collection = d.collection AND h.id = d.id AND h.until_us > :at)"
                " UNION ALL SELECT 1 FROM (SELECT data, min(until_us) FROM history"
                " WHERE collection >= :low AND collection < :high AND until_us > :at GROUP BY collection, id)"
                " WHERE data IS NOT NULL LIMIT 1",
                {"low": key, "high": key + b"\xff", "at": self.at_us},
            ).fetchone()
        return row is not None

    def index_number(self, collection_id: str, definition: str) -> int | None:
        """The number of an index in ``entries``; None if it has not been built."""
        row = self.connection.execute(
            "SELECT number FROM indexes WHERE collection_id = ? AND definition = ?", (collection_id, definition)
        ).fetchone()
        return None if row is None else int(row[0])

    def anything_changed_since(self, time_us: int, collections: list[bytes]) -> bool:
        """Whether a commit after ``time_us`` changed a document of one of the collections."""
        searched = set(collections)
        return any(
            collection in searched
            for (collection,) in self.connection.execute(
                "SELECT DISTINCT collection FROM history WHERE until_us > ?", (time_us,)
            )
        )
