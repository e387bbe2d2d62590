"""Terraform itself formats, validates, tests and plans `terraform/`, every environment and example.

Providers cannot be downloaded everywhere, so this runs through `terraform-offline`, which serves their schemas: on the
PATH, or beside the project in shared/. With a network, `terraform/check.sh` does the same with the real providers.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support import terraform_config

ROOT = Path(__file__).parents[3]
BESIDE = ROOT.parent / "shared" / "tools" / "terraform-offline" / "terraform-offline"
PLAN = """
mock_provider "google" {}
mock_provider "google-beta" {}
run "plan" { command = plan }
"""
FRAMEWORK_VARIABLES = {"FUNCTION_TARGET", "FUNCTION_SOURCE", "WORKERS", "THREADS"}


def offline_terraform() -> str:
    if shutil.which("terraform") is None:
        pytest.skip("there is no `terraform` on the PATH")
    program = shutil.which("terraform-offline") or (str(BESIDE) if BESIDE.exists() else None)
    if program is None:
        pytest.skip("there is no `terraform-offline`, on the PATH or in shared/tools beside the project")
    return program


@pytest.mark.timeout(1200)
def test_the_configuration_is_valid_and_its_tests_pass() -> None:
    done = subprocess.run(
        [str(ROOT / "terraform" / "check.sh"), offline_terraform()], capture_output=True, text=True, check=False
    )
    failed = "\n".join(line for line in done.stdout.splitlines() if not line.endswith("pass"))
    assert done.returncode == 0, f"{failed}\n{done.stderr}"
    environments = [
        *(ROOT / "terraform/environments").glob("*.tfvars"),
        *(ROOT / "terraform/examples").glob("*.tfvars"),
    ]
    examples_of_modules = 1
    assert done.stdout.count("Success! 1 passed, 0 failed.") == len(environments) + examples_of_modules >= 5


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The resources that `terraform plan` would create with examples/everything.tfvars."""
    program = offline_terraform()
    folder = tmp_path_factory.mktemp("plan") / "terraform"
    shutil.copytree(ROOT / "terraform", folder, ignore=shutil.ignore_patterns(".terraform*"))
    (folder / "plan").mkdir()
    (folder / "plan" / "plan.tftest.hcl").write_text(PLAN, encoding="utf-8")
    subprocess.run([program, "init", "-backend=false", "-input=false"], cwd=folder, capture_output=True, check=True)
    command = [program, "test", "-json", "-verbose", "-test-directory=plan", "-var-file=examples/everything.tfvars"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    [plan] = [event["test_plan"] for event in map(json.loads, done.stdout.splitlines()) if event["type"] == "test_plan"]
    return list(plan["resource_changes"])


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
