"""Quotas: what Cloud Run may take in the region, and the GPUs.

Cloud Run refuses to deploy a service whose instances at most do not fit into the quota of the region ("Max instances
must be set to … or fewer"), and starts no more instances or tasks once all of them together have used it up:
https://docs.cloud.google.com/run/docs/configuring/max-instances-limits, https://docs.cloud.google.com/run/quotas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from photofinish_cli.preflight.checking import Check
from photofinish_cli.preflight.findings import Finding, missing, note, ready, unknown
from photofinish_cli.preflight.google_apis import CouldNotAsk, GoogleApis
from photofinish_cli.preflight.needs import Load, Needs

L4 = "nvidia-l4"
GPU_QUOTAS = {
    L4: "NvidiaL4GpuAllocNoZonalRedundancyPerProjectRegion",
    "nvidia-rtx-pro-6000": "NvidiaRtxPro6000GpuAllocNoZonalRedundancyPerProjectRegion",
}
"""The quota of each kind of GPU. That of the RTX PRO 6000 may count thousandths of a GPU: no document tells."""
_UNLIMITED = -1
_GPUS = "quota of GPUs"
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota of Cloud Run per region."""

    name: str
    quota_id: str
    unit: str
    per_unit: int
    """Of the API's numbers, which are thousandths of a vCPU and bytes."""
    taken_by: Callable[[Load], float]
    """What one instance takes, in units."""


CPU = Quota("quota of vCPU", "CpuAllocPerProjectRegion", "vCPU", 1000, lambda load: load.vcpu)
MEMORY = Quota("quota of memory", "MemAllocPerProjectRegion", "GiB", _GIB, lambda load: load.memory_gib)


def region_value(answer: Mapping[str, Any], region: str) -> int | None:
    """The quota's value in a region: that of the most specific dimensions; None where the answer has none for it.

    https://docs.cloud.google.com/docs/quotas/reference/rest/v1/projects.locations.services.quotaInfos: a DimensionsInfo
    without the dimension `region` applies to all regions that have none of their own. A value of 0 is left out of JSON.
    """
    infos = [info for info in answer.get("dimensionsInfos", []) if isinstance(info, Mapping)]
    own = [info for info in infos if info.get("dimensions", {}).get("region") == region]
    common = [info for info in infos if "region" not in info.get("dimensions", {})]
    for info in (*own, *common):
        places = info.get("applicableLocations")
        if info in own or not places or region in places or "global" in places:
            return int(info.get("details", {}).get("value", 0))
    return None


def decide_allocation(answer: Mapping[str, Any], needs: Needs, quota: Quota) -> list[Finding]:
    """Whether the services and jobs fit into the quota, each by itself and all at once."""
    value = region_value(answer, needs.region)
    if value is None:
        return [unknown(quota.name, f"the answer has no value of {quota.quota_id} for {needs.region}")]
    takes = {load.name: load.instances * quota.taken_by(load) for load in needs.loads}
    total, largest = sum(takes.values()), max(takes, key=lambda name: takes[name])
    needed = f"{total:g} {quota.unit} with all instances and tasks running"
    if value == _UNLIMITED:
        return [ready(quota.name, f"unlimited; {needed}")]
    allowed = value / quota.per_unit
    if total <= allowed:
        return [ready(quota.name, f"{allowed:g} {quota.unit} in {needs.region}; {needed}")]
    if takes[largest] > allowed:
        what = f"{allowed:g} {quota.unit} in {needs.region}, and {largest} alone may take {takes[largest]:g}: refused"
    else:
        what = f"{allowed:g} {quota.unit} in {needs.region}, and it takes {needed}: under load some would not start"
    return [
        missing(
            quota.name,
            what,
            request_command(quota.quota_id, math.ceil(total) * quota.per_unit, needs),
            "or lower max_instances, search.max_instances and analysis.max_tasks",
        )
    ]


def decide_gpus(answer: Mapping[str, Any], needs: Needs) -> list[Finding]:
    """Whether `analysis.max_tasks` GPU tasks can run: https://docs.cloud.google.com/run/docs/configuring/jobs/gpu."""
    quota_id = GPU_QUOTAS[needs.accelerator]
    value = region_value(answer, needs.region)
    if value is None:
        return [unknown(_GPUS, f"the answer has no value of {quota_id} for {needs.region}")]
    if value == _UNLIMITED:
        return [ready(_GPUS, f"unlimited; {needs.gpu_tasks} used")]
    if value > 0 and needs.accelerator != L4:
        what = f"{value} of {quota_id} in {needs.region}, perhaps in thousandths; {needs.gpu_tasks} GPUs are used"
        return [note(_GPUS, what, "compare both in the console, IAM & Admin > Quotas")]
    if value >= needs.gpu_tasks:
        return [ready(_GPUS, f"{value} in {needs.region}; {needs.gpu_tasks} used")]
    what = f"{value} in {needs.region}, and analysis.max_tasks is {needs.gpu_tasks}"
    request = request_command(quota_id, needs.gpu_tasks, needs)
    if needs.processor == "auto":
        # Deployments of services are refused without quota; documents do not say whether jobs are.
        refused = 'if the apply refuses the job: analysis = { processor = "cpu" } until it is granted'
        return [note(_GPUS, f"{what}: the other tasks run on CPUs", request, *([] if value else [refused]))]
    instead = 'or analyse on CPUs until it is granted: analysis = { processor = "auto" }'
    if value > 0:
        instead = f"or run fewer tasks: analysis = {{ max_tasks = {value} }}"
    return [missing(_GPUS, what, request, instead)]


def request_command(quota_id: str, value: int, needs: Needs) -> str:
    """Asks for more: https://docs.cloud.google.com/sdk/gcloud/reference/beta/quotas/preferences/create."""
    return (
        f"gcloud beta quotas preferences create --service=run.googleapis.com --quota-id={quota_id} "
        f"--preferred-value={value} --dimensions=region={needs.region} --project={needs.project} --email=YOU"
    )


def _asked(google: GoogleApis, needs: Needs, quota_id: str) -> dict[str, Any]:
    # Needs cloudquotas.quotas.get: https://docs.cloud.google.com/docs/quotas/reference/rest/v1/projects.locations.services.quotaInfos/get
    path = f"v1/projects/{needs.project}/locations/global/services/run.googleapis.com/quotaInfos/{quota_id}"
    answer = google.get("cloudquotas", path)
    if answer is None:
        raise CouldNotAsk(
            f"Cloud Quotas does not know {quota_id}: is run.googleapis.com enabled?",
            f"gcloud services enable run.googleapis.com --project={needs.project}",
        )
    return answer


def _check_allocation(google: GoogleApis, needs: Needs, *, quota: Quota) -> list[Finding]:
    return decide_allocation(_asked(google, needs, quota.quota_id), needs, quota)


def _check_gpus(google: GoogleApis, needs: Needs) -> list[Finding]:
    if needs.processor == "cpu":
        return [ready(_GPUS, "none needed: analysis.processor is cpu")]
    return decide_gpus(_asked(google, needs, GPU_QUOTAS[needs.accelerator]), needs)


CHECKS = (
    *(Check(quota.name, partial(_check_allocation, quota=quota)) for quota in (CPU, MEMORY)),
    Check(_GPUS, _check_gpus),
)
