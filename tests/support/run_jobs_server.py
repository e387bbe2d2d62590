"""A Cloud Run Jobs server process, and the unmodified clients on it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import psutil
from google.cloud import run_v2
from google.cloud.run_v2.services.executions.transports import ExecutionsGrpcTransport
from google.cloud.run_v2.services.jobs.transports import JobsGrpcTransport
from google.cloud.run_v2.services.tasks.transports import TasksGrpcTransport

from support.emulator_process import EmulatorProcess
from support.waiting import wait_until

PARENT = "projects/local/locations/here"


class RunJobsServer(EmulatorProcess):
    def __init__(self, state_dir: Path, options: Sequence[str] = ()) -> None:
        super().__init__("run-jobs", state_dir, ["--stop-grace-s", "1", *options])

    def memory_mb(self) -> float:
        """Resident memory."""
        return float(psutil.Process(self.pid).memory_info().rss / 1e6)

    @contextmanager
    def clients(self) -> Iterator[Clients]:
        with grpc.insecure_channel(self.address) as channel:
            yield Clients(channel)


class Clients:
    """The official clients on one channel, and shorthands for what tests do most."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.jobs = run_v2.JobsClient(transport=JobsGrpcTransport(channel=channel))
        self.executions = run_v2.ExecutionsClient(transport=ExecutionsGrpcTransport(channel=channel))
        self.tasks = run_v2.TasksClient(transport=TasksGrpcTransport(channel=channel))

    def create(self, job_id: str, code: str, **settings: Any) -> run_v2.Job:
        """Create a job that runs Python ``code``, with the settings of :func:`job`."""
        request = run_v2.CreateJobRequest(parent=PARENT, job_id=job_id, job=job(code, **settings))
        created: run_v2.Job = self.jobs.create_job(request).result(timeout=10)
        return created

    def run(self, name: str, **overrides: Any) -> Any:
        """Run a job; return the operation."""
        request = run_v2.RunJobRequest(name=name)
        if overrides:
            request.overrides = run_v2.RunJobRequest.Overrides(**overrides)
        return self.jobs.run_job(request)

    def ran(self, name: str, **overrides: Any) -> run_v2.Execution:
        """Run a job; return the execution once it has completed."""
        return self.finished(self.run(name, **overrides).metadata.name)

    def finished(self, execution: str, timeout_s: float = 20.0) -> run_v2.Execution:
        """The execution once it has completed."""

        def completed() -> run_v2.Execution | None:
            now: run_v2.Execution = self.executions.get_execution(name=execution)
            return now if now.completion_time else None

        return wait_until(completed, f"{execution} completed", timeout_s)


def job(
    code: str,
    *,
    args: Sequence[str] = (),
    env: dict[str, str] | None = None,
    task_count: int = 1,
    parallelism: int = 0,
    max_retries: int = 0,
    timeout_s: float = 60,
    gpus: int = 0,
    limits: dict[str, str] | None = None,
    name: str = "",
) -> run_v2.Job:
    container = run_v2.Container(
        name=name,
        image="local",
        command=[sys.executable, "-c", code],
        args=args,
        env=[run_v2.EnvVar(name=name, value=value) for name, value in (env or {}).items()],
    )
    if gpus or limits:
        own = {"nvidia.com/gpu": str(gpus)} if gpus else {}
        container.resources = run_v2.ResourceRequirements(limits=own | (limits or {}))
    task = run_v2.TaskTemplate(containers=[container], max_retries=max_retries, timeout={"seconds": int(timeout_s)})
    template = run_v2.ExecutionTemplate(task_count=task_count, parallelism=parallelism, template=task)
    return run_v2.Job(template=template)
