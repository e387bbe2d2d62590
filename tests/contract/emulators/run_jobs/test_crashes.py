"""What survives `kill -9` of the server, and what stopping it does to tasks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from photofinish_emulators.run_jobs.task_logs import TaskLog, list_logs, read_log
from support.emulator_process import slowness
from support.run_jobs_server import RunJobsServer
from support.waiting import wait_until

# Prints its process id, then waits until the file named in GO exists.
WAITING = """
import os, pathlib, time
print(os.getpid(), flush=True)
while not pathlib.Path(os.environ["GO"]).exists():
    time.sleep(0.02)
"""


def started(server: RunJobsServer, attempt: int = 0) -> tuple[TaskLog, int]:
    """The log and the process id of the task's attempt, once it runs."""

    def printed() -> TaskLog | None:
        return next((log for log in list_logs(server.state_dir) if log.attempt == attempt and log.size), None)

    log = wait_until(printed, f"attempt {attempt} runs")
    return log, int(read_log(log).split()[0])


def run_waiting(server: RunJobsServer, go: Path, code: str = WAITING, **settings: object) -> tuple[str, TaskLog, int]:
    """Start the server and a task that waits for ``go``: the execution's name, the task's log and process id."""
    server.start()
    with server.clients() as clients:
        created = clients.create("waiting", code, env={"GO": str(go)}, **settings)
        return clients.run(created.name).metadata.name, *started(server)


def test_running_tasks_are_found_again_and_complete(own_server: RunJobsServer, tmp_path: Path) -> None:
    go = tmp_path / "go"
    execution, _, pid = run_waiting(own_server, go, max_retries=3)
    own_server.kill()
    assert psutil.pid_exists(pid)
    own_server.start()
    with own_server.clients() as clients:
        assert clients.executions.get_execution(name=execution).running_count == 1
        go.touch()
        finished = clients.finished(execution)
    assert (finished.succeeded_count, finished.retried_count) == (1, 0)


def test_the_outcome_of_a_task_that_ended_while_no_server_ran_is_recorded(
    own_server: RunJobsServer, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    execution, log, pid = run_waiting(own_server, go, WAITING + "raise SystemExit(5)")
    own_server.kill()
    go.touch()
    wait_until(lambda: not psutil.pid_exists(pid), "the orphan has ended")
    wait_until(lambda: (log.path.parent / "outcome.json").exists(), "its outcome is on disk")
    own_server.start()
    with own_server.clients() as clients:
        assert clients.finished(execution).failed_count == 1
        (task,) = clients.tasks.list_tasks(parent=execution)
        assert task.last_attempt_result.exit_code == 5


def test_a_task_that_was_killed_with_the_server_is_retried(own_server: RunJobsServer, tmp_path: Path) -> None:
    go = tmp_path / "go"
    execution, _, pid = run_waiting(own_server, go, max_retries=1)
    recorder = psutil.Process(pid).ppid()
    own_server.kill()
    os.killpg(recorder, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid), "the task has ended")
    go.touch()
    own_server.start()
    with own_server.clients() as clients:
        finished = clients.finished(execution)
    assert (finished.succeeded_count, finished.retried_count) == (1, 1)


def test_a_command_does_not_outlive_its_recorder(own_server: RunJobsServer, tmp_path: Path) -> None:
    execution, _, pid = run_waiting(own_server, tmp_path / "never")
    os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid), "the command has ended")
    with own_server.clients() as clients:
        assert clients.finished(execution).failed_count == 1


def test_the_timeout_is_enforced_while_no_server_runs(own_server: RunJobsServer, tmp_path: Path) -> None:
    execution, _, pid = run_waiting(own_server, tmp_path / "never", timeout_s=1)
    own_server.kill()
    wait_until(lambda: not psutil.pid_exists(pid), "the task was ended at its timeout")
    own_server.start()
    with own_server.clients() as clients:
        assert "timeout" in clients.finished(execution).conditions[0].message


def test_stopping_the_server_ends_its_tasks_and_starting_it_retries_them(
    own_server: RunJobsServer, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    execution, _, pid = run_waiting(own_server, go, max_retries=1)
    own_server.stop()
    assert not psutil.pid_exists(pid)
    own_server.start()
    with own_server.clients() as clients:
        _, again = started(own_server, attempt=1)
        assert psutil.pid_exists(again)
        go.touch()
        assert clients.finished(execution).succeeded_count == 1


def test_executions_that_were_returned_survive_kills_under_load(own_server: RunJobsServer) -> None:
    ran: list[str] = []
    own_server.start()
    for round_number in range(2):
        with own_server.clients() as clients:
            created = clients.create(f"round-{round_number}", "pass", task_count=2, max_retries=3)
            ran += [clients.run(created.name).metadata.name for _ in range(5)]
        assert own_server.restart() < 5 * slowness()
    with own_server.clients() as clients:
        listed = {e.name for e in clients.executions.list_executions(parent=f"{ran[0].split('/jobs/')[0]}/jobs/-")}
        assert listed == set(ran)
        for name in ran:
            finished = clients.finished(name, timeout_s=30)
            assert (finished.succeeded_count, finished.failed_count) == (2, 0)


def test_memory_does_not_grow_with_history(own_server: RunJobsServer) -> None:
    own_server.start()
    with own_server.clients() as clients:
        created = clients.create("often", "pass")
        clients.ran(created.name)
        before = own_server.memory_mb()
        huge = clients.run(created.name, task_count=10_000).metadata.name
        clients.executions.cancel_execution(name=huge).result(timeout=30)
        assert own_server.memory_mb() < before + 25
    assert own_server.memory_mb() < 150


def test_a_state_directory_or_port_in_use_is_reported(own_server: RunJobsServer, tmp_path: Path) -> None:
    own_server.start()
    command = [sys.executable, "-m", "photofinish_emulators", "run-jobs"]
    for arguments, names in (
        (["--port", "0", "--state-dir", str(own_server.state_dir)], str(own_server.state_dir)),
        (["--port", str(own_server.port), "--state-dir", str(tmp_path / "other")], str(own_server.port)),
    ):
        second = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=20)
        assert second.returncode == 2
        assert names in second.stderr.splitlines()[-1]
