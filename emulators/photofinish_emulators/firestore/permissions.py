"""The permissions that each method of Firestore needs: https://docs.cloud.google.com/firestore/docs/security/iam

They are those of service accounts. What an app's user may do, security rules decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from photofinish_emulators.common.iam import PROJECT, Need

WORDS = "Missing or insufficient permissions."
"""All that Firestore says."""

_GET, _LIST = "datastore.entities.get", "datastore.entities.list"
_CREATE, _UPDATE, _DELETE = (f"datastore.entities.{verb}" for verb in ("create", "update", "delete"))
_NEEDS: dict[str, tuple[str, ...]] = {
    "GetDocument": (_GET,),
    "BatchGetDocuments": (_GET,),
    "ListDocuments": (_GET, _LIST),
    "ListCollectionIds": (_LIST,),
    "RunQuery": (_GET, _LIST),
    "RunAggregationQuery": (_GET, _LIST),
    "ExecutePipeline": (_GET, _LIST),
    "PartitionQuery": (_GET, _LIST),
    "Listen": (_GET, _LIST),
    "CreateDocument": (_CREATE,),
    "DeleteDocument": (_DELETE,),
    # To begin or end a transaction, not to read the database's description.
    "BeginTransaction": ("datastore.databases.get",),
    "Rollback": ("datastore.databases.get",),
}


def needs(method: str, request: Any) -> list[Need]:
    """The permissions that `request` needs; they exist on the project only."""
    if method in ("Commit", "BatchWrite", "Write"):
        permissions = {permission for write in request.writes for permission in _of_write(write)}
        return _on_project(sorted(permissions))
    if method == "UpdateDocument":
        return _on_project(_of_precondition(request))
    return _on_project(_NEEDS[method])


def _of_write(write: Any) -> tuple[str, ...]:
    if write.WhichOneof("operation") == "delete":
        return (_DELETE,)
    return _of_precondition(write)


def _of_precondition(write: Any) -> tuple[str, ...]:
    condition = write.current_document.WhichOneof("condition_type")
    if condition == "exists":
        return (_UPDATE,) if write.current_document.exists else (_CREATE,)
    return (_UPDATE,) if condition == "update_time" else (_CREATE, _UPDATE)


def _on_project(permissions: Iterable[str]) -> list[Need]:
    return [Need(permission, PROJECT, "//firestore.googleapis.com/(default)") for permission in permissions]
