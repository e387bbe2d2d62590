"""The analysis jobs of the local cloud: one with GPU, one without, or with `PHOTOFINISH_PROCESSOR=auto` both."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from photofinish.analysis.models.catalogue import CPU_PROVIDER
from photofinish.analysis.models.nvidia import CUDA, this_machine
from photofinish.errors import Misconfigured
from photofinish.settings import LocalCloudSettings
from photofinish_cli.local_access import ANALYZE_ACCOUNT
from photofinish_cli.local_settings import names_a_gpu
from photofinish_emulators.stack import Job

JOB, CPU_JOB = "analyze", "analyze-cpu"
# As in Terraform: with `auto`, tasks without GPU soon end, so that GPU tasks take their places.
FALLBACK_TIMEOUT_S = 900


def local_jobs(env: Mapping[str, str], local: LocalCloudSettings, limits: Mapping[str, str]) -> tuple[Job, ...]:
    """The jobs for the settings `env`, of tasks with these `limits`; the first one is the launcher's usual one.

    Raises:
        Misconfigured: tasks shall have a GPU, and this machine offers none.
    """
    processor = env["PHOTOFINISH_PROCESSOR"]
    timeout_s = int(float(env["PHOTOFINISH_TASK_TIMEOUT_S"]))
    if processor == "cpu":
        return (_job(JOB, CPU_PROVIDER, timeout_s, limits),)
    on_gpu = _job(JOB, _gpu_providers(env, local), timeout_s, limits, gpus=1)
    if processor == "gpu":
        return (on_gpu,)
    return on_gpu, _job(CPU_JOB, CPU_PROVIDER, min(FALLBACK_TIMEOUT_S, timeout_s), limits)


def migration_job(args: tuple[str, ...]) -> Job:
    """Every start migrates the database; this job runs other parts of the command beside it, as docs/deploy.md does."""
    return Job(
        name="migrate",
        command=(sys.executable, "-m", "photofinish_cli"),
        args=args,
        task_timeout_s=3600,
        max_retries=0,
        service_account=ANALYZE_ACCOUNT,
    )


def _job(name: str, providers: str, timeout_s: int, limits: Mapping[str, str], *, gpus: int = 0) -> Job:
    return Job(
        name=name,
        container=JOB,
        command=(sys.executable, "-I", "-u", "-B", "-m", "photofinish_jobs"),
        env={"PHOTOFINISH_ONNX_PROVIDERS": providers, "PHOTOFINISH_TASK_TIMEOUT_S": str(timeout_s)},
        task_timeout_s=timeout_s,
        max_retries=3,
        gpus=gpus,
        limits=limits,
        service_account=ANALYZE_ACCOUNT,
    )


def _gpu_providers(env: Mapping[str, str], local: LocalCloudSettings) -> str:
    """ONNX Runtime's providers for tasks that ask for a GPU."""
    if local.simulate_gpu:
        return CPU_PROVIDER
    named = env.get("PHOTOFINISH_ONNX_PROVIDERS", "")
    problem = this_machine().problem
    if problem is None:
        return named if names_a_gpu(named) else f"{CUDA},{CPU_PROVIDER}"
    raise Misconfigured(
        f"PHOTOFINISH_PROCESSOR: is {env['PHOTOFINISH_PROCESSOR']}, but this machine offers no GPU: {problem}. Set it "
        "to cpu, or PHOTOFINISH_SIMULATE_GPU=true, which lets tasks that ask for a GPU run on the CPU, to try out what "
        "happens around GPUs."
    )
