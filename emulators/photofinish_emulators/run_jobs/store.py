"""The SQLite tables: jobs, executions, tasks and operations.

The fixed part of a resource is its serialized message; what changes while it runs is in columns, so that finishing one
of 10,000 tasks writes one small row. `resources` combines both into the messages of the API.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from photofinish_emulators.common.sqlite_store import SqliteStore
from photofinish_emulators.run_jobs import names

TaskState = Literal["waiting", "running", "succeeded", "failed", "cancelled"]
# As in Cloud Run, a job's oldest finished executions beyond this number are deleted.
KEPT_EXECUTIONS_PER_JOB = 1000
KEPT_OPERATIONS = 1000

SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
    name TEXT PRIMARY KEY,
    body BLOB NOT NULL               -- google.cloud.run.v2.Job
);
CREATE TABLE IF NOT EXISTS execution (
    name TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,         -- the last part of the name; also the name of its log directory
    job TEXT NOT NULL,
    body BLOB NOT NULL,              -- google.cloud.run.v2.Execution as it was created
    gpus_per_task INTEGER NOT NULL,
    parallelism INTEGER NOT NULL,    -- tasks that may run at the same time
    created REAL NOT NULL,           -- Unix times, seconds
    started REAL,
    completed REAL,
    cancelled INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '' -- why it failed
);
CREATE INDEX IF NOT EXISTS execution_of_job ON execution (job, created);
CREATE INDEX IF NOT EXISTS execution_active ON execution (created) WHERE completed IS NULL;
CREATE TABLE IF NOT EXISTS task (
    execution TEXT NOT NULL REFERENCES execution (name) ON DELETE CASCADE,
    task_index INTEGER NOT NULL,
    uid TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    attempt INTEGER NOT NULL DEFAULT 0,
    started REAL,
    completed REAL,
    exit_code INTEGER,
    term_signal INTEGER,
    message TEXT NOT NULL DEFAULT '', -- why the last attempt failed
    PRIMARY KEY (execution, task_index)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS task_state ON task (execution, state);
CREATE TABLE IF NOT EXISTS operation (
    name TEXT PRIMARY KEY,
    created REAL NOT NULL,
    target TEXT NOT NULL,             -- the execution it waits for, or the resource it changed
    done INTEGER NOT NULL,
    body BLOB NOT NULL                -- google.longrunning.Operation
);
CREATE INDEX IF NOT EXISTS operation_target ON operation (target);
"""


def open_store(state_dir: Path) -> SqliteStore:
    return SqliteStore(state_dir / "run_jobs.sqlite3", SCHEMA)


def reader(store: SqliteStore) -> sqlite3.Connection:
    connection = store.connect()
    connection.row_factory = sqlite3.Row
    return connection


def one(db: sqlite3.Connection, table: Literal["job", "execution", "operation"], name: str) -> sqlite3.Row:
    """The row of that name.

    Raises:
        Refused: NOT_FOUND.
    """
    cursor = db.cursor()
    cursor.row_factory = sqlite3.Row
    row: sqlite3.Row | None = cursor.execute(f"SELECT * FROM {table} WHERE name = ?", (name,)).fetchone()  # noqa: S608
    if row is None:
        raise names.not_found(name)
    return row


def rows(db: sqlite3.Connection, sql: str, parameters: tuple[object, ...] = ()) -> list[sqlite3.Row]:
    """All rows that ``sql`` selects, by column name."""
    cursor = db.cursor()
    cursor.row_factory = sqlite3.Row
    return cursor.execute(sql, parameters).fetchall()


def task_counts(db: sqlite3.Connection, execution: str) -> dict[str, int]:
    """The number of the execution's tasks by state, and how many were ``retried`` at least once."""
    counts = {"retried": 0}
    for state, number, retried in db.execute(
        "SELECT state, count(*), sum(attempt > 0) FROM task WHERE execution = ? GROUP BY state", (execution,)
    ):
        counts[state] = number
        counts["retried"] += retried
    return counts


def tasks_in_use(db: sqlite3.Connection, location: str) -> Iterator[tuple[bytes, int]]:
    """The unfinished executions in a location, and how many of their tasks run at full parallelism."""
    for row in rows(db, "SELECT * FROM execution WHERE completed IS NULL"):
        if names.location(row["name"]) == location:
            counts = task_counts(db, row["name"])
            open_tasks = counts.get("waiting", 0) + counts.get("running", 0)
            yield row["body"], min(open_tasks, row["parallelism"])


def delete_execution(db: sqlite3.Connection, name: str) -> None:
    db.execute("DELETE FROM operation WHERE target = ?", (name,))
    db.execute("DELETE FROM execution WHERE name = ?", (name,))


def delete_history(db: sqlite3.Connection, job: str) -> list[str]:
    """Delete a job's oldest finished executions and old operations; return the names of the executions deleted."""
    old = [
        row["name"]
        for row in rows(
            db,
            "SELECT name FROM execution WHERE job = ? AND completed IS NOT NULL "
            "ORDER BY completed DESC LIMIT -1 OFFSET ?",
            (job, KEPT_EXECUTIONS_PER_JOB),
        )
    ]
    for name in old:
        delete_execution(db, name)
    db.execute(
        "DELETE FROM operation WHERE name IN "
        "(SELECT name FROM operation WHERE done ORDER BY created DESC LIMIT -1 OFFSET ?)",
        (KEPT_OPERATIONS,),
    )
    return old


def new_execution_name(db: sqlite3.Connection, job: str) -> str:
    """A new name whose id no other execution of this server has."""
    while True:
        name = names.new_execution(job)
        if not db.execute("SELECT 1 FROM execution WHERE id = ?", (names.last(name),)).fetchone():
            return name


def now() -> float:
    return time.time()
