"""Checks of job definitions: documented limits, and features that this server does not have."""

from __future__ import annotations

import re
from typing import Any

from photofinish_emulators.common.rpc_errors import Refused, invalid, unimplemented
from photofinish_emulators.run_jobs.quotas import Size
from photofinish_emulators.run_jobs.resources import Job

MAX_TASKS = 10_000
MAX_RETRIES = 10
DEFAULT_RETRIES = 3
DEFAULT_TIMEOUT_S = 600
MAX_TIMEOUT_S = 168 * 3600
MAX_GPU_TIMEOUT_S = (
    12 * 3600
)  # above an hour a preview: https://docs.cloud.google.com/run/docs/configuring/task-timeout
MAX_ENV_VALUE_BYTES = 32_768
RESERVED_LABEL_PARTS = ("run.googleapis.com", "cloud.googleapis.com", "serving.knative.dev", "autoscaling.knative.dev")
# Set by the server itself.
RESERVED_ENV = (
    "CLOUD_RUN_JOB",
    "CLOUD_RUN_EXECUTION",
    "CLOUD_RUN_TASK_INDEX",
    "CLOUD_RUN_TASK_COUNT",
    "CLOUD_RUN_TASK_ATTEMPT",
)
GPU = "nvidia.com/gpu"
MAX_CONTAINERS = 10
MAX_CPUS = 8
MAX_MEMORY_BYTES = 32 * 2**30
CONTAINER_NAME = re.compile("[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|Ki|Mi|Gi|)")
UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}


def checked_job(requested: Any) -> Any:
    """A copy of the job with the documented defaults and without fields that only the server sets.

    Raises:
        Refused: INVALID_ARGUMENT or UNIMPLEMENTED, naming the field.
    """
    if requested.start_execution_token or requested.run_execution_token:
        raise _unserved("start_execution_token and run_execution_token", "call RunJob after CreateJob")
    job = Job(
        name=requested.name,
        labels=requested.labels,
        annotations=requested.annotations,
        client=requested.client,
        client_version=requested.client_version,
        launch_stage=requested.launch_stage or 4,  # GA
        template=requested.template,
    )
    if requested.HasField("binary_authorization"):
        job.binary_authorization.CopyFrom(requested.binary_authorization)
    for where, labels in (
        ("labels", job.labels),
        ("annotations", job.annotations),
        ("template.labels", job.template.labels),
        ("template.annotations", job.template.annotations),
    ):
        for key in labels:
            if any(part in key for part in RESERVED_LABEL_PARTS):
                raise invalid(f"{where}[{key!r}]: only the system sets keys of this namespace")
    template = job.template
    template.task_count = template.task_count or 1
    check_task_count(template.task_count)
    if template.parallelism < 0:
        raise invalid(f"template.parallelism {template.parallelism}: must not be negative")
    _complete_task_template(template.template)
    return job


def _complete_task_template(task: Any) -> None:
    check_containers(task.containers)
    if task.volumes:
        raise _unserved("template.template.volumes", "use a local path in the container's env or args")
    if not task.HasField("max_retries"):
        task.max_retries = DEFAULT_RETRIES
    if not 0 <= task.max_retries <= MAX_RETRIES:
        raise invalid(f"template.template.max_retries {task.max_retries}: must be from 0 to {MAX_RETRIES}")
    if not task.HasField("timeout"):
        task.timeout.seconds = DEFAULT_TIMEOUT_S
    check_timeout(task.timeout, gpus(task))


def check_containers(containers: Any) -> None:
    if not 1 <= len(containers) <= MAX_CONTAINERS:
        raise invalid(
            f"template.template.containers: {len(containers)} containers, but 1 to {MAX_CONTAINERS} are allowed"
        )
    names = [container.name for container in containers]
    for index, container in enumerate(containers):
        where = f"containers[{index}]"
        if (container.name or len(containers) > 1) and not CONTAINER_NAME.fullmatch(container.name):
            raise invalid(
                f"{where}.name {container.name!r}: a DNS label is required where there are several containers"
            )
        if names.count(container.name) > 1:
            raise invalid(f"{where}.name {container.name!r}: another container has it, too")
        if unknown := set(container.depends_on) - set(names[:index]):
            raise invalid(f"{where}.depends_on {sorted(unknown)[0]!r}: no container before it has this name")
        if not container.image:
            raise invalid(f"{where}.image: is required (it is recorded, not run)")
        if not container.command:
            raise invalid(
                f"{where}.command: is required, because it runs as a local process and the image's entry point is not "
                "known"
            )
        check_env(container.env)
        limit = container.resources.limits.get(GPU, "0")
        if not limit.isdecimal():
            raise invalid(f"{where}.resources.limits[{GPU!r}] {limit!r}: must be a whole number")
    check_size(containers)


