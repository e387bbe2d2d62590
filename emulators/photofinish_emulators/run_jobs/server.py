"""Cloud Run Jobs: runs each task as a local process with the command of the job's container."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from photofinish_emulators.common.authorization import AccountPorts, Authorization, IamFile, read_options
from photofinish_emulators.common.serving import Host, Port, StateDir, generic_handler, serve
from photofinish_emulators.common.state_dir import lock_state_dir
from photofinish_emulators.run_jobs import permissions, store
from photofinish_emulators.run_jobs.executions import Executions, Tasks
from photofinish_emulators.run_jobs.jobs import Jobs
from photofinish_emulators.run_jobs.operations import Operations
from photofinish_emulators.run_jobs.quotas import GpuRefusal, Quotas, quotas_now
from photofinish_emulators.run_jobs.scheduler import Limits, Scheduler
from photofinish_emulators.run_jobs.service_context import Context


async def _serve(
    host: str,
    port: int,
    state_dir: Path,
    quotas: Quotas,
    limits: Limits,
    authorization: Authorization | None,
) -> None:
    with lock_state_dir(state_dir):
        state = store.open_store(state_dir)
        scheduler = Scheduler(state, state_dir, limits)
        await scheduler.start()
        current = partial(quotas_now, quotas, state_dir)
        context = Context(store=state, db=store.reader(state), scheduler=scheduler, quotas=current)
        services = {
            "google.cloud.run.v2.Jobs": Jobs(context).methods(),
            "google.cloud.run.v2.Executions": Executions(context).methods(),
            "google.cloud.run.v2.Tasks": Tasks(context).methods(),
            "google.longrunning.Operations": Operations(context).methods(),
        }
        try:
            handlers = {name: generic_handler(name, methods) for name, methods in services.items()}
            await serve(handlers, host, port, authorization=authorization)
        finally:
            await scheduler.stop()
            state.close()


def command(
    state_dir: StateDir,
    host: Host = "127.0.0.1",
    port: Port = 0,
    gpu_quota: Annotated[int | None, typer.Option(min=0, help="GPUs of all executions in a region.")] = None,
    cpu_quota: Annotated[float | None, typer.Option(min=0, help="CPUs of all executions in a region.")] = None,
    memory_quota_gib: Annotated[float | None, typer.Option(min=0, help="Their memory.")] = None,
    gpu_refusal: Annotated[GpuRefusal, typer.Option(help="What fails beyond these.")] = GpuRefusal.LAUNCH,
    starts_per_minute: Annotated[int | None, typer.Option(min=0, help="RunJob calls per minute.")] = None,
    max_running_tasks: Annotated[int, typer.Option(min=1, help="Tasks that run at once; others wait.")] = 16,
    stop_grace_s: Annotated[float, typer.Option(min=0.0, help="Seconds from SIGTERM to SIGKILL.")] = 10.0,
    max_log_bytes: int = typer.Option(
        4 * 1024 * 1024, min=1024, help="Size of an attempt's log; as much older output is kept beside it."
    ),
    iam: IamFile = None,
    account: AccountPorts = None,
) -> None:
    authorization = read_options(iam, account, permissions.needs, permissions.words)
    quotas = Quotas(
        gpus=gpu_quota,
        cpus=cpu_quota,
        memory_gib=memory_quota_gib,
        gpu_refusal=gpu_refusal,
        starts_per_minute=starts_per_minute,
    )
    limits = Limits(max_running_tasks=max_running_tasks, stop_grace_s=stop_grace_s, max_log_bytes=max_log_bytes)
    asyncio.run(_serve(host, port, state_dir.absolute(), quotas, limits, authorization))
