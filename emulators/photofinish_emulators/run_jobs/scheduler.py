"""Starts waiting tasks, watches running ones to their end, and finds them again after a crash of the server."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from photofinish_emulators.common.processes import base_environment
from photofinish_emulators.common.sqlite_store import SqliteStore
from photofinish_emulators.run_jobs import lifecycle, names, store
from photofinish_emulators.run_jobs.attempts import Attempt
from photofinish_emulators.run_jobs.lifecycle import Claim
from photofinish_emulators.run_jobs.run_attempt import Command, Ending, Process
from photofinish_emulators.run_jobs.task_logs import attempt_dir

log = logging.getLogger(__name__)
# After SIGTERM and the grace period the attempt's recorder sends SIGKILL; this much later it is killed itself.
KILL_MARGIN_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of tasks on this machine."""

    max_running_tasks: int
    stop_grace_s: float  # from SIGTERM to SIGKILL
    max_log_bytes: int  # per file of an attempt's output, of which the two newest are kept


class Scheduler:
    """Runs on one event loop. `lifecycle` decides what runs; this class manages the processes."""

    def __init__(self, state: SqliteStore, state_dir: Path, limits: Limits) -> None:
        self._store = state
        self._db = store.reader(state)
        self._state_dir = state_dir
        self._limits = limits
        self._running: dict[tuple[str, int], Attempt | None] = {}  # None while it is being started
        self._watchers: set[asyncio.Task[None]] = set()
        self._work = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._stopping = False
        self.completed = asyncio.Condition()  # notified whenever an execution may have completed

    async def start(self) -> None:
        """Take over the tasks that an earlier server left running, then start waiting ones."""
        claims = lifecycle.running_tasks(self._db)
        for claim in claims:
            self._watch(claim, Attempt(self._directory(claim)))
        if claims:
            log.info("found tasks of an earlier run", extra={"fields": {"tasks": len(claims)}})
        await self._remove_deleted()
        self._work.set()
        self._loop = asyncio.create_task(self._start_tasks(), name="start tasks")
        self._loop.add_done_callback(_crash_if_it_failed)

    def wake(self) -> None:
        """Look for tasks to start."""
        self._work.set()

    async def stop_execution(self, name: str) -> None:
        """Send SIGTERM to the tasks of an execution that was cancelled or deleted."""
        attempts = [attempt for (execution, _), attempt in self._running.items() if execution == name]
        for attempt in attempts:
            if attempt is not None:
                await attempt.terminate()
        if not attempts:
            await self._remove_if_deleted(name)
        await self._notify()

    async def stop(self) -> None:
        """End all tasks as the cloud ends an instance; those with retries left run again after the next start."""
        self._stopping = True
        if self._loop is not None:
            self._loop.cancel()
        for attempt in list(self._running.values()):
            if attempt is not None:
                await attempt.terminate()
        if not self._watchers:
            return
        _, late = await asyncio.wait(self._watchers, timeout=self._limits.stop_grace_s + KILL_MARGIN_S)
        if late:
            for attempt in list(self._running.values()):
                if attempt is not None:
                    await attempt.kill()
            await asyncio.wait(late)

    async def _start_tasks(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            free = self._limits.max_running_tasks - len(self._running)
            if free > 0:
                for claim in await self._store.write(partial(lifecycle.claim_tasks, free=free)):
                    self._watch(claim, None)

    def _watch(self, claim: Claim, attempt: Attempt | None) -> None:
        self._running[claim.execution.name, claim.task_index] = attempt
        watcher = asyncio.create_task(self._run(claim, attempt), name=f"{claim.execution.name} {claim.task_index}")
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        watcher.add_done_callback(_crash_if_it_failed)

    async def _run(self, claim: Claim, attempt: Attempt | None) -> None:
        name, index = claim.execution.name, claim.task_index
        fields = {"execution": names.last(name), "task_index": index, "attempt": claim.attempt}
        try:
            if attempt is None:
                attempt = await Attempt.start(self._directory(claim), self._command(claim))
                self._running[name, index] = attempt
                log.info("task started", extra={"fields": fields})
                if self._stopping or self._is_cancelled(name):
                    await attempt.terminate()
            ending = await attempt.wait()
        except OSError as error:  # out of processes or disk space
            message = f"cannot start the task: {error}"
            ending = Ending(exit_code=None, signal=None, error=message, timed_out=False, ended=time.time())
        deleted = await self._store.write(lambda db: lifecycle.end_attempt(db, claim, ending))
        log.info("task ended", extra={"fields": fields | {"failure": lifecycle.failure_message(ending)}})
        del self._running[name, index]
        await self._remove([names.last(old) for old in deleted])
        if not any(execution == name for execution, _ in self._running):
            await self._remove_if_deleted(name)
        self.wake()
        await self._notify()

    def _directory(self, claim: Claim) -> Path:
        return attempt_dir(self._state_dir, names.last(claim.execution.name), claim.task_index, claim.attempt)

    def _command(self, claim: Claim) -> Command:
        execution = claim.execution
        own = {
            "CLOUD_RUN_JOB": execution.job,
            "CLOUD_RUN_EXECUTION": names.last(execution.name),
            "CLOUD_RUN_TASK_INDEX": str(claim.task_index),
            "CLOUD_RUN_TASK_COUNT": str(execution.task_count),
            "CLOUD_RUN_TASK_ATTEMPT": str(claim.attempt),
        }
        first, *sidecars = (_process(container, own) for container in execution.template.containers)
        timeout: Any = execution.template.timeout
        return Command(
            **first,
            sidecars=sidecars,
            timeout_s=timeout.seconds + timeout.nanos / 1e9,
            stop_grace_s=self._limits.stop_grace_s,
            max_log_bytes=self._limits.max_log_bytes,
        )

    def _is_cancelled(self, name: str) -> bool:
        row = self._db.execute("SELECT cancelled FROM execution WHERE name = ?", (name,)).fetchone()
        return row is None or bool(row["cancelled"])

    async def _notify(self) -> None:
        async with self.completed:
            self.completed.notify_all()

    async def _remove_if_deleted(self, name: str) -> None:
        if self._db.execute("SELECT 1 FROM execution WHERE name = ?", (name,)).fetchone() is None:
            await self._remove([names.last(name)])

    async def _remove(self, execution_ids: Iterable[str]) -> None:
        for execution_id in execution_ids:
            folder = self._state_dir / "attempts" / execution_id
            if folder.exists():
                await asyncio.to_thread(shutil.rmtree, folder)

    async def _remove_deleted(self) -> None:
        """End the tasks and remove the files of executions that were deleted just before an earlier server died."""
        existing = {row["id"] for row in self._db.execute("SELECT id FROM execution")}
        for folder in (self._state_dir / "attempts").glob("*"):
            if folder.name not in existing:
                for lock in folder.glob("*/*/lock"):
                    await Attempt(lock.parent).kill()
                await self._remove([folder.name])


def _process(container: Any, own_variables: dict[str, str]) -> Process:
    given = {variable.name: variable.value for variable in container.env}
    return Process(
        argv=[*container.command, *container.args],
        env=base_environment() | given | own_variables,
        working_dir=container.working_dir or os.getcwd(),
    )


def _crash_if_it_failed(task: asyncio.Task[None]) -> None:
    """Kill this process if it cannot record its tasks any more, for example because the disk is full.

    The tasks go on, and the next start finds them again; a server that continued would not know how they ended.
    """
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("cannot continue; running tasks are found again at the next start", exc_info=error)
        os.kill(os.getpid(), signal.SIGKILL)
