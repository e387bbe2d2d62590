"""The project's quotas in a region, and what Cloud Run says when one of them is exceeded.

They can be changed while the server runs, as an operator gets more quota while a project works: the file `QUOTAS_FILE`
in the state directory, which is read at every start of an execution, takes precedence over the server's options.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from photofinish_emulators.common.rpc_errors import failed_precondition

QUOTAS_FILE = "quotas.json"
# These are what a job uses: L4s without zonal redundancy.
GPU_QUOTA = "NvidiaL4GpuAllocNoZonalRedundancyPerProjectRegion"
CPU_QUOTA = "CpuAllocPerProjectRegion"  # in thousandths
MEMORY_QUOTA = "MemAllocPerProjectRegion"  # in bytes


class GpuRefusal(StrEnum):
    """How an execution beyond a quota of GPUs, CPUs or memory is refused.

    Cloud Run's documents don't say. Deployments of services are refused at once or fail while they are provisioned,
    with the sentence of `exceeded` in the condition; so we serve both, and a client must handle both.
    """

    LAUNCH = "launch"
    """RunJob fails with RESOURCE_EXHAUSTED."""

    EXECUTION = "execution"
    """RunJob succeeds, and the execution fails before any task starts: condition `ResourcesAvailable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """None means no limit."""

    gpus: int | None = None  # these three: of all executions in a region
    cpus: float | None = None
    memory_gib: float | None = None
    gpu_refusal: GpuRefusal = GpuRefusal.LAUNCH  # how one of these three is refused
    starts_per_minute: int | None = None


def quotas_now(options: Quotas, state_dir: Path) -> Quotas:
    """``options``, but for what the file names.

    Raises:
        Refused: FAILED_PRECONDITION if the file is not understood.
    """
    file = state_dir / QUOTAS_FILE
    try:
        text = file.read_text()
    except FileNotFoundError:
        return options
    try:
        given: dict[str, Any] = json.loads(text)
        if "gpu_refusal" in given:
            given["gpu_refusal"] = GpuRefusal(given["gpu_refusal"])
        return dataclasses.replace(options, **given)
    except (TypeError, ValueError) as error:
        known = ", ".join(field.name for field in dataclasses.fields(Quotas))
        raise failed_precondition(f"{file}: {error}; expected a JSON object with some of: {known}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What tasks occupy."""

    gpus: int = 0
    cpus: float = 0.0
    memory_bytes: float = 0.0

    def __add__(self, other: Size) -> Size:
        return Size(
            gpus=self.gpus + other.gpus,
            cpus=self.cpus + other.cpus,
            memory_bytes=self.memory_bytes + other.memory_bytes,
        )

    def times(self, tasks: int) -> Size:
        return Size(gpus=self.gpus * tasks, cpus=self.cpus * tasks, memory_bytes=self.memory_bytes * tasks)


def exceeded(*, requested: Size, in_use: Size, quotas: Quotas) -> str:
    """Why ``requested`` more is refused; "" if it is allowed.

    The words are those of refused deployments. GPUs: the first line of
    https://github.com/GoogleCloudPlatform/magic-modules/pull/17149, the others of gcloud's "requested: 4 allowed: 3".
    CPUs and memory: https://github.com/googlecodelabs/feedback/issues/1856, without the sentence on instances.
    """
    total = requested + in_use
    if requested.gpus and quotas.gpus is not None and total.gpus > quotas.gpus:
        return (
            "Quota exceeded for total allowable count of GPUs per project per region.\n"
            "To request quota: g.co/cloudrun/gpu-quota\n"
            f"Quota violated:\n  {GPU_QUOTA} requested: {total.gpus} allowed: {quotas.gpus}"
        )
    violated = []
    if quotas.cpus is not None and total.cpus > quotas.cpus:
        violated.append(f"{CPU_QUOTA} requested: {total.cpus * 1000:.0f} allowed: {quotas.cpus * 1000:.0f}")
    if quotas.memory_gib is not None and total.memory_bytes > quotas.memory_gib * 2**30:
        allowed = quotas.memory_gib * 2**30
        violated.append(f"{MEMORY_QUOTA} requested: {total.memory_bytes:.0f} allowed: {allowed:.0f}")
    if not violated:
        return ""
    return (
        "Consider running your workload in a region with greater capacity, or requesting an increase in quota for this "
        "region if you are seeing sustained usage near this limit, see https://cloud.google.com/run/quotas.\n\n"
        "Quota violated:\n" + "\n".join(violated)
    )
