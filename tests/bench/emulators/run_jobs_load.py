"""Performance of the Cloud Run Jobs server with a long history."""

from __future__ import annotations

import time
from pathlib import Path

from figures import Figure, memory_mb

from support.run_jobs_server import RunJobsServer

EXECUTIONS, TASKS = 5, 10_000
RUNS = 100


def measure_run_jobs(folder: Path) -> list[Figure]:
    server = RunJobsServer(folder / "run-jobs", ["--max-running-tasks", "1"])
    server.start()
    name = "Run Jobs"
    figures = [Figure(name, "memory, idle", "MB", memory_mb(server.pid), 150)]
    with server.clients() as clients:
        created = clients.create("long", "import time; time.sleep(600)")
        began_s = time.perf_counter()
        for _ in range(RUNS):
            clients.run(created.name, task_count=2)
        figures.append(Figure(name, "RunJob calls", "/s", RUNS / (time.perf_counter() - began_s), None, True))
        for execution in clients.executions.list_executions(parent=created.name):
            clients.executions.cancel_execution(name=execution.name)
        for _ in range(EXECUTIONS):
            execution = clients.run(created.name, task_count=TASKS).metadata.name
            clients.executions.cancel_execution(name=execution).result(timeout=60)
    tasks = f"{EXECUTIONS * TASKS:,} tasks"
    figures.append(Figure(name, f"memory, {tasks}", "MB", memory_mb(server.pid), 150))
    figures.append(Figure(name, f"start after kill -9, {tasks}", "s", server.restart(), 2.0))
    server.stop()
    return figures
