"""Terraform itself formats, validates, tests and plans `terraform/`, every environment and example.

Providers cannot be downloaded everywhere, so this runs through `terraform-offline`, which serves their schemas: on the
PATH, or beside the project in shared/. With a network, `terraform/check.sh` does the same with the real providers.
"""

from __future__ import annotations

import functools
import inspect
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from photofinish.adapters.postgres.database import Database
from support import terraform_applied, terraform_config

ROOT = Path(__file__).parents[3]
PLAN = """
mock_provider "google" {}
mock_provider "google-beta" {}
mock_provider "time" {}
run "plan" { command = plan }
"""
FRAMEWORK_VARIABLES = {"FUNCTION_TARGET", "FUNCTION_SOURCE", "WORKERS", "THREADS"}


def offline_terraform() -> str:
    if shutil.which("terraform") is None:
        pytest.skip("there is no `terraform` on the PATH")
    program = terraform_applied.offline_terraform()
    if program is None:
        pytest.skip("there is no `terraform-offline`, on the PATH or in shared/tools beside the project")
    return program


@pytest.fixture(scope="module", autouse=True)
def _less_garbage_collection() -> Iterator[None]:
    """As in terraform/check.sh."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOGC", "400")
        yield


@pytest.mark.timeout(1200)
def test_the_configuration_is_valid_and_its_tests_pass() -> None:
    done = subprocess.run(
        [str(ROOT / "terraform" / "check.sh"), offline_terraform()], capture_output=True, text=True, check=False
    )
    failed = "\n".join(line for line in done.stdout.splitlines() if not line.endswith("pass"))
    assert done.returncode == 0, f"{failed}\n{done.stderr}"
    locked = (ROOT / "terraform" / ".terraform.lock.hcl").exists()
    assert ("WARNING: terraform/.terraform.lock.hcl is missing" in done.stderr) == (not locked)
    environments = [
        *(ROOT / "terraform/environments").glob("*.tfvars"),
        *(ROOT / "terraform/examples").glob("*.tfvars"),
    ]
    examples_of_modules = 1
    assert done.stdout.count("Success! 1 passed, 0 failed.") == len(environments) + examples_of_modules >= 5


@pytest.mark.timeout(300)
def test_a_resource_that_does_not_wait_for_its_api_is_found(tmp_path: Path) -> None:
    """terraform/check.sh checks that above; this is that the check finds what it looks for.

    Here a load balancer does not take its project from the foundation.
    """
    check = [sys.executable, str(ROOT / "terraform" / "check_graph.py"), offline_terraform()]
    changed = tmp_path / "terraform"
    shutil.copytree(ROOT / "terraform", changed, ignore=shutil.ignore_patterns(".terraform*"))
    text = (changed / "functions.tf").read_text(encoding="utf-8")
    gateway = text.index('module "public_gateway"')
    text = text[:gateway] + text[gateway:].replace("module.foundation.project_id", "var.project_id")
    (changed / "functions.tf").write_text(text, encoding="utf-8")
    early = subprocess.run([*check, str(changed)], capture_output=True, text=True, check=False)
    assert early.returncode == 1, early.stdout + early.stderr
    assert (
        "module.public_gateway.google_compute_global_address.front does not wait for compute.googleapis.com"
        in early.stdout
    )


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """What `terraform plan` would do with a file of variables."""
    program = offline_terraform()
    folder = tmp_path_factory.mktemp("plan") / "terraform"
    shutil.copytree(ROOT / "terraform", folder, ignore=shutil.ignore_patterns(".terraform*"))
    (folder / "plan").mkdir()
    (folder / "plan" / "plan.tftest.hcl").write_text(PLAN, encoding="utf-8")
    subprocess.run([program, "init", "-backend=false", "-input=false"], cwd=folder, capture_output=True, check=True)

    @functools.cache
    def plan_of(var_file: str) -> dict[str, Any]:
        command = [program, "test", "-json", "-verbose", "-test-directory=plan", f"-var-file={var_file}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:]
        events = map(json.loads, done.stdout.splitlines())
        [plan] = [event["test_plan"] for event in events if event["type"] == "test_plan"]
        return dict(plan)

    return plan_of


@pytest.fixture(scope="module")
def planned(plans: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]]:
    """The resources that `terraform plan` would create with examples/everything.tfvars."""
    return list(plans("examples/everything.tfvars")["resource_changes"])


@pytest.mark.timeout(300)
def test_the_plan_gives_every_function_what_the_unit_tests_read(planned: list[dict[str, Any]]) -> None:
    services = terraform_config.services()
    for service in services.values():
        kind = "event_function" if service.signature == "cloudevent" else "http_function"
        own = [r for r in planned if r["address"].startswith(f'module.{kind}["{service.name}"].')]
        [container] = [
            resource["change"]["after"]["template"][0]["containers"][0]
            for resource in own
            if resource["type"] == "google_cloud_run_v2_service"
        ]
        secret_env = {variable["name"] for variable in container["env"] if variable["value_source"]}
        assert secret_env == service.secret_env, service.name
        assert {v["name"] for v in container["env"]} - secret_env - FRAMEWORK_VARIABLES == service.env, service.name
        [target] = [v["value"] for v in container["env"] if v["name"] == "FUNCTION_TARGET"]
        assert target == service.target
        roles = {r["change"]["after"]["role"] for r in own if r["type"] == "google_project_iam_member"}
        assert ("roles/datastore.user" in roles) == ("firestore" in service.uses), service.name
        assert ("roles/cloudsql.client" in roles) == ("database" in service.uses), service.name
        assert bool([r for r in own if r["name"] == "signs"]) == ("signed_links" in service.uses), service.name
        published = {terraform_config.topic_names()[r["index"]] for r in own if r["name"] == "publishes"}
        assert published == service.publishes_to, service.name
        pushed = {r["index"]: r["change"]["after"] for r in own if r["type"] == "google_pubsub_subscription"}
        assert pushed.keys() == service.subscriptions.keys()
        for name, subscription in service.subscriptions.items():
            assert pushed[name]["ack_deadline_seconds"] == subscription.get("ack_deadline_s", 60), name
            assert pushed[name]["message_retention_duration"] == f"{subscription.get('retention_s', 604800)}s", name
            assert bool(pushed[name]["dead_letter_policy"]) == ("dead_letter_topic" in subscription), name
    created = [r for r in planned if r["type"] == "google_cloud_run_v2_service"]
    assert len(created) == len(services)


@pytest.mark.timeout(300)
def test_the_local_cloud_knows_the_grants_of_the_configuration() -> None:
    applied = terraform_applied.apply(offline_terraform())
    expected = terraform_applied.text(terraform_applied.for_the_local_cloud(applied))
    assert terraform_applied.APPLIED.read_text(encoding="utf-8") == expected, "run `make terraform-applied`"


# A new account's quotas of Cloud Run in a region (../docs/deploy.md), and the most that an instance may have, sidecar
# included (docs.cloud.google.com/run/docs/configuring/jobs/cpu).
NEW_ACCOUNT = {"vcpu": 20, "memory_gib": 40, "l4": 3}
LARGEST_INSTANCE = {"vcpu": 8, "memory_gib": 32}
# Of these, one at a time counts.
OCCASIONAL = {"on-dead-letter", "reconcile", "rescore-bibs", "expire"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("var_file", ["examples/minimal.tfvars", "examples/everything.tfvars"])
def test_the_plan_fits_the_quotas_and_the_connections(plans: Callable[[str], dict[str, Any]], var_file: str) -> None:
    plan = plans(var_file)
    resources = plan["resource_changes"]
    max_tasks = int(environment_of(resources, "launch-workers")["PHOTOFINISH_MAX_GPU_TASKS"])
    needed = {"vcpu": 0.0, "memory_gib": 0.0, "l4": 0.0, "connections": 0.0}
    occasional = dict.fromkeys(needed, 0.0)
    pool_size = inspect.signature(Database).parameters["max_connections"].default
    for name, count, containers in running(resources, max_tasks):
        limits = [container["resources"][0]["limits"] for container in containers]
        instance = {
            "vcpu": sum(cores(limit["cpu"]) for limit in limits),
            "memory_gib": sum(gib(limit["memory"]) for limit in limits),
        }
        for what, most in LARGEST_INSTANCE.items():
            assert instance[what] <= most, f"an instance of {name} has {instance[what]:g} {what}"
            if name in OCCASIONAL:
                occasional[what] = max(occasional[what], count * instance[what])
            else:
                needed[what] += count * instance[what]
        needed["l4"] += count * sum(int(limit.get("nvidia.com/gpu", 0)) for limit in limits)
        if len(containers) > 1:  # the proxy to the database
            environment = {variable["name"]: variable.get("value") for variable in containers[0]["env"]}
            revisions = 2 if "WORKERS" in environment else 1  # a deploy of a service runs the old and the new one
            of_process = 1 if name == "migrate" else pool_size
            connections = count * revisions * of_process * int(environment.get("WORKERS", 1))
            if name in OCCASIONAL:
                occasional["connections"] = max(occasional["connections"], connections)
            else:
                needed["connections"] += connections
    needed |= {what: needed[what] + most for what, most in occasional.items()}
    assert needed == plan["output_changes"]["run_demand"]["after"]
    if var_file == "examples/minimal.tfvars":
        assert all(needed[what] <= most for what, most in NEW_ACCOUNT.items()), needed
    [database] = [r["change"]["after"] for r in resources if r["type"] == "google_sql_database_instance"]
    flags = {flag["name"]: flag["value"] for flag in database["settings"][0]["database_flags"]}
    assert needed["connections"] + 20 <= int(flags["max_connections"]), "20 are for superusers, Cloud SQL and a person"


def running(resources: list[dict[str, Any]], max_tasks: int) -> Iterator[tuple[str, int, list[dict[str, Any]]]]:
    """Name, most instances and containers of everything on Cloud Run; tasks of the fallback share those of its job."""
    for resource in resources:
        after = resource["change"]["after"]
        if resource["type"] == "google_cloud_run_v2_service":
            template = after["template"][0]
            yield after["name"], template["scaling"][0]["max_instance_count"], template["containers"]
        elif resource["type"] == "google_cloud_run_v2_job":
            count = {"migrate": 1, "analyze-cpu": 0}.get(after["name"], max_tasks)
            yield after["name"], count, after["template"][0]["template"][0]["containers"]


def environment_of(resources: list[dict[str, Any]], service: str) -> dict[str, Any]:
    [containers] = [containers for name, _, containers in running(resources, 0) if name == service]
    return {variable["name"]: variable.get("value") for variable in containers[0]["env"]}


def cores(limit: str) -> float:
    return float(limit.removesuffix("m")) / 1000 if limit.endswith("m") else float(limit)


def gib(limit: str) -> float:
    return float(limit.removesuffix("Mi")) / 1024 if limit.endswith("Mi") else float(limit.removesuffix("Gi"))
