"""Jobs of several containers: a task and its sidecars, and the overrides that such a job demands."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from photofinish.adapters.google.run_jobs import CONTAINER, CloudRunJobLauncher
from photofinish_emulators.run_jobs.task_logs import list_logs, read_log
from support.run_jobs_server import PARENT, Clients, RunJobsServer
from support.waiting import wait_until

# Leaves its process id, then runs until it is killed.
SIDECAR = "import os, pathlib, signal, sys; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); signal.pause()"
# Waits until its sidecar has started.
MAIN = """
import os, pathlib, sys, time
while not (pathlib.Path(sys.argv[1]).exists() and pathlib.Path(sys.argv[1]).read_text()):
    time.sleep(0.02)
print(os.environ.get("GREETING"))
"""


def container(name: str, code: str = "", *args: str, **fields: object) -> run_v2.Container:
    return run_v2.Container(name=name, image="i", command=[sys.executable, "-c", code], args=args, **fields)


def create(clients: Clients, job_id: str, *containers: run_v2.Container) -> run_v2.Job:
    task = run_v2.TaskTemplate(containers=containers, max_retries=0)
    requested = run_v2.Job(template=run_v2.ExecutionTemplate(template=task))
    created: run_v2.Job = clients.jobs.create_job(parent=PARENT, job=requested, job_id=job_id).result(timeout=30)
    return created


def limits(**amounts: str) -> run_v2.ResourceRequirements:
    return run_v2.ResourceRequirements(limits=amounts)


def test_the_launcher_names_the_container_that_it_overrides(
    clients: Clients, server: RunJobsServer, tmp_path: Path
) -> None:
    """The job on Google Cloud has a proxy to the database beside the container that analyses."""
    pid = tmp_path / "pid"
    created = create(
        clients, "analysing", container(CONTAINER, MAIN, str(pid)), container("database-proxy", SIDECAR, str(pid))
    )
    _, project, _, region, _, job = created.name.split("/")
    launcher = CloudRunJobLauncher(clients.jobs, clients.executions, project, region, job)
    execution = launcher.launch(task_count=1, env={"GREETING": "hello"})
    assert clients.finished(execution, timeout_s=60).succeeded_count == 1
    (log,) = list_logs(server.state_dir, execution=execution.rsplit("/", 1)[1])
    assert read_log(log).strip() == b"hello"
    wait_until(lambda: not psutil.pid_exists(int(pid.read_text())), "the sidecar ended with the task", timeout_s=60)


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ([{"env": [run_v2.EnvVar(name="A", value="1")]}], "missing a `name` field"),
        ([{"name": "other"}], "no container 'other'"),
        ([{"name": "main"}, {"name": "main"}], "overridden twice"),
    ],
)
def test_overrides_must_name_one_container_each(clients: Clients, overrides: list[object], named: str) -> None:
    name = f"{PARENT}/jobs/two-containers"
    if not any(job.name == name for job in clients.jobs.list_jobs(parent=PARENT)):
        create(clients, "two-containers", container("main"), container("sidecar"))
    with pytest.raises(exceptions.InvalidArgument, match=named):
        clients.run(name, container_overrides=overrides)


@pytest.mark.parametrize(
    ("job_id", "containers", "named"),
    [
        ("nameless", [container("main"), container("")], r"containers\[1\].name"),
        ("same-name", [container("main"), container("main")], "another container has it"),
        ("no-label", [container("Main")], "DNS label"),
        ("depends", [container("main", depends_on=["proxy"])], "depends_on 'proxy'"),
        ("cpus", [container("a", resources=limits(cpu="8")), container("b", resources=limits(cpu="500m"))], "8.5 CPUs"),
        (
            "memory",
            [container("a", resources=limits(memory="32Gi")), container("b", resources=limits(memory="1Gi"))],
            "33 GiB",
        ),
        ("quantity", [container("a", resources=limits(memory="lots"))], "write it as"),
    ],
)
def test_what_an_instance_cannot_be_is_refused(
    clients: Clients, job_id: str, containers: list[run_v2.Container], named: str
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=named):
        create(clients, job_id, *containers)


def test_a_sidecar_that_cannot_start_fails_the_task(clients: Clients, server: RunJobsServer) -> None:
    missing = run_v2.Container(name="proxy", image="i", command=["/no/such/command"])
    created = create(clients, "no-sidecar", container("main", "print('ran')"), missing)
    execution = clients.ran(created.name)
    assert execution.failed_count == 1
    (log,) = list_logs(server.state_dir, execution=execution.name.rsplit("/", 1)[1])
    assert b"cannot start '/no/such/command'" in read_log(log)
