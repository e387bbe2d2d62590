"""Resource names, ``projects/P/locations/L/jobs/J/executions/E/tasks/T``, and ids made by the server."""

from __future__ import annotations

import re
import secrets
import string

from photofinish_emulators.common import rpc_errors
from photofinish_emulators.common.rpc_errors import Refused, invalid

_PART = r"[^/]+"
_PATTERNS = {
    "location": re.compile(rf"projects/{_PART}/locations/{_PART}"),
    "job": re.compile(rf"projects/{_PART}/locations/{_PART}/jobs/{_PART}"),
    "execution": re.compile(rf"projects/{_PART}/locations/{_PART}/jobs/{_PART}/executions/{_PART}"),
    "task": re.compile(rf"projects/{_PART}/locations/{_PART}/jobs/{_PART}/executions/{_PART}/tasks/{_PART}"),
    "operation": re.compile(rf"projects/{_PART}/locations/{_PART}/operations/{_PART}"),
}
_JOB_ID = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
MAX_JOB_ID = 63
_SUFFIX_LETTERS = string.ascii_lowercase + string.digits


def not_found(name: str) -> Refused:
    return rpc_errors.not_found(f"Resource {name!r} was not found.")


def check(kind: str, name: str) -> str:
    """Return ``name`` if it is the full name of a ``kind`` ("-" means any part in calls that allow it)."""
    if not _PATTERNS[kind].fullmatch(name):
        raise invalid(f"{name!r} is not the full name of a {kind}; expected {_PATTERNS[kind].pattern}")
    return name


def check_job_id(job_id: str) -> str:
    if not _JOB_ID.fullmatch(job_id) or len(job_id) > MAX_JOB_ID:
        raise invalid(
            f"job_id {job_id!r}: use at most {MAX_JOB_ID} lower case letters, digits and hyphens, begin with a letter, "
            "do not end with a hyphen"
        )
    return job_id


def location(name: str) -> str:
    """``projects/P/locations/L`` of any resource."""
    return "/".join(name.split("/")[:4])


def last(name: str) -> str:
    return name.rsplit("/", 1)[1]


def parent(name: str) -> str:
    return name.rsplit("/", 2)[0]


def new_execution(job: str) -> str:
    suffix = "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))
    return f"{job}/executions/{last(job)}-{suffix}"


def task(execution: str, index: int) -> str:
    return f"{execution}/tasks/{last(execution)}-task{index}"


def task_index(name: str) -> int:
    """The index in the name of a task; -1 if no task can have this name."""
    prefix = f"{last(parent(name))}-task"
    digits = last(name).removeprefix(prefix)
    return int(digits) if last(name).startswith(prefix) and digits.isdecimal() else -1
