"""The messages of the API, made from the rows of the store."""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

from google.cloud.run_v2 import types
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, timestamp_pb2
from google.rpc import code_pb2, status_pb2

from photofinish_emulators.common.rpc_errors import aborted
from photofinish_emulators.run_jobs import names, store

# The raw protobuf classes inside the client library's proto-plus types.
Job: Any = types.Job.pb()
Execution: Any = types.Execution.pb()
Task: Any = types.Task.pb()
Condition: Any = types.Condition.pb()
ExecutionReference: Any = types.ExecutionReference.pb()

FAILED_CONTAINER = "The container exited with an error."
TIMED_OUT = "The configured timeout was reached."
CANCELLED = "The execution was cancelled."


def timestamp(seconds: float) -> timestamp_pb2.Timestamp:
    stamp = timestamp_pb2.Timestamp()
    stamp.FromNanoseconds(round(seconds * 1e6) * 1000)
    return stamp


def etag() -> str:
    return f'"{uuid.uuid4().hex}"'


def check_etag(given: str, current: str, name: str) -> None:
    if given and given != current:
        raise aborted(
            f"Conflict for resource {name!r}: version {given} was specified but the current version is {current}."
        )


def condition(kind: str, state: str, at: float, message: str = "", reason: str | None = None) -> Any:
    made = Condition(
        type_=kind,
        state=Condition.State.Value(f"CONDITION_{state}"),
        message=message,
        last_transition_time=timestamp(at),
    )
    if reason is not None:
        made.execution_reason = Condition.ExecutionReason.Value(reason)
    return made


def job_message(db: sqlite3.Connection, row: sqlite3.Row) -> Any:
    job = Job.FromString(row["body"])
    latest = store.rows(
        db, "SELECT * FROM execution WHERE job = ? ORDER BY created DESC, name DESC LIMIT 1", (row["name"],)
    )
    if latest:
        job.latest_created_execution.CopyFrom(_reference(latest[0]))
    return job


def _reference(row: sqlite3.Row) -> Any:
    reference = ExecutionReference(name=row["name"], create_time=timestamp(row["created"]))
    if row["completed"] is not None:
        reference.completion_time.CopyFrom(timestamp(row["completed"]))
    status = {
        "PENDING": "PENDING" if row["started"] is None else "RUNNING",
        "SUCCEEDED": "SUCCEEDED",
        "FAILED": "CANCELLED" if row["cancelled"] else "FAILED",
    }[_completion(row)]
    reference.completion_status = ExecutionReference.CompletionStatus.Value(f"EXECUTION_{status}")
    return reference


def _completion(row: sqlite3.Row) -> str:
    if row["completed"] is None:
        return "PENDING"
    return "FAILED" if row["message"] else "SUCCEEDED"


def execution_message(db: sqlite3.Connection, row: sqlite3.Row) -> Any:
    execution = Execution.FromString(row["body"])
    counts = store.task_counts(db, row["name"])
    execution.running_count = counts.get("running", 0)
    execution.succeeded_count = counts.get("succeeded", 0)
    execution.failed_count = counts.get("failed", 0)
    execution.cancelled_count = counts.get("cancelled", 0)
    execution.retried_count = counts["retried"]
    started, completed = row["started"], row["completed"]
    if started is not None:
        execution.start_time.CopyFrom(timestamp(started))
    if completed is not None:
        execution.completion_time.CopyFrom(timestamp(completed))
    execution.update_time.CopyFrom(timestamp(completed or started or row["created"]))
    execution.reconciling = completed is None
    execution.conditions.extend(
        [
            _execution_completed(row),
            _execution_under_way(row, "ResourcesAvailable"),
            _execution_under_way(row, "Started"),
        ]
    )
    return execution


def _execution_under_way(row: sqlite3.Row, kind: str) -> Any:
    if row["started"] is not None:
        return condition(kind, "SUCCEEDED", row["started"])
    if row["completed"] is not None and not row["cancelled"]:  # it got no resources
        return condition(kind, "FAILED", row["completed"], row["message"])
    return condition(kind, "PENDING", row["created"])


