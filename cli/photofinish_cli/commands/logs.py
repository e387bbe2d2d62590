"""`photofinish logs`: what the parts of the local cloud and the tasks of its job wrote."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from photofinish.errors import NotFound
from photofinish_cli.deployment import Json, StateDir, local_state_dir
from photofinish_cli.output import console, print_json, reported_errors, table
from photofinish_emulators import stack
from photofinish_emulators.run_jobs.task_logs import TaskLog, follow_log, list_logs, read_log

_FOLLOW_EVERY_S = 0.3
_SHOWN_TASKS = 20


def logs(
    name: Annotated[
        str | None, typer.Argument(help="A piece (pubsub, api, …) or an execution (analyze-x4k2p).")
    ] = None,
    task: Annotated[int, typer.Option(help="Task of the execution.", min=0)] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing what is written.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Show a log of the local cloud; without a name, list the logs. `analyze` is the newest execution of the job.

    Examples:

      photofinish logs

      photofinish logs analyze --follow

      photofinish logs on-object-finalized
    """
    state_dir = local_state_dir(state)
    with reported_errors():
        pieces = {piece: Path(status.log) for piece, status in stack.pieces(state_dir).items() if status.log}
        tasks = list_logs(state_dir / "run-jobs")
        if name is None:
            _list(pieces, tasks, json=json)
        elif name in pieces:
            _write(_file(pieces[name], follow=follow))
        else:
            log = _task_log(tasks, name, task, known=[*pieces, *sorted({log.execution for log in tasks})])
            _write(follow_log(log) if follow else [read_log(log)])


def _task_log(tasks: list[TaskLog], name: str, index: int, *, known: list[str]) -> TaskLog:
    """The newest attempt of a task of the execution `name`, or of the newest execution of the job `name`."""
    of_job = [log for log in tasks if log.execution == name or log.execution.rpartition("-")[0] == name]
    newest = of_job[-1].execution if of_job else name
    attempts = [log for log in tasks if log.execution == newest and log.task_index == index]
    if not attempts:
        raise NotFound(f"no log of {name!r}, task {index}; available: {', '.join(known) or 'none'}")
    return max(attempts, key=lambda log: log.attempt)


def _list(pieces: dict[str, Path], tasks: list[TaskLog], *, json: bool) -> None:
    if json:
        print_json(
            {
                "pieces": {piece: str(path) for piece, path in pieces.items()},
                "tasks": [
                    {"execution": log.execution, "task": log.task_index, "attempt": log.attempt, "path": str(log.path)}
                    for log in tasks
                ],
            }
        )
        return
    shown = table("log", "task", "attempt", "last written", "bytes", right=["task", "attempt", "bytes"])
    for piece, path in pieces.items():
        if path.exists():
            shown.add_row(piece, "", "", _clock(path.stat().st_mtime), str(path.stat().st_size))
    for log in tasks[-_SHOWN_TASKS:]:
        shown.add_row(log.execution, str(log.task_index), str(log.attempt), _clock(log.modified), str(log.size))
    console().print(shown)


def _file(path: Path, *, follow: bool) -> Iterable[bytes]:
    with path.open("rb") as file:
        while True:
            written = file.read()
            if written:
                yield written
            elif not follow:
                return
            elif path.stat().st_ino != os.fstat(file.fileno()).st_ino:
                yield from _file(path, follow=True)  # it was rotated
                return
            else:
                time.sleep(_FOLLOW_EVERY_S)


def _write(parts: Iterable[bytes]) -> None:
    for part in parts:
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
