"""Cloud Run Jobs: runs each task as a local process with the command of the job's container."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from photofinish_emulators.common.serving import Host, Port, StateDir, generic_handler, serve
from photofinish_emulators.common.state_dir import lock_state_dir
from photofinish_emulators.run_jobs import store
from photofinish_emulators.run_jobs.executions import Executions, Tasks
from photofinish_emulators.run_jobs.jobs import Jobs
from photofinish_emulators.run_jobs.operations import Operations
from photofinish_emulators.run_jobs.scheduler import Limits, Scheduler
from photofinish_emulators.run_jobs.service_context import Context, Quotas


async def _serve(host: str, port: int, state_dir: Path, quotas: Quotas, limits: Limits) -> None:
    with lock_state_dir(state_dir):
        state = store.open_store(state_dir)
        scheduler = Scheduler(state, state_dir, limits)
        await scheduler.start()
        context = Context(store=state, db=store.reader(state), scheduler=scheduler, quotas=quotas)
        services = {
            "google.cloud.run.v2.Jobs": Jobs(context).methods(),
            "google.cloud.run.v2.Executions": Executions(context).methods(),
            "google.cloud.run.v2.Tasks": Tasks(context).methods(),
            "google.longrunning.Operations": Operations(context).methods(),
        }
        try:
            await serve({name: generic_handler(name, methods) for name, methods in services.items()}, host, port)
        finally:
            await scheduler.stop()
            state.close()


def command(
    state_dir: StateDir,
    host: Host = "127.0.0.1",
    port: Port = 0,
    gpu_quota: Annotated[int, typer.Option(min=0, help="GPUs for all executions together; 0 means no limit.")] = 0,
    starts_per_minute: Annotated[int, typer.Option(min=0, help="RunJob calls per minute; 0 means no limit.")] = 0,
    max_running_tasks: Annotated[int, typer.Option(min=1, help="Tasks that run at once; others wait.")] = 16,
    stop_grace_s: Annotated[float, typer.Option(min=0.0, help="Seconds from SIGTERM to SIGKILL.")] = 10.0,
    max_log_bytes: int = typer.Option(
        4 * 1024 * 1024, min=1024, help="Size of an attempt's log; as much older output is kept beside it."
    ),
) -> None:
    quotas = Quotas(gpus=gpu_quota, starts_per_minute=starts_per_minute)
    limits = Limits(max_running_tasks=max_running_tasks, stop_grace_s=stop_grace_s, max_log_bytes=max_log_bytes)
    asyncio.run(_serve(host, port, state_dir.absolute(), quotas, limits))
