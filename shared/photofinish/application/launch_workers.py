"""Start analysis tasks when there is work and fewer tasks run than allowed."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from photofinish.application.album_budgets import waiting_photos
from photofinish.domain.work import tasks_to_start
from photofinish.logs import fields
from photofinish.ports import Documents, TaskLeases

log = logging.getLogger(__name__)
CHECK_INTERVAL_S = 1.0
LAUNCH_ID = "PHOTOFINISH_LAUNCH_ID"
"""The variable that tells a task the first part of its lease's id."""


def lease_ids(launch_id: str, task_count: int) -> list[str]:
    """Return the ids of the leases that a launch reserves for its tasks."""
    return [f"{launch_id}/{index}" for index in range(task_count)]


class TaskStarter(Protocol):
    """Starts analysis tasks: a :class:`JobLauncher`, or a choice between two."""

    def launch(self, *, task_count: int, env: Mapping[str, str]) -> str:
        """As :meth:`JobLauncher.launch`."""
        ...


class WorkerLauncher:
    """Checks at most once a second while there is work, however many messages arrive.

    After every message a check begins: a task that ends may have looked for the last time just before it. The scheduled
    sweep covers the rest.
    """

    def __init__(
        self,
        *,
        documents: Documents,
        leases: TaskLeases,
        launcher: TaskStarter,
        max_tasks: int,
        photos_per_task: int,
        launch_lease_s: float,
        settle: Callable[[], None] = lambda: None,
        without_tasks: Callable[[], Collection[str]] = frozenset,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`settle` is called before leases are counted: it frees those of launches that came to nothing.

        Photos of albums in `without_tasks()` need none.
        """
        self._documents = documents
        self._leases = leases
        self._launcher = launcher
        self._max_tasks = max_tasks
        self._photos_per_task = photos_per_task
        self._launch_lease_s = launch_lease_s
        self._settle = settle
        self._without_tasks = without_tasks
        self._clock = clock
        self._sleep = sleep
        self._checked_at = float("-inf")
        self._check_is_due = False
        self._lock = threading.Lock()

    def launch_needed(self) -> int:
        """Start as many tasks as are needed and allowed; return how many. Instances never use the same lease twice.

        Waits for the rest of a second after the last check. Others that call meanwhile return at once: this check
        begins after they called.
        """
        with self._lock:
            if self._check_is_due:
                return 0
            self._check_is_due = True
            wait_s = self._checked_at + CHECK_INTERVAL_S - self._clock()
        if wait_s > 0:
            self._sleep(wait_s)
        with self._lock:
            self._check_is_due = False
            self._checked_at = self._clock()
        try:
            return self._launch()
        except BaseException:
            self._checked_at = float("-inf")  # the next message must check again
            raise

    def _launch(self) -> int:
        outstanding = waiting_photos(self._documents, self._without_tasks())
        if outstanding == 0:
            # A message that arrives in a moment is of a photo that this check did not see.
            self._checked_at = float("-inf")
            return 0
        self._settle()
        launch_id = uuid.uuid4().hex

        def count_for(leased: int) -> int:
            return tasks_to_start(
                outstanding=outstanding,
                leased=leased,
                max_tasks=self._max_tasks,
                photos_per_task=self._photos_per_task,
            )

        count = self._leases.reserve(count_for, launch_id=launch_id, expires_in_s=self._launch_lease_s)
        if count == 0:
            return 0
        try:
            execution = self._launcher.launch(task_count=count, env={LAUNCH_ID: launch_id})
        except BaseException:
            self._leases.release(lease_ids(launch_id, count))
            raise
        log.info("launched", extra=fields(execution=execution, tasks=count, outstanding=outstanding))
        return count
