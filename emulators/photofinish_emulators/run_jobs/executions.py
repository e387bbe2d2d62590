"""google.cloud.run.v2.Executions and Tasks: reading, cancelling and deleting the runs of a job."""

from __future__ import annotations

import sqlite3
from typing import Any

from google.cloud.run_v2 import types
from google.longrunning import operations_pb2

from photofinish_emulators.common.serving import Method
from photofinish_emulators.run_jobs import lifecycle, names, resources, store
from photofinish_emulators.run_jobs.operation_records import done, insert_operation, operation_named
from photofinish_emulators.run_jobs.paging import page
from photofinish_emulators.run_jobs.resources import check_etag
from photofinish_emulators.run_jobs.service_context import Context, method


class Executions:
    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> dict[str, Method]:
        return {
            "GetExecution": method(self.get, types.GetExecutionRequest, types.Execution),
            "ListExecutions": method(self.list, types.ListExecutionsRequest, types.ListExecutionsResponse),
            "CancelExecution": method(self.cancel, types.CancelExecutionRequest, operations_pb2.Operation),
            "DeleteExecution": method(self.delete, types.DeleteExecutionRequest, operations_pb2.Operation),
        }

    async def get(self, request: Any) -> Any:
        row = store.one(self._context.db, "execution", names.check("execution", request.name))
        return resources.execution_message(self._context.db, row)

    async def list(self, request: Any) -> Any:
        pattern = names.check("job", request.parent)
        db = self._context.db
        rows, token = page(db, request, "execution", pattern)
        found = [resources.execution_message(db, row) for row in rows]
        return types.ListExecutionsResponse.pb()(executions=found, next_page_token=token)

    async def cancel(self, request: Any) -> operations_pb2.Operation:
        name = names.check("execution", request.name)

        def write(db: sqlite3.Connection) -> operations_pb2.Operation:
            before = resources.execution_message(db, store.one(db, "execution", name))
            check_etag(request.etag, before.etag, name)
            if request.validate_only:
                return done(db, name, before, keep=False)
            operation = resources.operation(names.location(name), done=False, result=None, metadata=before)
            insert_operation(db, operation, name)
            lifecycle.cancel(db, name)
            return operation_named(db, operation.name)

        operation = await self._context.store.write(write)
        if not request.validate_only:
            await self._context.scheduler.stop_execution(name)
        return operation

    async def delete(self, request: Any) -> operations_pb2.Operation:
        name = names.check("execution", request.name)

        def write(db: sqlite3.Connection) -> operations_pb2.Operation:
            execution = resources.execution_message(db, store.one(db, "execution", name))
            check_etag(request.etag, execution.etag, name)
            execution.delete_time.CopyFrom(resources.timestamp(store.now()))
            if not request.validate_only:
                store.delete_execution(db, name)
            return done(db, f"deleted {name}", execution, keep=not request.validate_only)

        operation = await self._context.store.write(write)
        if not request.validate_only:
            await self._context.scheduler.stop_execution(name)
        return operation


class Tasks:
    def __init__(self, context: Context) -> None:
        self._db = context.db

    def methods(self) -> dict[str, Method]:
        return {
            "GetTask": method(self.get, types.GetTaskRequest, types.Task),
            "ListTasks": method(self.list, types.ListTasksRequest, types.ListTasksResponse),
        }

    async def get(self, request: Any) -> Any:
        execution = names.parent(names.check("task", request.name))
        found = store.rows(
            self._db,
            "SELECT * FROM task WHERE execution = ? AND task_index = ?",
            (execution, names.task_index(request.name)),
        )
        if not found:
            raise names.not_found(request.name)
        return resources.task_message(store.one(self._db, "execution", execution), found[0])

    async def list(self, request: Any) -> Any:
        pattern = names.check("execution", request.parent)
        rows, token = page(self._db, request, "task", pattern)
        parents = {name: store.one(self._db, "execution", name) for name in {row["execution"] for row in rows}}
        found = [resources.task_message(parents[row["execution"]], row) for row in rows]
        return types.ListTasksResponse.pb()(tasks=found, next_page_token=token)
