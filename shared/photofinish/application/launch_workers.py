"""Start analysis tasks when there is work and fewer tasks run than allowed."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable

from photofinish.domain.work import tasks_to_start
from photofinish.logs import fields
from photofinish.ports import Documents, JobLauncher, TaskLeases

log = logging.getLogger(__name__)
CHECK_INTERVAL_S = 1.0


class WorkerLauncher:
    """Checks for work at most once a second, however many messages arrive; the scheduled sweep covers the rest."""

    def __init__(
        self,
        *,
        documents: Documents,
        leases: TaskLeases,
        launcher: JobLauncher,
        max_tasks: int,
        photos_per_task: int,
        launch_lease_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._documents = documents
        self._leases = leases
        self._launcher = launcher
        self._max_tasks = max_tasks
        self._photos_per_task = photos_per_task
        self._launch_lease_s = launch_lease_s
        self._clock = clock
        self._checked_at = float("-inf")
        self._lock = threading.Lock()

    def launch_needed(self) -> int:
        """Start as many tasks as are needed and allowed; return how many. Instances never use the same lease twice."""
        with self._lock:
            if self._clock() - self._checked_at < CHECK_INTERVAL_S:
                return 0
            self._checked_at = self._clock()
        try:
            return self._launch()
        except BaseException:
            self._checked_at = float("-inf")  # the next message must check again
            raise

    def _launch(self) -> int:
        outstanding = self._documents.outstanding()
        if outstanding == 0:
            return 0
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
            execution = self._launcher.launch(task_count=count, env={"PHOTOFINISH_LAUNCH_ID": launch_id})
        except BaseException:
            self._leases.release([f"{launch_id}/{index}" for index in range(count)])
            raise
        log.info("launched", extra=fields(execution=execution, tasks=count, outstanding=outstanding))
        return count
