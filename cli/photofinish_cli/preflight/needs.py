"""What a deployment needs of its project, computed from the Terraform configuration and one environment's values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photofinish.errors import Misconfigured
from photofinish_cli.preflight.terraform_files import Block, TerraformFiles, environments, values_of

DEPLOYER = "photofinish-deployer"
"""Account id of the service account that Cloud Build runs as (terraform/modules/foundation)."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one Cloud Run service or job takes of the region's quota at most."""

    name: str
    instances: int
    """Instances of a service, or tasks of a job, at once."""
    vcpu: float
    """Of one instance, all containers together."""
    memory_gib: float
    """Of one instance, all containers together."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be there before `terraform apply`."""

    project: str
    region: str
    apis: tuple[str, ...]
    deployer_roles: tuple[str, ...]
    resource_types: frozenset[str]
    loads: tuple[Load, ...]
    processor: str
    """`gpu`, `cpu` or `auto`: what the analysis runs on."""
    accelerator: str
    """The kind of GPU: `nvidia-l4` or `nvidia-rtx-pro-6000`."""
    gpu_tasks: int
    gpu_regions: tuple[str, ...]
    """Those with L4s."""
    exposure: str
    """`private`, `load_balancer` or `direct`: who reaches the search functions."""
    grants_all_users: bool
    """Whether the search functions are opened to everyone by granting a role to `allUsers`."""
    buckets: tuple[str, ...]
    """Those that Terraform creates."""
    state_bucket: str
    database: str
    """Name of the Cloud SQL instance."""
    kms_keys: tuple[str, ...]
    """Customer-managed keys, in the order: of all data, of Firestore."""
    billing_account: str | None
    """That of the budget; None without a budget."""


def find_terraform(folder: Path | None) -> Path:
    """The folder of the Terraform configuration: `folder`, or that of the checkout the command runs from."""
    if folder is not None:
        return folder
    here = [Path.cwd(), *Path.cwd().parents, *Path(__file__).parents]
    return next((place / "terraform" for place in here if (place / "terraform/main.tf").is_file()), Path("terraform"))


def environment_values(folder: Path, var_file: Path | None, project: str | None) -> dict[str, Any]:
    """The values of an environment: those of `var_file`, else of the file in `environments/` for this project."""
    if var_file is not None:
        return values_of(var_file)
    return next((values for _, values in environments(folder) if values.get("project_id") == project), {})


def read_needs(folder: Path, values: Mapping[str, Any], *, project: str | None, region: str | None) -> Needs:
    """What the configuration in `folder` needs with these values; `project` and `region` go before those in them.

    Raises:
        Misconfigured: the configuration cannot be read, or project or region are not given.
    """
    files = TerraformFiles(folder, values)
    project = project or values.get("project_id")
    region = region or values.get("region")
    if not project or not region:
        raise Misconfigured("name the project and its region: --project and --region, or the environment's --var-file")
    foundation_roles = files.resources("foundation", "google_project_iam_member")["deployer"]["for_each"]
    return Needs(
        project=project,
        region=region,
        apis=tuple(sorted(files.default("foundation", "apis"))),
        deployer_roles=tuple(re.findall(r'"(roles/[\w.]+)"', foundation_roles)),
        resource_types=frozenset(files.resource_types()),
        loads=(*_service_loads(files), _task_load(files), _migration_load(files)),
        processor=files.variable("analysis", "processor"),
        accelerator=files.variable("analysis", "accelerator"),
        gpu_tasks=int(files.number(files.variable("analysis", "max_tasks"))),
        gpu_regions=_gpu_regions(files),
        exposure=files.variable("search", "exposure"),
        grants_all_users=files.variable("search", "exposure") != "private"
        and not files.variable("search", "invoker_iam_disabled"),
        buckets=_buckets(files, project),
        state_bucket=files.variable("state_bucket") or f"{project}-terraform-state",
        database=files.default("vector-database", "name"),
        kms_keys=tuple(key for name in ("kms_key", "firestore_kms_key") if (key := values.get(name))),
        billing_account=(values.get("budget") or {}).get("billing_account"),
    )


