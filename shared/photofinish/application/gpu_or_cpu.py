"""Start tasks with GPUs, and without while Cloud Run refuses GPUs for quota (`PHOTOFINISH_PROCESSOR=auto`)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from photofinish.application.launch_workers import LAUNCH_ID, lease_ids
from photofinish.domain.gpu_quota import GpuLaunch, GpuState
from photofinish.errors import GpuRefused, Unavailable
from photofinish.logs import fields
from photofinish.ports import GpuStates, JobLauncher, TaskLeases

log = logging.getLogger(__name__)
GPU_LAUNCH_ID = "PHOTOFINISH_GPU_LAUNCH_ID"
"""The variable that asks a task to report that it started, by :func:`confirm_gpu`."""


def confirm_gpu(launch_id: str, states: GpuStates) -> None:
    """Report that a task of this launch, which asked for a GPU, runs."""
    before = states.read()
    after = states.update(lambda state: state.confirmed(launch_id))
    if before.refusal and not after.refusal:
        log.info("GPUs are to be had again", extra=fields(refused_since=before.refusal.since.isoformat()))


class GpuOrCpuLauncher:
    """Chooses between the job with GPUs and the one without.

    Cloud Run's documents don't say how it refuses an execution for quota, so every way counts: RunJob fails; the
    execution fails before a task starts; or no task reports within `start_within_s`. Then tasks start without GPU,
    and GPUs are tried again after a pause that doubles from `first_retry_s` to an hour. So in a pause one call is
    refused at most, or two with two instances of the function. The first GPU task that reports ends this.
    """

    def __init__(
        self,
        *,
        gpu: JobLauncher,
        cpu: JobLauncher,
        states: GpuStates,
        leases: TaskLeases,
        start_within_s: float,
        first_retry_s: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._gpu = gpu
        self._cpu = cpu
        self._states = states
        self._leases = leases
        self._start_within_s = start_within_s
        self._first_retry_s = first_retry_s
        self._now = now

    def launch(self, *, task_count: int, env: Mapping[str, str]) -> str:
        """Start one execution of `task_count` tasks; return its name."""
        if self._states.read().may_try(self._now()):
            launch_id = env[LAUNCH_ID]
            try:
                execution = self._gpu.launch(task_count=task_count, env={**env, GPU_LAUNCH_ID: launch_id})
            except GpuRefused as error:
                self._refused(str(error))
            else:
                launch = GpuLaunch(
                    execution=execution, launch_id=launch_id, task_count=task_count, launched_at=self._now()
                )
                if not self._is_refused_at_once(launch):
                    return execution
        return self._cpu.launch(task_count=task_count, env=env)

    def _is_refused_at_once(self, launch: GpuLaunch) -> bool:
        """Record an accepted launch; return whether it is known already that it gets no GPU."""
        try:
            self._states.update(lambda state: state.launched(launch))
            reason = self._gpu.refusal(launch.execution)
            if reason is None:
                return False
            self._refused(reason, launch)
        except Unavailable as error:
            # Its tasks may run, so their places must stay reserved: an error would free them.
            log.warning("could not find out whether tasks got GPUs: %s", error)
            return False
        return True

    def settle(self) -> None:
        """Find out whether the last execution with GPUs got any, and free the places of its tasks if it did not."""
        launch = self._states.read().launch
        if launch is None:
            return
        reason = self._gpu.refusal(launch.execution)
        if reason is None:
            if self._now() - launch.launched_at < timedelta(seconds=self._start_within_s):
                return
            self._gpu.cancel(launch.execution)
            name = launch.execution.rpartition("/")[2]
            reason = f"No task of {name} started within {self._start_within_s:g} s: no GPU is free, or tasks fail."
        self._refused(reason, launch)
        self._leases.release(lease_ids(launch.launch_id, launch.task_count))

    def _refused(self, reason: str, launch: GpuLaunch | None = None) -> None:
        """Record a refusal; of a `launch`, unless its task has reported meanwhile."""

        def change(state: GpuState) -> GpuState:
            if launch is not None and state.launch != launch:
                return state
            return state.refused(reason, self._now(), first_retry_s=self._first_retry_s)

        refusal = self._states.update(change).refusal
        if refusal is not None:
            log.warning(
                "GPUs are refused; tasks start without",
                extra=fields(
                    reason=refusal.reason, refusals=refusal.refusals, gpu_retry_at=refusal.retry_at.isoformat()
                ),
            )
