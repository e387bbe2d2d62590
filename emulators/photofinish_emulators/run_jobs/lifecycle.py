"""State changes of executions and tasks; each function is one transaction on the store's writer thread."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from google.longrunning import operations_pb2

from photofinish_emulators.common.rpc_errors import failed_precondition
from photofinish_emulators.run_jobs import names, resources, store
from photofinish_emulators.run_jobs.run_attempt import Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A task that is recorded as running."""

    execution: Any  # google.cloud.run.v2.Execution
    task_index: int
    attempt: int


def claim_tasks(db: sqlite3.Connection, free: int) -> list[Claim]:
    """Record up to ``free`` waiting tasks as running, oldest execution first, within each execution's parallelism."""
    claims: list[Claim] = []
    active = "SELECT * FROM execution WHERE completed IS NULL AND NOT cancelled ORDER BY created, name"
    for row in store.rows(db, active):
        running = store.task_counts(db, row["name"]).get("running", 0)
        room = min(row["parallelism"] - running, free - len(claims))
        waiting = store.rows(
            db,
            "SELECT task_index, attempt FROM task WHERE execution = ? AND state = 'waiting' "
            "ORDER BY task_index LIMIT ?",
            (row["name"], max(0, room)),
        )
        for task in waiting:
            claims.append(
                Claim(
                    execution=resources.Execution.FromString(row["body"]),
                    task_index=task["task_index"],
                    attempt=task["attempt"],
                )
            )
            db.execute(
                "UPDATE task SET state = 'running', started = ?, exit_code = NULL, term_signal = NULL "
                "WHERE execution = ? AND task_index = ?",
                (store.now(), row["name"], task["task_index"]),
            )
        if waiting and row["started"] is None:
            db.execute("UPDATE execution SET started = ? WHERE name = ?", (store.now(), row["name"]))
    return claims


def running_tasks(db: sqlite3.Connection) -> list[Claim]:
    """The tasks recorded as running; after a crash, their processes may still run."""
    query = (
        "SELECT body, task_index, attempt FROM task JOIN execution ON execution.name = task.execution "
        "WHERE execution.completed IS NULL AND state = 'running'"
    )
    return [
        Claim(
            execution=resources.Execution.FromString(row["body"]),
            task_index=row["task_index"],
            attempt=row["attempt"],
        )
        for row in store.rows(db, query)
    ]


def end_attempt(db: sqlite3.Connection, claim: Claim, ending: Ending) -> list[str]:
    """Record how an attempt ended: the task succeeded, failed, was cancelled, or waits for its next attempt.

    Returns:
        The names of old executions that were deleted because this one has finished.
    """
    execution = claim.execution.name
    rows = store.rows(db, "SELECT * FROM execution WHERE name = ?", (execution,))
    if not rows:
        return []  # deleted while it ran
    message = failure_message(ending)
    attempt = claim.attempt
    if not message:
        state = "succeeded"
    elif rows[0]["cancelled"]:
        state = "cancelled"
    elif attempt < claim.execution.template.max_retries:
        state, attempt = "waiting", attempt + 1
    else:
        state = "failed"
    db.execute(
        "UPDATE task SET state = ?, attempt = ?, completed = ?, exit_code = ?, term_signal = ?, message = ? "
        "WHERE execution = ? AND task_index = ?",
        (
            state,
            attempt,
            None if state == "waiting" else ending["ended"],
            ending["exit_code"],
            ending["signal"],
            message,
            execution,
            claim.task_index,
        ),
    )
    return complete_if_over(db, execution)


def failure_message(ending: Ending) -> str:
    """Why an attempt failed, in Cloud Run's own words where known; "" if it succeeded."""
    if ending["timed_out"]:
        return resources.TIMED_OUT
    if ending["error"]:
        return ending["error"]
    if ending["signal"]:
        return f"The container was terminated by signal {ending['signal']}."
    return resources.FAILED_CONTAINER if ending["exit_code"] else ""


def cancel(db: sqlite3.Connection, name: str) -> list[str]:
    """Cancel the execution's waiting tasks; it completes once its running tasks have ended.

    Returns:
        As `complete_if_over`.

    Raises:
        Refused: NOT_FOUND, or FAILED_PRECONDITION if it has completed.
    """
    if store.one(db, "execution", name)["completed"] is not None:
        raise failed_precondition(f"Execution {name!r} has completed and cannot be cancelled.")
    db.execute("UPDATE execution SET cancelled = 1 WHERE name = ?", (name,))
    db.execute(
        "UPDATE task SET state = 'cancelled', completed = ?, message = ? WHERE execution = ? AND state = 'waiting'",
        (store.now(), resources.CANCELLED, name),
    )
    return complete_if_over(db, name)


def fail_before_start(db: sqlite3.Connection, name: str, message: str) -> None:
    """Complete an execution whose tasks get no resources, with ``message`` as the reason; none of them starts."""
    db.execute("DELETE FROM task WHERE execution = ?", (name,))
    _complete(db, store.one(db, "execution", name), message)


def complete_if_over(db: sqlite3.Connection, name: str) -> list[str]:
    """Complete the execution and its operations if no task waits or runs.

    Returns:
        The names of old executions that were deleted because this one has finished.
    """
    counts = store.task_counts(db, name)
    if counts.get("waiting") or counts.get("running"):
        return []
    row = store.one(db, "execution", name)
    failure = ""
    if counts.get("failed"):
        first = store.rows(
            db,
            "SELECT task_index, message FROM task WHERE execution = ? AND state = 'failed' ORDER BY task_index LIMIT 1",
            (name,),
        )[0]
        task = names.last(names.task(name, first["task_index"]))
        failure = f"Task {task} failed with message: {first['message']}"
    elif counts.get("cancelled"):
        failure = resources.CANCELLED
    _complete(db, row, failure)
    return store.delete_history(db, row["job"])


def _complete(db: sqlite3.Connection, row: sqlite3.Row, failure: str) -> None:
    name = row["name"]
    db.execute("UPDATE execution SET completed = ?, message = ? WHERE name = ?", (store.now(), failure, name))
    execution = resources.execution_message(db, store.one(db, "execution", name))
    for pending in store.rows(db, "SELECT * FROM operation WHERE target = ? AND NOT done", (name,)):
        operation = operations_pb2.Operation.FromString(pending["body"])
        finished = resources.finish(operation, execution, "" if row["cancelled"] else failure)
        db.execute(
            "UPDATE operation SET done = 1, body = ? WHERE name = ?", (finished.SerializeToString(), pending["name"])
        )