def check_size(containers: Any) -> None:
    """Refuse containers that together are larger than an instance can be, those without limits not counted.

    Source: https://docs.cloud.google.com/run/docs/configuring/jobs/cpu and .../memory-limits.
    """
    cpus = sum(_quantity("cpu", container) for container in containers)
    memory = sum(_quantity("memory", container) for container in containers)
    if cpus > MAX_CPUS:
        raise invalid(f"containers: {cpus:g} CPUs together, but an instance has at most {MAX_CPUS}")
    if memory > MAX_MEMORY_BYTES:
        raise invalid(f"containers: {memory / 2**30:g} GiB together, but an instance has at most 32 GiB")


def _quantity(name: str, container: Any) -> float:
    """A limit in CPUs or bytes, written as Kubernetes does (`2`, `500m`, `512Mi`); 0 if there is none."""
    text = container.resources.limits.get(name, "0")
    found = QUANTITY.fullmatch(text)
    if found is None:
        raise invalid(f"resources.limits[{name!r}] {text!r}: write it as 2, 500m, 512Mi or 16Gi")
    return float(found[1]) * UNITS[found[2]]


def check_env(env: Any) -> None:
    for variable in env:
        if not variable.name or "=" in variable.name or "\0" in variable.name + variable.value:
            raise invalid(f"env {variable.name!r}: not a valid environment variable")
        if variable.name in RESERVED_ENV:
            raise invalid(f"env {variable.name!r}: is set by the system")
        if variable.HasField("value_source"):
            raise _unserved(f"env {variable.name!r} from Secret Manager", "give its value")
        if len(variable.value.encode()) > MAX_ENV_VALUE_BYTES:
            raise invalid(f"env {variable.name!r}: its value is longer than {MAX_ENV_VALUE_BYTES} bytes")


def check_task_count(count: int) -> None:
    if not 1 <= count <= MAX_TASKS:
        raise invalid(f"task_count {count}: must be from 1 to {MAX_TASKS}")


def check_timeout(timeout: Any, gpus_per_task: int) -> None:
    seconds = timeout.seconds + timeout.nanos / 1e9
    limit = MAX_GPU_TIMEOUT_S if gpus_per_task else MAX_TIMEOUT_S
    if not 0 < seconds <= limit:
        raise invalid(
            f"timeout {seconds:g}s: must be above 0 and at most {limit}s{' with a GPU' if gpus_per_task else ''}"
        )


def gpus(task_template: Any) -> int:
    """GPUs that one task of a checked template occupies."""
    return sum(int(container.resources.limits.get(GPU, "0")) for container in task_template.containers)


def size(task_template: Any) -> Size:
    """What one task of a checked template occupies, its sidecars included."""
    return Size(
        gpus=gpus(task_template),
        cpus=sum(_quantity("cpu", container) for container in task_template.containers),
        memory_bytes=sum(_quantity("memory", container) for container in task_template.containers),
    )


def with_overrides(template: Any, overrides: Any) -> Any:
    """A copy of a checked execution template with a RunJob call's overrides applied."""
    changed = type(template)()
    changed.CopyFrom(template)
    containers = changed.template.containers
    named = [override.name for override in overrides.container_overrides]
    for index, override in enumerate(overrides.container_overrides):
        if not override.name and len(containers) > 1:
            raise invalid(
                f"overrides.container_overrides[{index}]: missing a `name` field, which is required for a job with "
                f"{len(containers)} containers"
            )
        if named.count(override.name) > 1:
            raise invalid(f"overrides.container_overrides: container {override.name!r} is overridden twice")
        container = (
            next((one for one in containers if one.name == override.name), None) if override.name else containers[0]
        )
        if container is None:
            raise invalid(f"overrides.container_overrides: the job has no container {override.name!r}")
        if override.clear_args and override.args:
            raise invalid("overrides.container_overrides: args and clear_args exclude each other")
        if override.args or override.clear_args:
            container.args[:] = override.args
        check_env(override.env)
        merged = {variable.name: variable for variable in (*container.env, *override.env)}
        kept = [type(variable).FromString(variable.SerializeToString()) for variable in merged.values()]
        del container.env[:]
        container.env.extend(kept)
    if overrides.task_count:
        check_task_count(overrides.task_count)
        changed.task_count = overrides.task_count
    if overrides.HasField("timeout"):
        check_timeout(overrides.timeout, gpus(changed.template))
        changed.template.timeout.CopyFrom(overrides.timeout)
    return changed


def _unserved(what: str, instead: str) -> Refused:
    return unimplemented(f"{what}: not served by this local server; {instead}")
