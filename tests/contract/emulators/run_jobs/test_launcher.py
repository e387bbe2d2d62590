"""The launcher against Cloud Run's ways to refuse GPUs for quota."""

from __future__ import annotations

import pytest
from google.api_core import exceptions

from photofinish.adapters.google.run_jobs import CONTAINER, CloudRunJobLauncher, is_gpu_quota
from photofinish.errors import GpuRefused, Unavailable
from support.run_jobs_server import PARENT, Clients, RunJobsServer
from support.waiting import wait_until

SLEEP = "import time; time.sleep(60)"


def launcher_of(clients: Clients, job: str) -> CloudRunJobLauncher:
    _, project, _, region, _ = f"{PARENT}/jobs".split("/")
    return CloudRunJobLauncher(clients.jobs, clients.executions, project, region, job)


def test_a_refused_launch(own_server: RunJobsServer) -> None:
    own_server.options += ["--gpu-quota", "0", "--starts-per-minute", "1"]
    own_server.start()
    with own_server.clients() as clients:
        clients.create("gpu", "pass", gpus=1, name=CONTAINER)
        clients.create("cpu", "pass", name=CONTAINER)
        with pytest.raises(GpuRefused, match="Quota exceeded for total allowable count of GPUs"):
            launcher_of(clients, "gpu").launch(task_count=2, env={})
        launcher_of(clients, "cpu").launch(task_count=1, env={})
        with pytest.raises(Unavailable, match="per minute") as refused:
            launcher_of(clients, "gpu").launch(task_count=2, env={})
        assert not isinstance(refused.value, GpuRefused), "starts are limited for a minute, not GPUs"
        with pytest.raises(exceptions.NotFound):
            launcher_of(clients, "none").launch(task_count=1, env={})


def test_an_accepted_execution_that_gets_no_gpu(own_server: RunJobsServer) -> None:
    own_server.options += ["--gpu-quota", "0", "--gpu-refusal", "execution"]
    own_server.start()
    with own_server.clients() as clients:
        clients.create("gpu", "pass", gpus=1, name=CONTAINER)
        launcher = launcher_of(clients, "gpu")
        execution = launcher.launch(task_count=2, env={})
        reason = launcher.refusal(execution)
        assert reason is not None
        assert "count of GPUs" in reason
        launcher.cancel(execution)  # has ended: nothing to do


def test_an_execution_that_runs_was_not_refused_and_can_be_ended(clients: Clients) -> None:
    clients.create("running", SLEEP, name=CONTAINER)
    launcher = launcher_of(clients, "running")
    execution = launcher.launch(task_count=1, env={})
    assert launcher.refusal(execution) is None
    wait_until(lambda: clients.executions.get_execution(name=execution).running_count == 1, "it runs")
    launcher.cancel(execution)
    assert clients.finished(execution).cancelled_count == 1
    assert launcher.refusal(execution) is None


def test_a_task_that_fails_is_not_a_refused_gpu(clients: Clients) -> None:
    clients.create("failing", "raise SystemExit('no CUDA driver for this GPU')", name=CONTAINER)
    launcher = launcher_of(clients, "failing")
    execution = launcher.launch(task_count=1, env={})
    assert clients.finished(execution).failed_count == 1
    assert launcher.refusal(execution) is None


@pytest.mark.parametrize(
    "message",
    [
        "Quota exceeded for total allowable count of GPUs per project per region.",
        "You do not have quota for using GPUs without zonal redundancy. Learn more about GPU zonal redundancy: "
        "g.co/cloudrun/gpu-redundancy-help\n\nTo request quota: g.co/cloudrun/gpu-quota",
        "Max instances must be set to 3 or fewer in order to set GPU requirements.\nQuota violated:\n"
        "  NvidiaL4GpuAllocNoZonalRedundancyPerProjectRegion requested: 4 allowed: 3",
        "The request failed because the project exceeded its quota limit for "
        "run.googleapis.com/nvidia_l4_gpu_allocation_no_zonal_redundancy",
    ],
)
def test_cloud_runs_words_about_gpu_quota_are_known(message: str) -> None:
    assert is_gpu_quota(message)


@pytest.mark.parametrize(
    "message",
    [
        "Quota exceeded for 'Job run requests per minute': the limit is 60.",
        "Quota violated:\nCpuAllocPerProjectRegion requested: 60000 allowed: 20000",
        "timeout 43201s: must be above 0 and at most 43200s with a GPU",
    ],
)
def test_other_refusals_are_not_about_gpu_quota(message: str) -> None:
    assert not is_gpu_quota(message)
