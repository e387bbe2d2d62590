"""Tasks start with GPUs, and without while Cloud Run refuses GPUs for quota."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from photofinish.adapters.memory.work import MemoryGpuStates, MemoryJobLauncher
from photofinish.application.gpu_or_cpu import GPU_LAUNCH_ID, GpuOrCpuLauncher, confirm_gpu
from photofinish.application.launch_workers import LAUNCH_ID, WorkerLauncher
from photofinish.errors import Unavailable
from support.pipeline import MemoryCloud, toy_photo

QUOTA = "Quota exceeded for total allowable count of GPUs per project per region."
START_WITHIN_S, FIRST_RETRY_S = 180.0, 300.0


class Deployment:
    """A launcher that knows both jobs, and photos that wait."""

    def __init__(self, photos: int = 4) -> None:
        self.cloud = MemoryCloud()
        self.gpu, self.cpu = self.cloud.launcher, MemoryJobLauncher()
        self.states = MemoryGpuStates()
        self.now = datetime(2026, 5, 1, 12, tzinfo=UTC)
        self.started = self.now
        for number in range(photos):
            self.cloud.drop(f"race/{number}.jpg", toy_photo())
        either = GpuOrCpuLauncher(
            gpu=self.gpu,
            cpu=self.cpu,
            states=self.states,
            leases=self.cloud.leases,
            start_within_s=START_WITHIN_S,
            first_retry_s=FIRST_RETRY_S,
            now=lambda: self.now,
        )
        self.launcher = WorkerLauncher(
            documents=self.cloud.documents,
            leases=self.cloud.leases,
            launcher=either,
            max_tasks=3,
            photos_per_task=2,
            launch_lease_s=START_WITHIN_S,
            settle=either.settle,
            clock=lambda: (self.now - self.started).total_seconds(),
        )

    def check(self, *, later_s: float = 1.5) -> int:
        """Let `launch_workers` look again after a while."""
        self.now += timedelta(seconds=later_s)
        return self.launcher.launch_needed()

    def end_tasks(self) -> None:
        for launcher in (self.gpu, self.cpu):
            for count, env in launcher.launched:
                self.cloud.leases.release([f"{env[LAUNCH_ID]}/{index}" for index in range(count)])

    def counts(self) -> tuple[list[int], list[int]]:
        """Tasks of each execution, with and without GPU."""
        return [count for count, _ in self.gpu.launched], [count for count, _ in self.cpu.launched]


def test_with_quota_tasks_have_gpus() -> None:
    deployment = Deployment()
    assert deployment.check() == 2
    assert deployment.counts() == ([2], [])


def test_a_refused_launch_becomes_tasks_without_gpu_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    deployment = Deployment()
    deployment.gpu.gpu_quota = QUOTA
    assert deployment.check() == 2
    assert deployment.counts() == ([], [2])
    assert deployment.cloud.leases.live() == 2
    refusal = deployment.states.read().refusal
    assert refusal is not None
    assert (refusal.reason, refusal.since) == (QUOTA, deployment.now)
    assert [record.getMessage() for record in caplog.records] == ["GPUs are refused; tasks start without"]


def test_gpus_are_not_tried_for_every_batch() -> None:
    deployment = Deployment()
    deployment.gpu.gpu_quota = QUOTA
    hours = 6
    for _ in range(hours * 60):  # tasks end and start each minute
        deployment.check(later_s=60)
        deployment.end_tasks()
    assert len(deployment.cpu.launched) == hours * 60
    # After 5, 15, 35 and 75 minutes, then each hour.
    assert deployment.gpu.refused_launches == 1 + 4 + 4


def test_gpus_are_back_by_themselves(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    deployment = Deployment()
    deployment.gpu.gpu_quota = QUOTA
    deployment.check()
    deployment.gpu.gpu_quota = None
    deployment.end_tasks()
    deployment.check(later_s=FIRST_RETRY_S - 60)
    assert deployment.counts() == ([], [2, 2]), "the pause is not over"
    deployment.end_tasks()
    deployment.check(later_s=61)
    assert deployment.counts() == ([2], [2, 2])
    assert deployment.states.read().refusal is not None, "no task runs on a GPU yet"
    confirm_gpu(deployment.gpu.launched[0][1][GPU_LAUNCH_ID], deployment.states)
    assert deployment.states.read().refusal is None
    assert "GPUs are to be had again" in [record.getMessage() for record in caplog.records]


def test_an_execution_that_is_known_at_once_to_get_no_gpu_is_replaced_in_the_same_check() -> None:
    deployment = Deployment()
    deployment.gpu.refusals["execution-1"] = QUOTA
    assert deployment.check() == 2
    assert deployment.counts() == ([2], [2])
    assert deployment.cloud.leases.live() == 2


def test_an_execution_that_gets_no_gpu_is_replaced_by_tasks_without() -> None:
    deployment = Deployment()
    deployment.check()
    assert deployment.cloud.leases.live() == 2
    deployment.gpu.refusals["execution-1"] = QUOTA
    assert deployment.check() == 2
    assert deployment.counts() == ([2], [2])
    assert deployment.cloud.leases.live() == 2, "the places of the tasks that never started are free"


def test_an_accepted_launch_keeps_its_places_when_nothing_more_can_be_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = Deployment()

    def away(_: str) -> str | None:
        raise Unavailable("Cloud Run is away")

    monkeypatch.setattr(deployment.gpu, "refusal", away)
    assert deployment.check() == 2
    assert deployment.cloud.leases.live() == 2
    assert deployment.counts() == ([2], [])


def test_an_execution_that_waits_for_a_gpu_is_ended() -> None:
    deployment = Deployment()
    deployment.check()
    assert deployment.check(later_s=START_WITHIN_S - 2) == 0
    assert deployment.gpu.cancelled == []
    assert deployment.check(later_s=2) == 2
    assert deployment.gpu.cancelled == ["execution-1"]
    assert deployment.counts() == ([2], [2])
    refusal = deployment.states.read().refusal
    assert refusal is not None
    assert refusal.reason.startswith("No task of execution-1 started within 180 s")


def test_an_execution_whose_task_runs_is_left_alone() -> None:
    deployment = Deployment()
    deployment.check()
    confirm_gpu(deployment.gpu.launched[0][1][GPU_LAUNCH_ID], deployment.states)
    deployment.cloud.leases.heartbeat(f"{deployment.gpu.launched[0][1][LAUNCH_ID]}/0", expires_in_s=3600)
    deployment.check(later_s=START_WITHIN_S + 60)
    assert deployment.gpu.cancelled == []
    assert deployment.counts()[1] == []


def test_tasks_of_both_kinds_share_the_places() -> None:
    deployment = Deployment(photos=50)
    deployment.gpu.gpu_quota = QUOTA
    assert deployment.check() == 3
    deployment.gpu.gpu_quota = None
    assert deployment.check(later_s=FIRST_RETRY_S + 1) == 0, "more would exceed the quota of CPU and memory"
