"""Kills the Cloud Run Jobs server under load, every third time with a running task, and checks what survives."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path

import psutil
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud import run_v2
from kills import Kills, Outcome

from support.run_jobs_server import PARENT, RunJobsServer, job
from support.waiting import wait_until

TASKS_PER_EXECUTION = 2
MAX_OPEN_EXECUTIONS = 6
BETWEEN_KILLS = 2  # executions started
EVERY = 3  # every third kill also kills a running task
FINISH_S = 120.0
# Holds a lock named after the task while it runs, and records if another process already holds it.
TASK = """
import fcntl, os, time
folder = os.environ["FOLDER"]
task = os.environ["CLOUD_RUN_EXECUTION"] + " " + os.environ["CLOUD_RUN_TASK_INDEX"]
attempt = task + " " + os.environ["CLOUD_RUN_TASK_ATTEMPT"]
def note(line):
    with open(folder + "/notes", "a") as notes:
        notes.write(line + "\\n")
with open(folder + "/" + task + ".lock", "w") as lock:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note("twice " + attempt)
    note("began " + attempt)
    time.sleep(0.4)
    note("ended " + attempt)
"""


class Load:
    """A client that runs the job repeatedly and records the names of the executions that the server returned."""

    def __init__(self, server: RunJobsServer, job_name: str) -> None:
        self._server = server
        self._job = job_name
        self._stop = threading.Event()
        self.ran: list[str] = []
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        finished: set[str] = set()
        with self._server.clients() as clients:
            while not self._stop.is_set():
                try:
                    running = [name for name in self.ran if name not in finished]
                    finished |= {one for one in running if clients.executions.get_execution(name=one).completion_time}
                    if len(self.ran) - len(finished) < MAX_OPEN_EXECUTIONS:
                        self.ran.append(clients.run(self._job).metadata.name)
                except exceptions.ServiceUnavailable:
                    time.sleep(0.05)
                except Exception as error:  # noqa: BLE001 - the main thread raises it
                    self.error = error
                    return

    def wait_for_progress(self) -> None:
        target = len(self.ran) + BETWEEN_KILLS
        wait_until(lambda: self.error or len(self.ran) >= target, f"{BETWEEN_KILLS} more executions", FINISH_S)
        if self.error:
            raise self.error

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self.error:
            raise self.error


def kill_run_jobs(folder: Path, kills: Kills) -> Outcome:
    notes = folder / "notes"
    notes.touch()
    server = RunJobsServer(folder / "run-jobs", ["--max-running-tasks", "6"])
    server.start()
    try:
        with server.clients() as clients:
            requested = job(TASK, env={"FOLDER": str(folder)}, task_count=TASKS_PER_EXECUTION, max_retries=10)
            requested.template.template.containers[0].command[1:1] = ["-I", "-S"]
            created = clients.jobs.create_job(
                run_v2.CreateJobRequest(parent=PARENT, job_id="crash", job=requested)
            ).result(timeout=10)
        load = Load(server, created.name)
        with_tasks = _kill_repeatedly(server, kills, load, notes)
        with server.clients() as clients:
            _check_present(server, load.ran)
            finished = [clients.finished(name, FINISH_S) for name in load.ran]
    finally:
        server.stop()
    bad = [one.name for one in finished if (one.succeeded_count, one.failed_count) != (TASKS_PER_EXECUTION, 0)]
    assert not bad, f"tasks did not succeed: {bad}"
    _check_notes(notes.read_text().splitlines(), load.ran)
    retried = sum(one.retried_count for one in finished)
    return Outcome(
        f"{len(load.ran)} executions of {TASKS_PER_EXECUTION} tasks",
        f"all ran, none twice at once; {with_tasks} tasks killed too, {retried} tasks retried",
    )


def _line_count(notes: Path) -> int:
    return notes.read_text().count("\n")


def _kill_repeatedly(server: RunJobsServer, kills: Kills, load: Load, notes: Path) -> int:
    # So that kills happen at all stages of a task: after some more lines of the tasks' notes.
    random_lines, with_tasks = random.Random(1), 0
    try:
        for number in range(kills.number):
            load.wait_for_progress()
            target = _line_count(notes) + random_lines.randrange(2 * TASKS_PER_EXECUTION)
            wait_until(lambda target=target: load.error or _line_count(notes) >= target, "the tasks to go on", FINISH_S)
            recorders = psutil.Process(server.pid).children()
            returned = list(load.ran)
            server.kill()
            if number % EVERY == 0 and recorders:
                try:
                    os.killpg(recorders[0].pid, signal.SIGKILL)
                    with_tasks += 1
                except ProcessLookupError:  # it has just ended
                    continue
                finally:
                    kills.start(server.start)
            else:
                kills.start(server.start)
            _check_present(server, returned)
    finally:
        load.stop()
    return with_tasks


def _check_present(server: RunJobsServer, returned: list[str]) -> None:
    with server.clients() as clients:
        # The client reconnects by itself shortly after the server is back.
        patient = Retry(predicate=if_exception_type(exceptions.ServiceUnavailable), initial=0.05, timeout=20)
        found = clients.executions.list_executions(parent=f"{PARENT}/jobs/-", retry=patient)
        listed = {one.name for one in found}
    assert set(returned) <= listed, f"executions that were returned are lost: {set(returned) - listed}"


def _check_notes(notes: list[str], ran: list[str]) -> None:
    """Check what the tasks themselves recorded."""
    twice = [note for note in notes if note.startswith("twice")]
    assert not twice, f"ran twice at once: {twice}"
    began = [note for note in notes if note.startswith("began")]
    assert len(set(began)) == len(began), "an attempt began twice"
    ended = {tuple(note.split()[1:3]) for note in notes if note.startswith("ended")}
    expected = {(name.rsplit("/", 1)[1], str(index)) for name in ran for index in range(TASKS_PER_EXECUTION)}
    assert expected <= ended, f"tasks reported as succeeded never ran to their end: {expected - ended}"