def _execution_completed(row: sqlite3.Row) -> Any:
    if row["completed"] is None:
        reason = "CANCELLING" if row["cancelled"] else None
        return condition("Completed", "RECONCILING", row["started"] or row["created"], reason=reason)
    if not row["message"]:
        return condition("Completed", "SUCCEEDED", row["completed"], "Execution completed successfully.")
    exited = None if row["started"] is None else "NON_ZERO_EXIT_CODE"
    reason = "CANCELLED" if row["cancelled"] else exited
    return condition("Completed", "FAILED", row["completed"], row["message"], reason)


def task_message(execution_row: sqlite3.Row, row: sqlite3.Row) -> Any:
    execution = Execution.FromString(execution_row["body"])
    created = execution_row["created"]
    task = Task(
        name=names.task(row["execution"], row["task_index"]),
        uid=row["uid"],
        generation=1,
        observed_generation=1,
        labels=execution.labels,
        annotations=execution.annotations,
        create_time=timestamp(created),
        scheduled_time=timestamp(created),
        update_time=timestamp(row["completed"] or row["started"] or created),
        job=execution.job,
        execution=names.last(row["execution"]),
        containers=execution.template.containers,
        volumes=execution.template.volumes,
        max_retries=execution.template.max_retries,
        timeout=execution.template.timeout,
        service_account=execution.template.service_account,
        execution_environment=execution.template.execution_environment,
        index=row["task_index"],
        retried=row["attempt"],
        reconciling=row["completed"] is None,
        etag=f'"{row["uid"]}-{row["state"]}-{row["attempt"]}"',
    )
    if execution.template.HasField("node_selector"):
        task.node_selector.CopyFrom(execution.template.node_selector)
    if row["started"] is not None:
        task.start_time.CopyFrom(timestamp(row["started"]))
    if row["completed"] is not None:
        task.completion_time.CopyFrom(timestamp(row["completed"]))
    if row["exit_code"] is not None or row["term_signal"] is not None or row["message"]:
        result = task.last_attempt_result
        result.exit_code = row["exit_code"] or 0
        result.term_signal = row["term_signal"] or 0
        if row["message"]:
            result.status.code = code_pb2.UNKNOWN
            result.status.message = row["message"]
    state = {"waiting": "PENDING", "running": "RECONCILING", "succeeded": "SUCCEEDED"}.get(row["state"], "FAILED")
    reason = {"cancelled": "CANCELLED", "failed": "NON_ZERO_EXIT_CODE"}.get(row["state"])
    changed = row["completed"] or row["started"] or created
    task.conditions.append(condition("Completed", state, changed, row["message"], reason))
    return task


def operation(location: str, *, done: bool, result: Any, metadata: Any) -> operations_pb2.Operation:
    """A new operation; if ``done``, ``result`` is its response."""
    made = operations_pb2.Operation(name=f"{location}/operations/{uuid.uuid4()}", done=done)
    made.metadata.CopyFrom(packed(metadata))
    if done:
        made.response.CopyFrom(packed(result))
    return made


def finish(pending: operations_pb2.Operation, execution: Any, failure: str) -> operations_pb2.Operation:
    """The completed form of ``pending``, with ``execution`` as its response, or with an error if tasks failed.

    A cancelled execution completes its operation without an error, as observed in the cloud; Airflow's operators rely
    on it. Callers check ``cancelled_count``.
    """
    done = operations_pb2.Operation(name=pending.name, done=True, metadata=packed(execution))
    if failure:
        done.error.CopyFrom(status_pb2.Status(code=code_pb2.UNKNOWN, message=failure))
    else:
        done.response.CopyFrom(packed(execution))
    return done


def packed(message: Any) -> any_pb2.Any:
    box = any_pb2.Any()
    box.Pack(message)
    return box
