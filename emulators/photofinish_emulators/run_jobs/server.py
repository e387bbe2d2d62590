"""Cloud Run Jobs: runs the command of a job's container as a local process per task."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from photofinish_emulators.common.serving import CannotServe, generic_handler, lock_state_dir, serve
from photofinish_emulators.run_jobs import store
from photofinish_emulators.run_jobs.calls import Context, Quotas
from photofinish_emulators.run_jobs.executions import Executions, Tasks
from photofinish_emulators.run_jobs.jobs import Jobs
from photofinish_emulators.run_jobs.operations import Operations
from photofinish_emulators.run_jobs.scheduler import Limits, Scheduler


async def run(host: str, port: int, state_dir: Path, quotas: Quotas, limits: Limits) -> None:
    """Serve until SIGTERM or SIGINT; running tasks get SIGTERM then, and SIGKILL after the grace.

    Raises:
        CannotServe: the state directory or the port is taken.
    """
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
            await serve({name: generic_handler(name, table) for name, table in services.items()}, host, port, _nothing)
        finally:
            await scheduler.stop()
            state.close()


async def _nothing() -> None:
    """Stopping is done where the server is started, for the case that it cannot serve as well."""


def command(
    state_dir: Annotated[Path, typer.Option(help="Where jobs, executions and logs are kept; made when not there.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port; the ready line says which.")] = 0,
    gpu_quota: Annotated[
        int, typer.Option(min=0, help="GPUs that all executions may use at once; 0 is without limit.")
    ] = 0,
    starts_per_minute: Annotated[int, typer.Option(min=0, help="RunJob calls per minute; 0 is without limit.")] = 0,
    max_running_tasks: Annotated[int, typer.Option(min=1, help="Processes at once; further tasks wait.")] = 16,
    stop_grace_s: Annotated[float, typer.Option(min=0.0, help="Seconds from SIGTERM to SIGKILL.")] = 10.0,
    max_log_bytes: int = typer.Option(4 * 1024 * 1024, min=1024, help="Kept of an attempt's output, twice over."),
) -> None:
    quotas = Quotas(gpus=gpu_quota, starts_per_minute=starts_per_minute)
    limits = Limits(max_running_tasks=max_running_tasks, stop_grace_s=stop_grace_s, max_log_bytes=max_log_bytes)
    try:
        asyncio.run(run(host, port, state_dir.absolute(), quotas, limits))
    except CannotServe as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
