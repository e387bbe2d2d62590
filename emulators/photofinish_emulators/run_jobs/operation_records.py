"""The table of operations."""

from __future__ import annotations

import sqlite3
from typing import Any

from google.longrunning import operations_pb2

from photofinish_emulators.run_jobs import names, resources, store


def done(db: sqlite3.Connection, target: str, result: Any, *, keep: bool = True) -> operations_pb2.Operation:
    """A completed operation with ``result``; stored unless the call only validated."""
    operation = resources.operation(names.location(result.name), done=True, result=result, metadata=result)
    if keep:
        insert_operation(db, operation, target)
    return operation


def insert_operation(db: sqlite3.Connection, operation: operations_pb2.Operation, target: str) -> None:
    db.execute(
        "INSERT INTO operation (name, created, target, done, body) VALUES (?, ?, ?, ?, ?)",
        (operation.name, store.now(), target, operation.done, operation.SerializeToString()),
    )


def operation_named(db: sqlite3.Connection, name: str) -> operations_pb2.Operation:
    return operations_pb2.Operation.FromString(store.one(db, "operation", name)["body"])
