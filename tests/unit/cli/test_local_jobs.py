"""Which analysis jobs the local cloud has."""

from __future__ import annotations

import pytest

from photofinish.analysis.models.nvidia import NvidiaMachine
from photofinish.errors import Misconfigured
from photofinish.settings import LocalCloudSettings, Settings
from photofinish_cli import local_jobs as local_jobs_module
from photofinish_cli.local_jobs import CPU_JOB, JOB, local_jobs
from photofinish_cli.local_settings import usual_settings
from photofinish_emulators.stack import Job

LIMITS = {"cpu": "5000m", "memory": "16896Mi"}
CUDA = "CUDAExecutionProvider,CPUExecutionProvider"


def jobs(processor: str, *, providers: str | None = None, simulate_gpu: bool = False) -> tuple[Job, ...]:
    env = {"PHOTOFINISH_PROCESSOR": processor, "PHOTOFINISH_TASK_TIMEOUT_S": "3600"}
    if providers:
        env["PHOTOFINISH_ONNX_PROVIDERS"] = providers
    return local_jobs(env, LocalCloudSettings.from_env(PHOTOFINISH_SIMULATE_GPU=str(simulate_gpu)), LIMITS)


def summary(job: Job) -> tuple[str, int, str, int]:
    return job.name, job.gpus, job.env["PHOTOFINISH_ONNX_PROVIDERS"], job.task_timeout_s


def test_the_names_are_those_of_the_launcher() -> None:
    assert (Settings.model_fields["job"].default, Settings.model_fields["cpu_job"].default) == (JOB, CPU_JOB)


def test_without_gpu() -> None:
    assert [summary(job) for job in jobs("cpu")] == [("analyze", 0, "CPUExecutionProvider", 3600)]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a GPU."""
    monkeypatch.setattr(local_jobs_module, "this_machine", lambda: NvidiaMachine(driver="580.1"))


@pytest.mark.usefixtures("gpu")
def test_with_gpu() -> None:
    tensorrt = f"TensorrtExecutionProvider,{CUDA}"
    assert [summary(job) for job in jobs("gpu", providers=tensorrt)] == [("analyze", 1, tensorrt, 3600)]
    assert [summary(job) for job in jobs("gpu")] == [("analyze", 1, CUDA, 3600)]


@pytest.mark.usefixtures("gpu")
def test_auto_has_both_and_its_tasks_without_gpu_end_soon() -> None:
    assert [summary(job) for job in jobs("auto", providers=CUDA)] == [
        ("analyze", 1, CUDA, 3600),
        ("analyze-cpu", 0, "CPUExecutionProvider", 900),
    ]
    assert {job.container for job in jobs("auto", providers=CUDA)} == {"analyze"}


@pytest.mark.parametrize("processor", ["gpu", "auto"])
def test_without_a_gpu_no_gpu_job_is_offered_unless_it_is_simulated(
    monkeypatch: pytest.MonkeyPatch, processor: str
) -> None:
    monkeypatch.setattr(local_jobs_module, "this_machine", lambda: NvidiaMachine(problem="there is no driver"))
    with pytest.raises(Misconfigured, match="this machine offers no GPU: there is no driver"):
        jobs(processor, providers=CUDA)
    assert summary(jobs(processor, simulate_gpu=True)[0]) == ("analyze", 1, "CPUExecutionProvider", 3600)


def test_models_on_a_gpu_make_it_the_usual_processor() -> None:
    assert usual_settings({})["PHOTOFINISH_PROCESSOR"] == "cpu"
    assert usual_settings({"PHOTOFINISH_ONNX_PROVIDERS": CUDA})["PHOTOFINISH_PROCESSOR"] == "gpu"
