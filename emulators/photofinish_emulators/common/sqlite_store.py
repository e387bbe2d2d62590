"""A durable SQLite file with group commit: many small writes share one fsync.

WAL mode with ``synchronous=FULL`` makes a commit survive ``kill -9`` and power loss. One writer thread drains a queue,
runs every waiting write in one transaction and commits once, so the cost of the fsync is shared by all writers that
waited for it. A write that raises is rolled back alone, through a savepoint; its neighbours commit.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
_Job = tuple[Callable[[sqlite3.Connection], Any], "Future[Any]"]
MAX_WRITES_PER_COMMIT = 512


class SqliteStore:
    """One SQLite database, one writer thread, acknowledged means on disk."""

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        connection = self.connect()
        connection.executescript(schema)
        connection.close()
        self._thread = threading.Thread(target=self._run, name=f"writer {path.name}", daemon=True)
        self._thread.start()

    def connect(self) -> sqlite3.Connection:
        """A further connection, for reading; the caller closes it and keeps it on one thread at a time."""
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA busy_timeout=10000")
        return connection

    def submit(self, write: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Run ``write`` on the writer thread; the future resolves once its effect is on disk.

        Writes run in the order submitted, each seeing the ones before it.
        """
        future: Future[T] = Future()
        self._queue.put((write, future))
        return future

    async def write(self, write: Callable[[sqlite3.Connection], T]) -> T:
        """Like :meth:`submit`, for coroutines."""
        return await asyncio.wrap_future(self.submit(write))

    def close(self) -> None:
        """Commit what was submitted and stop the writer."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        connection = self.connect()
        stopping = False
        while not stopping:
            batch = [self._queue.get()]
            while len(batch) < MAX_WRITES_PER_COMMIT and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            stopping = None in batch
            # A job whose caller has given up is dropped here; from here on its future can be cancelled no more.
            jobs = [job for job in batch if job is not None and job[1].set_running_or_notify_cancel()]
            if jobs:
                _commit_together(connection, jobs)
        connection.close()


def _commit_together(connection: sqlite3.Connection, jobs: list[_Job]) -> None:
    outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        for write, future in jobs:
            connection.execute("SAVEPOINT one_write")
            try:
                outcomes.append((future, write(connection), None))
            except Exception as error:  # noqa: BLE001 - handed to the caller through its future
                connection.execute("ROLLBACK TO one_write")
                outcomes.append((future, None, error))
            connection.execute("RELEASE one_write")
        connection.execute("COMMIT")
    except sqlite3.Error as error:  # the disk is full, say: nothing of this batch is on it
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        outcomes = [(future, None, error) for _, future in jobs]
    for future, result, failure in outcomes:
        if failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(result)
