"""Reads the output of tasks: ``STATE_DIR/attempts/EXECUTION/INDEX/ATTEMPT/log``, and ``log.1`` with older output.

These functions only read files, so they work whether the server runs or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from photofinish_emulators.common.bounded_log import older


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLog:
    """The log of one attempt of one task."""

    execution: str  # its id, such as "analyze-x4k2p"
    task_index: int
    attempt: int
    path: Path
    size: int  # bytes, of both files
    modified: float  # Unix time of the last output, seconds


def attempt_dir(state_dir: Path, execution: str, task_index: int, attempt: int) -> Path:
    """The directory of an attempt; ``execution`` is an id."""
    return state_dir / "attempts" / execution / str(task_index) / str(attempt)


def list_logs(state_dir: Path, *, job: str | None = None, execution: str | None = None) -> list[TaskLog]:
    """The logs of all executions, or of one ``job`` or ``execution``, ordered by the time of their last output."""
    logs = []
    for path in (state_dir / "attempts").glob("*/*/*/log"):
        attempt, index, name = path.parts[-2], path.parts[-3], path.parts[-4]
        if (execution is None or name == execution) and (job is None or name.rpartition("-")[0] == job):
            size = sum(part.stat().st_size for part in (older(path), path) if part.exists())
            logs.append(
                TaskLog(
                    execution=name,
                    task_index=int(index),
                    attempt=int(attempt),
                    path=path,
                    size=size,
                    modified=path.stat().st_mtime,
                )
            )
    return sorted(logs, key=lambda log: (log.modified, log.execution, log.task_index, log.attempt))


def read_log(log: TaskLog) -> bytes:
    """All of a log that is kept."""
    return b"".join(part.read_bytes() for part in (older(log.path), log.path) if part.exists())
