"""google.cloud.run.v2.Jobs: defining jobs and starting executions."""

from __future__ import annotations

import sqlite3
import uuid
from collections import deque
from typing import Any

from google.cloud.run_v2 import types
from google.longrunning import operations_pb2

from photofinish_emulators.common.rpc_errors import already_exists, invalid, resource_exhausted
from photofinish_emulators.common.serving import Method
from photofinish_emulators.run_jobs import lifecycle, names, resources, store, validation
from photofinish_emulators.run_jobs.operation_records import done, insert_operation, operation_named
from photofinish_emulators.run_jobs.paging import page
from photofinish_emulators.run_jobs.quotas import GpuRefusal, Quotas, Size, exceeded
from photofinish_emulators.run_jobs.resources import check_etag
from photofinish_emulators.run_jobs.service_context import Context, method

STARTS_WINDOW_S = 60.0


class Jobs:
    def __init__(self, context: Context) -> None:
        self._context = context
        since = store.now() - STARTS_WINDOW_S
        recent = store.rows(context.db, "SELECT created FROM execution WHERE created > ? ORDER BY created", (since,))
        self._starts = deque(row["created"] for row in recent)

    def methods(self) -> dict[str, Method]:
        return {
            "CreateJob": method(self.create, types.CreateJobRequest, operations_pb2.Operation),
            "GetJob": method(self.get, types.GetJobRequest, types.Job),
            "ListJobs": method(self.list, types.ListJobsRequest, types.ListJobsResponse),
            "UpdateJob": method(self.update, types.UpdateJobRequest, operations_pb2.Operation),
            "DeleteJob": method(self.delete, types.DeleteJobRequest, operations_pb2.Operation),
            "RunJob": method(self.run, types.RunJobRequest, operations_pb2.Operation),
        }

    async def create(self, request: Any) -> operations_pb2.Operation:
        names.check("location", request.parent)
        name = f"{request.parent}/jobs/{names.check_job_id(request.job_id)}"
        if request.job.name not in ("", name):
            raise invalid(f"job.name {request.job.name!r}: leave it empty, or set it to {name!r}")
        job = validation.checked_job(request.job)
        job.name = name

        def write(db: sqlite3.Connection) -> operations_pb2.Operation:
            if db.execute("SELECT 1 FROM job WHERE name = ?", (name,)).fetchone():
                raise already_exists(f"Resource {name!r} already exists.")
            return _put(db, job, None, keep=not request.validate_only)

        return await self._context.store.write(write)

    async def get(self, request: Any) -> Any:
        row = store.one(self._context.db, "job", names.check("job", request.name))
        return resources.job_message(self._context.db, row)

    async def list(self, request: Any) -> Any:
        pattern = f"{names.check('location', request.parent)}/jobs/-"
        db = self._context.db
        rows, token = page(db, request, "job", pattern)
        found = [resources.job_message(db, row) for row in rows]
        return types.ListJobsResponse.pb()(jobs=found, next_page_token=token)

    async def update(self, request: Any) -> operations_pb2.Operation:
        name = names.check("job", request.job.name)
        names.check_job_id(names.last(name))
        job = validation.checked_job(request.job)

        def write(db: sqlite3.Connection) -> operations_pb2.Operation:
            found = store.rows(db, "SELECT body FROM job WHERE name = ?", (name,))
            if not found and not request.allow_missing:
                raise names.not_found(name)
            before = resources.Job.FromString(found[0]["body"]) if found else None
            check_etag(request.job.etag, before.etag if before else "", name)
            return _put(db, job, before, keep=not request.validate_only)

        return await self._context.store.write(write)

    async def delete(self, request: Any) -> operations_pb2.Operation:
        """Delete the job and its executions, and end their running tasks."""
        name = names.check("job", request.name)

        def write(db: sqlite3.Connection) -> tuple[operations_pb2.Operation, list[str]]:
            job = resources.job_message(db, store.one(db, "job", name))
            check_etag(request.etag, job.etag, name)
            job.delete_time.CopyFrom(resources.timestamp(store.now()))
            if request.validate_only:
                return done(db, name, job, keep=False), []
            executions = [row["name"] for row in store.rows(db, "SELECT name FROM execution WHERE job = ?", (name,))]
            for execution in executions:
                store.delete_execution(db, execution)
            db.execute("DELETE FROM job WHERE name = ?", (name,))
            return done(db, name, job), executions

        operation, executions = await self._context.store.write(write)
        for execution in executions:
            await self._context.scheduler.stop_execution(execution)
        return operation

    async def run(self, request: Any) -> operations_pb2.Operation:
        name = names.check("job", request.name)

        def write(db: sqlite3.Connection) -> operations_pb2.Operation:
            job = resources.Job.FromString(store.one(db, "job", name)["body"])
            check_etag(request.etag, job.etag, name)
            template = validation.with_overrides(job.template, request.overrides)
            quotas = self._context.quotas()
            self._check_starts(quotas)
            execution = _new_execution(db, job, template)
            refusal = _exceeded(db, execution, quotas)
            if refusal and quotas.gpu_refusal is GpuRefusal.LAUNCH:
                raise resource_exhausted(refusal)
            if request.validate_only:
                return done(db, execution.name, execution, keep=False)
            _insert(db, job, execution)
            self._starts.append(store.now())
            shown = resources.execution_message(db, store.one(db, "execution", execution.name))
            operation = resources.operation(names.location(name), done=False, result=None, metadata=shown)
            insert_operation(db, operation, execution.name)
            if refusal:
                lifecycle.fail_before_start(db, execution.name, refusal)
                return operation_named(db, operation.name)
            return operation

        operation = await self._context.store.write(write)
        self._context.scheduler.wake()
        return operation

    def _check_starts(self, quotas: Quotas) -> None:
        while self._starts and self._starts[0] < store.now() - STARTS_WINDOW_S:
            self._starts.popleft()
        if quotas.starts_per_minute is not None and len(self._starts) >= quotas.starts_per_minute:
            raise resource_exhausted(
                f"Quota exceeded for 'Job run requests per minute': the limit is {quotas.starts_per_minute}."
            )


