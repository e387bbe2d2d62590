"""google.longrunning.Operations: waiting for, listing and cancelling the operations that other calls returned."""

from __future__ import annotations

import asyncio
from typing import Any

from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from photofinish_emulators.common.serving import Method
from photofinish_emulators.run_jobs import lifecycle, names, store
from photofinish_emulators.run_jobs.operation_records import operation_named
from photofinish_emulators.run_jobs.paging import page
from photofinish_emulators.run_jobs.service_context import Context, method

MAX_WAIT_S = 300.0


class Operations:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._db = context.db

    def methods(self) -> dict[str, Method]:
        operation, empty = operations_pb2.Operation, empty_pb2.Empty
        return {
            "GetOperation": method(self.get, operations_pb2.GetOperationRequest, operation),
            "ListOperations": method(
                self.list, operations_pb2.ListOperationsRequest, operations_pb2.ListOperationsResponse
            ),
            "WaitOperation": method(self.wait, operations_pb2.WaitOperationRequest, operation),
            "CancelOperation": method(self.cancel, operations_pb2.CancelOperationRequest, empty),
            "DeleteOperation": method(self.delete, operations_pb2.DeleteOperationRequest, empty),
        }

    async def get(self, request: Any) -> operations_pb2.Operation:
        return operation_named(self._db, names.check("operation", request.name))

    async def list(self, request: Any) -> operations_pb2.ListOperationsResponse:
        pattern = f"{names.check('location', request.name.removesuffix('/operations'))}/operations/-"
        rows, token = page(self._db, request, "operation", pattern)
        found = [operations_pb2.Operation.FromString(row["body"]) for row in rows]
        return operations_pb2.ListOperationsResponse(operations=found, next_page_token=token)

    async def wait(self, request: Any) -> operations_pb2.Operation:
        """The operation once it is done, or as it is after the request's timeout."""
        name = names.check("operation", request.name)
        wait_s = request.timeout.seconds + request.timeout.nanos / 1e9 if request.HasField("timeout") else MAX_WAIT_S
        scheduler = self._context.scheduler
        operation = operation_named(self._db, name)
        try:
            async with asyncio.timeout(min(wait_s, MAX_WAIT_S)), scheduler.completed:
                operation = operation_named(self._db, name)
                while not operation.done:
                    await scheduler.completed.wait()
                    operation = operation_named(self._db, name)
        except TimeoutError:
            return operation
        return operation

    async def cancel(self, request: Any) -> empty_pb2.Empty:
        """Cancel the execution that the operation waits for; does nothing if the operation is done."""
        row = store.one(self._db, "operation", names.check("operation", request.name))
        if not row["done"]:
            await self._context.store.write(lambda db: lifecycle.cancel(db, row["target"]))
            await self._context.scheduler.stop_execution(row["target"])
        return empty_pb2.Empty()

    async def delete(self, request: Any) -> empty_pb2.Empty:
        store.one(self._db, "operation", names.check("operation", request.name))
        await self._context.store.write(lambda db: db.execute("DELETE FROM operation WHERE name = ?", (request.name,)))
        return empty_pb2.Empty()
