"""Snapshots on disk: the cursor of their subscription, and the messages up to it that were not acknowledged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from photofinish_emulators.pubsub.store import Store, inserted


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    id: int
    topic_id: int
    config: bytes  # google.pubsub.v1.Snapshot
    cursor: int
    message_ids: set[int]


def snapshots(store: Store) -> list[SnapshotRow]:
    rows = store.reader.execute("SELECT id, topic_id, config, cursor FROM snapshot").fetchall()
    query = "SELECT message_id FROM snapshot_message WHERE snapshot_id = ?"
    return [
        SnapshotRow(
            snapshot_id, topic_id, config, cursor, {found[0] for found in store.reader.execute(query, (snapshot_id,))}
        )
        for snapshot_id, topic_id, config, cursor in rows
    ]


def create(store: Store, topic_id: int, config: bytes, cursor: int, message_ids: Sequence[int]) -> Future[int]:
    """Insert a snapshot and return its id."""

    def write(db: sqlite3.Connection) -> int:
        snapshot_id = inserted(
            db.execute("INSERT INTO snapshot (topic_id, config, cursor) VALUES (?, ?, ?)", (topic_id, config, cursor))
        )
        db.execute(
            "INSERT INTO snapshot_message (snapshot_id, message_id) SELECT ?, value FROM json_each(?)",
            (snapshot_id, json.dumps(message_ids)),
        )
        return snapshot_id

    return store.submit(write)


def update(store: Store, snapshot_id: int, config: bytes) -> Future[None]:
    return store.execute("UPDATE snapshot SET config = ? WHERE id = ?", (config, snapshot_id))


def delete(store: Store, snapshot_id: int) -> Future[None]:
    def write(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM snapshot_message WHERE snapshot_id = ?", (snapshot_id,))
        db.execute("DELETE FROM snapshot WHERE id = ?", (snapshot_id,))

    return store.submit(write)
