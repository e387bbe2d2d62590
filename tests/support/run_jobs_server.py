"""A real Cloud Run Jobs server in a process of its own, and the unmodified clients that speak to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.cloud import run_v2
from google.cloud.run_v2.services.executions.transports import ExecutionsGrpcTransport
from google.cloud.run_v2.services.jobs.transports import JobsGrpcTransport
from google.cloud.run_v2.services.tasks.transports import TasksGrpcTransport

T = TypeVar("T")
PARENT = "projects/local/locations/here"
START_TIMEOUT_S = 20.0


def eventually(found: Callable[[], T | None], what: str, timeout_s: float = 15.0) -> T:
    """The first true result of ``found``, asked again until ``timeout_s`` is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = found()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout_s:g} s still not: {what} (last answer: {result!r})")
        time.sleep(0.02)


class RunJobsServer:
    """The server process; it can be killed and started again on the same port and state directory."""

    def __init__(self, state_dir: Path, options: Sequence[str] = ()) -> None:
        self.state_dir = state_dir
        self.options = list(options)
        self.port = 0
        self.log = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "photofinish_emulators", "run-jobs"),
                *("--port", str(self.port), "--state-dir", str(self.state_dir), "--stop-grace-s", "1", *self.options),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        timer = threading.Timer(START_TIMEOUT_S, self.process.kill)
        timer.start()
        ready = self.process.stdout.readline()
        timer.cancel()
        if not ready.startswith("ready "):
            assert self.process.stderr is not None
            raise AssertionError(f"the server did not start: {self.process.stderr.read()}")
        self.port = int(ready.rsplit(":", 1)[1])
        threading.Thread(target=self._keep_log, args=(self.process.stderr,), daemon=True).start()

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, signum: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signum)
        self.process.wait(timeout=15)

    def _keep_log(self, stream: Any) -> None:
        for line in stream:
            self.log += line

    def rss_mb(self) -> float:
        import psutil

        assert self.process is not None
        return float(psutil.Process(self.process.pid).memory_info().rss / 1e6)

    @contextmanager
    def clients(self) -> Iterator[Clients]:
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            yield Clients(channel)


class Clients:
    """The official clients on one channel, and short hands for what the tests do most."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.jobs = run_v2.JobsClient(transport=JobsGrpcTransport(channel=channel))
        self.executions = run_v2.ExecutionsClient(transport=ExecutionsGrpcTransport(channel=channel))
        self.tasks = run_v2.TasksClient(transport=TasksGrpcTransport(channel=channel))

    def create(self, job_id: str, code: str, **settings: Any) -> run_v2.Job:
        """A job that runs Python ``code``; settings as of :func:`job`."""
        request = run_v2.CreateJobRequest(parent=PARENT, job_id=job_id, job=job(code, **settings))
        created: run_v2.Job = self.jobs.create_job(request).result(timeout=10)
        return created

    def run(self, name: str, **overrides: Any) -> Any:
        """The operation of a new execution."""
        request = run_v2.RunJobRequest(name=name)
        if overrides:
            request.overrides = run_v2.RunJobRequest.Overrides(**overrides)
        return self.jobs.run_job(request)

    def ran(self, name: str, **overrides: Any) -> run_v2.Execution:
        """A new execution of the job, once it has completed."""
        return self.finished(self.run(name, **overrides).metadata.name)

    def finished(self, execution: str, timeout_s: float = 20.0) -> run_v2.Execution:
        """The execution once it has completed."""

        def completed() -> run_v2.Execution | None:
            now: run_v2.Execution = self.executions.get_execution(name=execution)
            return now if now.completion_time else None

        return eventually(completed, f"{execution} completed", timeout_s)


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
) -> run_v2.Job:
    container = run_v2.Container(
        image="local",
        command=[sys.executable, "-c", code],
        args=args,
        env=[run_v2.EnvVar(name=name, value=value) for name, value in (env or {}).items()],
    )
    if gpus:
        container.resources = run_v2.ResourceRequirements(limits={"nvidia.com/gpu": str(gpus)})
    task = run_v2.TaskTemplate(containers=[container], max_retries=max_retries, timeout={"seconds": int(timeout_s)})
    template = run_v2.ExecutionTemplate(task_count=task_count, parallelism=parallelism, template=task)
    return run_v2.Job(template=template)
