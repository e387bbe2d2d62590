"""What is on disk: topics, subscriptions, each message once per topic, and one row per outstanding delivery.

A subscription reads its topic like a log. Its *cursor* is the id of the last message it took; a message up to the
cursor that is not acknowledged yet has a row in ``delivery``. So a publish writes one row per message, however many
subscriptions there are, a backlog uses no memory, and starting up reads only the outstanding deliveries.

A message's id is its time of publication in microseconds, increased where needed to be unique. So ids order messages,
and "published before T" is a comparison of ids.

Many rows are written by one statement: each statement releases and reacquires the interpreter lock, which under load
costs more than the statement itself.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar

from photofinish_emulators.common.sqlite_store import SqliteStore
from photofinish_emulators.pubsub.tables import TABLES

T = TypeVar("T")

# Rows per INSERT; few sizes, so that prepared statements are reused.
INSERT_SIZES = (128, 16, 1)


class StoredState(IntEnum):
    """The state of a delivery until its ``until_us``."""

    WAITING = 0  # for its next delivery
    LEASED = 1  # with a consumer
    ACKNOWLEDGED = 2  # and kept to confirm repeated acknowledgements
    ACKNOWLEDGED_EARLY = 3  # and kept as long as an earlier message of its ordering key is out


@dataclass(frozen=True, slots=True)
class Message:
    """One published message: ``body`` is a serialized ``PubsubMessage``."""

    id: int
    ordering_key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """An outstanding delivery on disk, with the ordering key and the size in bytes of its message."""

    message_id: int
    lease: int
    failures: int
    state: StoredState
    until_us: int
    ordering_key: str
    size: int


class Store:
    """Writes return a future that resolves once they are on disk; reads see what is committed.

    After a failed write, memory is ahead of the disk, and a later write could leave a gap there. So nothing is written
    any more, ``on_failure`` is called on the writer's thread, and the server has to stop: the next start continues from
    the disk.
    """

    def __init__(self, path: Path, on_failure: Callable[[BaseException], None]) -> None:
        self._sqlite = SqliteStore(path, TABLES)
        self.reader = self._sqlite.connect()
        self._on_failure = on_failure
        self._failed = False
        row = self.reader.execute(
            "SELECT max(coalesce((SELECT max(id) FROM message), 0),"
            " coalesce((SELECT max(cursor) FROM subscription), 0), coalesce((SELECT max(cursor) FROM snapshot), 0))"
        ).fetchone()
        self.last_id = int(row[0])  # no message or cursor has a higher id

    def close(self) -> None:
        self._sqlite.close()
        self.reader.close()

    def submit(self, write: Callable[[sqlite3.Connection], T]) -> Future[T]:
        def guarded(db: sqlite3.Connection) -> T:
            if self._failed:
                raise sqlite3.OperationalError("an earlier write failed")
            try:
                return write(db)
            except sqlite3.Error as error:
                self._failed = not isinstance(error, sqlite3.IntegrityError)
                raise

        future = self._sqlite.submit(guarded)
        future.add_done_callback(self._on_done)
        return future

    def _on_done(self, future: Future[T]) -> None:
        error = future.exception()
        if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
            self._failed = True  # perhaps not the write but the commit failed
            self._on_failure(error)

    # Topics and subscriptions

    def topics(self) -> list[tuple[int, str, bytes, bool]]:
        """Every topic: id, name, config, whether it is deleted."""
        rows = self.reader.execute("SELECT id, name, config, deleted FROM topic").fetchall()
        return [(row[0], row[1], row[2], bool(row[3])) for row in rows]

    def subscriptions(self) -> list[tuple[int, str, int, bytes, int, int]]:
        """Every subscription: id, name, topic id, config, start id, cursor."""
        return self.reader.execute("SELECT id, name, topic_id, config, start_id, cursor FROM subscription").fetchall()

    def create_topic(self, name: str, config: bytes) -> Future[int]:
        """Insert a topic and return its id; fails with ``sqlite3.IntegrityError`` when the name is in use."""

        def write(db: sqlite3.Connection) -> int:
            return inserted(db.execute("INSERT INTO topic (name, config) VALUES (?, ?)", (name, config)))

        return self.submit(write)

    def update_topic(self, topic_id: int, config: bytes) -> Future[None]:
        return self.execute("UPDATE topic SET config = ? WHERE id = ?", (config, topic_id))

    def delete_topic(self, topic_id: int) -> Future[None]:
        """Release the name; messages and the row stay until :meth:`purge_topic`."""
        return self.execute("UPDATE topic SET deleted = 1 WHERE id = ?", (topic_id,))

    def purge_topic(self, topic_id: int) -> Future[None]:
        """Delete the row of a deleted topic that has neither messages nor subscriptions any more."""
        return self.execute("DELETE FROM topic WHERE id = ? AND deleted = 1", (topic_id,))

    def create_subscription(self, name: str, topic_id: int, config: bytes, start_id: int) -> Future[int]:
        """Insert a subscription and return its id; fails with ``sqlite3.IntegrityError`` when the name is in use."""

        def write(db: sqlite3.Connection) -> int:
            return inserted(
                db.execute(
                    "INSERT INTO subscription (name, topic_id, config, start_id, cursor) VALUES (?, ?, ?, ?, ?)",
                    (name, topic_id, config, start_id, start_id),
                )
            )

        return self.submit(write)

    def update_subscription(self, subscription_id: int, config: bytes) -> Future[None]:
        return self.execute("UPDATE subscription SET config = ? WHERE id = ?", (config, subscription_id))

    def delete_subscription(self, subscription_id: int) -> Future[None]:
        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM delivery WHERE subscription_id = ?", (subscription_id,))
            db.execute("DELETE FROM subscription WHERE id = ?", (subscription_id,))

        return self.submit(write)

    # Messages

    def next_id(self) -> int:
        """The id for a message that is published now."""
        self.last_id = max(self.last_id + 1, now_us())
        return self.last_id

    def publish(self, topic_id: int, messages: Sequence[Message]) -> Future[None]:
        return self.submit(lambda db: _insert_messages(db, topic_id, messages))

    def messages_after(self, topic_id: int, after_id: int, limit: int, max_bytes: int) -> tuple[list[Message], bool]:
        """The messages of a topic after ``after_id``, and whether these are the last.

        Stops at ``limit`` messages, or once ``max_bytes`` of bodies are reached.
        """
        found: list[Message] = []
        size = 0
        cursor = self.reader.execute(
            "SELECT id, ordering_key, body FROM message WHERE topic_id = ? AND id > ? ORDER BY id LIMIT ?",
            (topic_id, after_id, limit),
        )
        for row in cursor:
            found.append(Message(*row))
            size += len(row[2])
            if size >= max_bytes:
                cursor.close()
                return found, False
        return found, len(found) < limit

    def bodies(self, message_ids: Sequence[int]) -> dict[int, bytes]:
        """Bodies by message id; deleted messages are left out."""
        return dict(
            self.reader.execute(
                "SELECT id, body FROM message WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(message_ids),)
            ).fetchall()
        )

    def messages(self, message_ids: Sequence[int]) -> list[Message]:
        """The messages with these ids, by id; deleted ones are left out."""
        rows = self.reader.execute(
            "SELECT id, ordering_key, body FROM message WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json.dumps(message_ids),),
        )
        return [Message(*row) for row in rows]

    def delete_messages(self, topic_id: int, after_id: int, to_id: int, keep: Sequence[int], limit: int) -> Future[int]:
        """Delete messages of a topic in ``(after_id, to_id]`` except ``keep``; return how many, at most ``limit``."""

        def write(db: sqlite3.Connection) -> int:
            return db.execute(
                "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE topic_id = ? AND id > ? AND id <= ?"
                " AND id NOT IN (SELECT value FROM json_each(?)) LIMIT ?)",
                (topic_id, after_id, to_id, json.dumps(keep), limit),
            ).rowcount

        return self.submit(write)

    def delete_ids(self, message_ids: Sequence[int]) -> Future[None]:
        return self.execute(
            "DELETE FROM message WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(message_ids),)
        )

    # Deliveries

    def deliveries(self, subscription_id: int) -> list[DeliveryRow]:
        """The outstanding deliveries of a subscription, by message id, without those of deleted messages."""
        rows = self.reader.execute(
            "SELECT message_id, lease, failures, state, until_us, ordering_key, length(body)"
            " FROM delivery JOIN message ON message.id = message_id WHERE subscription_id = ? ORDER BY message_id",
            (subscription_id,),
        )
        return [DeliveryRow(row[0], row[1], row[2], StoredState(row[3]), *row[4:]) for row in rows]

    def put_deliveries(
        self, subscription_id: int, rows: Iterable[tuple[int, int, int, StoredState, int]], cursor: int | None
    ) -> Future[None]:
        """Write deliveries (message id, lease, failures, state, until), and the cursor if it is given."""
        values = json.dumps(list(rows))

        def write(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT OR REPLACE INTO delivery (subscription_id, message_id, lease, failures, state, until_us)"
                " SELECT ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)",
                (subscription_id, values),
            )
            if cursor is not None:
                db.execute("UPDATE subscription SET cursor = ? WHERE id = ?", (cursor, subscription_id))

        return self.submit(write)

    def extend_deliveries(self, subscription_id: int, message_ids: Sequence[int], until_us: int) -> Future[None]:
        return self.execute(
            "UPDATE delivery SET until_us = ? WHERE subscription_id = ?"
            " AND message_id IN (SELECT value FROM json_each(?))",
            (until_us, subscription_id, json.dumps(message_ids)),
        )

    def remove_deliveries(self, subscription_id: int, message_ids: Sequence[int]) -> Future[None]:
        return self.execute(
            "DELETE FROM delivery WHERE subscription_id = ? AND message_id IN (SELECT value FROM json_each(?))",
            (subscription_id, json.dumps(message_ids)),
        )

    def move_to_topic(
        self, subscription_id: int, message_id: int, topic_id: int, messages: Sequence[Message]
    ) -> Future[None]:
        """Publish ``messages`` to a topic and end the delivery of ``message_id``, in one transaction."""

        def write(db: sqlite3.Connection) -> None:
            _insert_messages(db, topic_id, messages)
            db.execute(
                "DELETE FROM delivery WHERE subscription_id = ? AND message_id = ?", (subscription_id, message_id)
            )

        return self.submit(write)

    def reposition(self, subscription_id: int, drop_before_id: int | None, cursor: int) -> Future[None]:
        """Set the cursor and drop deliveries of messages below ``drop_before_id`` (None: all of them)."""

        def write(db: sqlite3.Connection) -> None:
            if drop_before_id is None:
                db.execute("DELETE FROM delivery WHERE subscription_id = ?", (subscription_id,))
            else:
                db.execute(
                    "DELETE FROM delivery WHERE subscription_id = ? AND message_id < ?",
                    (subscription_id, drop_before_id),
                )
            db.execute("UPDATE subscription SET cursor = ? WHERE id = ?", (cursor, subscription_id))

        return self.submit(write)

    def restore(self, subscription_id: int, message_ids: Sequence[int], cursor: int) -> Future[None]:
        """Set the cursor and make exactly these messages outstanding, never delivered so far."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM delivery WHERE subscription_id = ?", (subscription_id,))
            db.execute(
                "INSERT INTO delivery (subscription_id, message_id, lease, failures, state, until_us)"
                " SELECT ?, value, 0, 0, ?, 0 FROM json_each(?)",
                (subscription_id, StoredState.WAITING, json.dumps(message_ids)),
            )
            db.execute("UPDATE subscription SET cursor = ? WHERE id = ?", (cursor, subscription_id))

        return self.submit(write)

    # Policies

    def policy(self, resource: str) -> bytes | None:
        row = self.reader.execute("SELECT policy FROM policy WHERE resource = ?", (resource,)).fetchone()
        return None if row is None else bytes(row[0])

    def set_policy(self, resource: str, policy: bytes) -> Future[None]:
        return self.execute("INSERT OR REPLACE INTO policy (resource, policy) VALUES (?, ?)", (resource, policy))

    def delete_policy(self, resource: str) -> Future[None]:
        return self.execute("DELETE FROM policy WHERE resource = ?", (resource,))

    def execute(self, sql: str, parameters: tuple[object, ...]) -> Future[None]:
        def write(db: sqlite3.Connection) -> None:
            db.execute(sql, parameters)

        return self.submit(write)


def now_us() -> int:
    """Microseconds since 1970; not a monotonic clock, because deadlines outlive the process."""
    return time.time_ns() // 1000


async def written(future: Future[Any]) -> Any:
    """Return the result of a write once it is on disk; cancelling the wait does not cancel the write."""
    return await asyncio.shield(asyncio.wrap_future(future))


def inserted(cursor: sqlite3.Cursor) -> int:
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _insert_messages(db: sqlite3.Connection, topic_id: int, messages: Sequence[Message]) -> None:
    start = 0
    for size in INSERT_SIZES:
        rows = ",".join(["(?, ?, ?, ?)"] * size)
        sql = f"INSERT INTO message (id, topic_id, ordering_key, body) VALUES {rows}"  # noqa: S608 - only placeholders
        while len(messages) - start >= size:
            parameters: list[object] = []
            for message in messages[start : start + size]:
                parameters += (message.id, topic_id, message.ordering_key, message.body)
            db.execute(sql, parameters)
            start += size
