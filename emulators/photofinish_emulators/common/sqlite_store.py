"""A durable SQLite file with group commit: many small writes share one fsync.

In WAL mode with ``synchronous=FULL`` a commit survives ``kill -9`` and power loss. One writer thread takes all queued
writes, runs them in one transaction and commits once, so they share the cost of the fsync. A write that raises is
rolled back by itself, through a savepoint; the others commit.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
_Outcome = tuple["_Job", Any, BaseException | None]
MAX_WRITES_PER_COMMIT = 512


@dataclass(slots=True, eq=False)
class _Job:
    write: Callable[[sqlite3.Connection], Any]
    end: Callable[[Any, BaseException | None], None]
    """Called with the result, or with the exception."""
    loop: asyncio.AbstractEventLoop | None
    """Where to call ``end``; None: on the writer thread."""
    begin: Callable[[], bool]
    """Whether to run the write; called once."""


class SqliteStore:
    """One SQLite database with one writer thread. A write that has returned is on disk."""

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
        """A new connection, for reading; the caller closes it and uses it on one thread at a time."""
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

        def end(result: T, failure: BaseException | None) -> None:
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(result)

        # A job whose future was cancelled is dropped; once it has begun, the future cannot be cancelled any more.
        self._queue.put(_Job(write, end, None, future.set_running_or_notify_cancel))
        return future

    async def write(
        self, write: Callable[[sqlite3.Connection], T], ended: Callable[[T | None], None] | None = None
    ) -> T:
        """Like :meth:`submit`, for coroutines; cancelling the caller does not cancel the write.

        ``ended`` is called on the event loop, in the order of writes and before this returns, with the result, or with
        None if the write failed; also if the caller has been cancelled by then.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()

        def end(result: T, failure: BaseException | None) -> None:
            if ended is not None:
                ended(result)
            if waiter.cancelled():
                return
            if failure is not None:
                waiter.set_exception(failure)
            else:
                waiter.set_result(result)

        self._queue.put(_Job(write, end, loop, lambda: True))
        return await waiter

    def close(self) -> None:
        """Commit all submitted writes and stop the writer."""
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
            jobs = [job for job in batch if job is not None and job.begin()]
            if jobs:
                _end_jobs(_commit_together(connection, jobs))
        connection.close()


def _commit_together(connection: sqlite3.Connection, jobs: list[_Job]) -> list[_Outcome]:
    outcomes: list[_Outcome] = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        for job in jobs:
            connection.execute("SAVEPOINT one_write")
            try:
                outcomes.append((job, job.write(connection), None))
            except Exception as error:  # noqa: BLE001 - passed to the caller
                connection.execute("ROLLBACK TO one_write")
                outcomes.append((job, None, error))
            connection.execute("RELEASE one_write")
        connection.execute("COMMIT")
    except sqlite3.Error as error:  # for example the disk is full: nothing of this batch is written
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        outcomes = [(job, None, error) for job in jobs]
    return outcomes


def _end_jobs(outcomes: list[_Outcome]) -> None:
    """Call ``end`` of every job; an event loop is woken once for all its jobs, because that costs more than a write."""
    on_loops: dict[asyncio.AbstractEventLoop, list[_Outcome]] = defaultdict(list)
    for job, result, failure in outcomes:
        if job.loop is None:
            job.end(result, failure)
        else:
            on_loops[job.loop].append((job, result, failure))
    for loop, ended in on_loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_end_all, ended)


def _end_all(outcomes: list[_Outcome]) -> None:
    for job, result, failure in outcomes:
        job.end(result, failure)
