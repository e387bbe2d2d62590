"""The permissions that each method of Cloud Run Jobs needs: https://docs.cloud.google.com/run/docs/reference/iam/permissions"""

from __future__ import annotations

from typing import Any

from photofinish_emulators.common.iam import PROJECT, Need

# Method, by its service where a name occurs twice → permission, and the field that names the resource.
_NEEDS: dict[str, tuple[str, str]] = {
    "CreateJob": ("run.jobs.create", "parent"),
    "GetJob": ("run.jobs.get", "name"),
    "ListJobs": ("run.jobs.list", "parent"),
    "UpdateJob": ("run.jobs.update", "job.name"),
    "DeleteJob": ("run.jobs.delete", "name"),
    "RunJob": ("run.jobs.run", "name"),
    "GetExecution": ("run.executions.get", "name"),
    "ListExecutions": ("run.executions.list", "parent"),
    "DeleteExecution": ("run.executions.delete", "name"),
    "CancelExecution": ("run.executions.cancel", "name"),
    "GetTask": ("run.tasks.get", "name"),
    "ListTasks": ("run.tasks.list", "parent"),
    "ListOperations": ("run.operations.list", "name"),
    "GetOperation": ("run.operations.get", "name"),
    "WaitOperation": ("run.operations.get", "name"),
    "DeleteOperation": ("run.operations.delete", "name"),
    "CancelOperation": ("run.operations.get", "name"),
    "GetIamPolicy": ("run.jobs.getIamPolicy", "resource"),
    "SetIamPolicy": ("run.jobs.setIamPolicy", "resource"),
}


def words(need: Need) -> str:
    return f"Permission '{need.permission}' denied on resource '{need.resource}' (or resource may not exist)."


def needs(method: str, request: Any) -> list[Need]:
    """The permissions that `request` needs. A start with overrides needs one more than a plain one."""
    if method == "TestIamPermissions":
        return []
    permission, path = _NEEDS[method]
    resource = request
    for field in path.split("."):
        resource = getattr(resource, field)
    found = [_need(permission, resource)]
    if method == "RunJob" and request.HasField("overrides"):
        found.append(_need("run.jobs.runWithOverrides", resource))
    return found


def _need(permission: str, resource: str) -> Need:
    parts = resource.split("/")
    on = f"job/{parts[5]}" if len(parts) > 5 and parts[4] == "jobs" else PROJECT
    return Need(permission, on, resource)