def _service_loads(files: TerraformFiles) -> list[Load]:
    proxy_vcpu, proxy_gib = _container(files.local("proxy"))
    raised = files.variable("max_instances")
    found = []
    for functions in ("event_functions", "http_functions"):
        for name, function in files.local(functions).items():
            if name.startswith("__"):
                continue
            if functions == "http_functions":
                size = files.local("http_defaults") | function.get("size", {})
                size |= {"max_instances": raised[name]} if name in raised else {}
            else:
                size = files.local("event_defaults") | {"max_instances": raised.get(name, 1)} | function.get("size", {})
            has_proxy = "database" in function["uses"]
            found.append(
                Load(
                    name,
                    int(files.number(size["max_instances"])),
                    files.number(size["cpu"]) + (proxy_vcpu if has_proxy else 0),
                    files.number(size["memory_gib"]) + (proxy_gib if has_proxy else 0),
                )
            )
    occasional = [load for load in found if load.name in files.local("occasional")]
    one = Load(
        "occasional functions",
        1,
        max(load.instances * load.vcpu for load in occasional),
        max(load.instances * load.memory_gib for load in occasional),
    )
    return [*(load for load in found if load not in occasional), one]


def _task_load(files: TerraformFiles) -> Load:
    cpu, memory = _container(files.local("task_proxy"))
    size = files.call("gpu_job")["size"]
    return Load(
        files.variable("job_name"),
        int(files.number(files.variable("analysis", "max_tasks"))),
        files.number(size["cpu"]) + cpu,
        files.number(size["memory_gib"]) + memory,
    )


def _migration_load(files: TerraformFiles) -> Load:
    job = list(files.resources("vector-database", "google_cloud_run_v2_job").values())
    [limits] = [c["resources"][0]["limits"] for c in _containers(job) if c["name"] == "migrate"]
    (cpu, memory), (proxy_cpu, proxy_memory) = _container(limits), _container(files.local("proxy"))
    return Load("migrate", 1, cpu + proxy_cpu, memory + proxy_memory)


def _container(limits: Mapping[str, str]) -> tuple[float, float]:
    """vCPU and GiB of a container."""
    return cores(limits["cpu"]), gibibytes(limits["memory"])


def _containers(block: Any) -> list[Block]:
    """Every `containers` block inside, also those that are made by a `dynamic` block."""
    if isinstance(block, list):
        return [found for part in block for found in _containers(part)]
    if not isinstance(block, dict):
        return []
    own = [block] if "image" in block and "resources" in block else []
    return [*own, *(found for part in block.values() for found in _containers(part))]


def cores(quantity: str) -> float:
    """vCPUs of a Kubernetes quantity such as `250m`."""
    return float(quantity.removesuffix("m")) / (1000 if quantity.endswith("m") else 1)


def gibibytes(quantity: str) -> float:
    """GiB of a Kubernetes quantity such as `512Mi`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(Mi|Gi)", quantity)
    if match is None:
        raise Misconfigured(f"{quantity!r} is not an amount of memory such as 512Mi or 2Gi")
    return float(match[1]) / (1024 if match[2] == "Mi" else 1)


def _gpu_regions(files: TerraformFiles) -> tuple[str, ...]:
    """Where Cloud Run has L4s, as the variable `analysis` checks it."""
    conditions = " ".join(rule["condition"] for rule in files.rules("analysis"))
    listed = re.search(r"contains\(\[([^\]]+)\], var\.region\)", conditions)
    return tuple(re.findall(r'"([\w-]+)"', listed[1])) if listed else ()


def _buckets(files: TerraformFiles, project: str) -> tuple[str, ...]:
    kinds = ["photos", "derived", "enrolments"]
    if files.variable("models", "provider") == "tensorrt":
        kinds.append("engines")
    named = [files.variable("buckets", kind) or f"{project}-{kind}" for kind in kinds]
    return (*named, f"{project}-builds")