def _exceeded(db: sqlite3.Connection, execution: Any, quotas: Quotas) -> str:
    if quotas.gpus is None and quotas.cpus is None and quotas.memory_gib is None:
        return ""
    requested = validation.size(execution.template).times(execution.parallelism)
    in_use = Size()
    for body, tasks in store.tasks_in_use(db, names.location(execution.name)):
        in_use += validation.size(resources.Execution.FromString(body).template).times(tasks)
    return exceeded(requested=requested, in_use=in_use, quotas=quotas)


def _put(db: sqlite3.Connection, job: Any, before: Any | None, *, keep: bool) -> operations_pb2.Operation:
    """Set the fields that belong to the server, and store the job if ``keep``."""
    now = resources.timestamp(store.now())
    job.uid = before.uid if before else str(uuid.uuid4())
    job.create_time.CopyFrom(before.create_time if before else now)
    job.update_time.CopyFrom(now)
    job.generation = before.generation if before else 1
    if before and before.template != job.template:
        job.generation += 1
    job.observed_generation = job.generation
    job.execution_count = before.execution_count if before else 0
    job.terminal_condition.CopyFrom(resources.condition("Ready", "SUCCEEDED", store.now()))
    job.etag = resources.etag()
    if keep:
        db.execute(
            "INSERT INTO job (name, body) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            (job.name, job.SerializeToString()),
        )
        shown = resources.job_message(db, store.one(db, "job", job.name))
        return done(db, job.name, shown)
    return done(db, job.name, job, keep=False)


def _parallelism(template: Any) -> int:
    count: int = template.task_count
    return min(template.parallelism, count) if template.parallelism else count


def _new_execution(db: sqlite3.Connection, job: Any, template: Any) -> Any:
    now = resources.timestamp(store.now())
    name = store.new_execution_name(db, job.name)
    return resources.Execution(
        name=name,
        uid=str(uuid.uuid4()),
        generation=1,
        observed_generation=1,
        labels={**job.labels, **template.labels},
        annotations={**job.annotations, **template.annotations},
        create_time=now,
        update_time=now,
        launch_stage=job.launch_stage,
        job=names.last(job.name),
        parallelism=_parallelism(template),
        task_count=template.task_count,
        template=template.template,
        etag=resources.etag(),
    )


def _insert(db: sqlite3.Connection, job: Any, execution: Any) -> None:
    db.execute(
        "INSERT INTO execution (name, id, job, body, gpus_per_task, parallelism, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            execution.name,
            names.last(execution.name),
            job.name,
            execution.SerializeToString(),
            validation.gpus(execution.template),
            execution.parallelism,
            store.now(),
        ),
    )
    db.executemany(
        "INSERT INTO task (execution, task_index, uid) VALUES (?, ?, ?)",
        [(execution.name, index, str(uuid.uuid4())) for index in range(execution.task_count)],
    )
    job.execution_count += 1
    db.execute("UPDATE job SET body = ? WHERE name = ?", (job.SerializeToString(), job.name))
