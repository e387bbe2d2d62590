"""What a deployment needs is read from terraform/, and nothing of it is written down a second time."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from photofinish.errors import Misconfigured
from photofinish_cli.preflight import places
from photofinish_cli.preflight.access import needed_permissions
from photofinish_cli.preflight.needs import Needs, cores, environment_values, find_terraform, gibibytes, read_needs
from photofinish_cli.preflight.terraform_files import optional_defaults
from photofinish_functions.function_specs import FUNCTIONS
from support import terraform_config
from support.terraform_config import TERRAFORM

ROOT = Path(__file__).parents[4]


def of_environment(name: str, **changes: Any) -> Needs:
    values = environment_values(TERRAFORM, TERRAFORM / "environments" / f"{name}.tfvars", None)
    return read_needs(TERRAFORM, values | changes, project=None, region=None)


def test_apis_and_roles_are_those_of_the_foundation() -> None:
    needs = of_environment("dev")
    [apis] = [
        block["apis"]["default"]
        for block in terraform_config.parsed(TERRAFORM / "modules/foundation/variables.tf")["variable"]
        if "apis" in block
    ]
    assert set(needs.apis) == set(apis)
    assert "run.googleapis.com" in needs.apis
    [granted] = [
        resource.body["for_each"]
        for resource in terraform_config.resources()
        if (resource.type, resource.name) == ("google_project_iam_member", "deployer")
    ]
    assert len(needs.deployer_roles) == granted.count("roles/")


def test_every_type_of_resource_has_a_permission() -> None:
    types = {resource.type for resource in terraform_config.resources()}
    table = tomllib.loads((ROOT / "cli/photofinish_cli/preflight/permissions.toml").read_text(encoding="utf-8"))
    assert set(table["project"] | table["elsewhere"]) == types
    needs = of_environment("dev")
    assert needs.resource_types == types
    assert "cloudsql.instances.create" in needed_permissions(needs.resource_types)


# Of these, one at a time counts.
OCCASIONAL = {"on-dead-letter", "reconcile", "rescore-bibs", "expire"}


def test_every_function_and_the_job_take_of_the_quota() -> None:
    needs = of_environment("prod", analysis={"processor": "gpu", "max_tasks": 3})
    loads = {load.name: load for load in needs.loads}
    assert set(loads) == {spec.name for spec in FUNCTIONS} - OCCASIONAL | {"occasional functions", "analyze", "migrate"}
    assert loads["analyze"].instances == needs.gpu_tasks == 3
    # With the sidecar: an L4 needs 4 CPUs and 16 GiB at least.
    assert (loads["analyze"].vcpu, loads["analyze"].memory_gib) == (5, 16.5)
    assert (loads["api"].vcpu, loads["api"].memory_gib) == (2.25, 2.25)
    assert loads["on-object-finalized"].instances == 10
    assert all(load.instances >= 1 and load.vcpu > 0 and load.memory_gib > 0 for load in needs.loads)
    more = of_environment("prod", search={"exposure": "private", "max_instances": 7})
    assert {load.instances for load in more.loads if load.name in {"api", "rekognition"}} == {7}


def test_by_default_all_that_runs_at_once_fits_a_new_account() -> None:
    needs = read_needs(TERRAFORM, {}, project="my-races-dev", region="europe-west4")
    # Terraform's own sum is compared in terraform/tests/root.tftest.hcl.
    assert sum(load.instances * load.vcpu for load in needs.loads) == 19.25 <= 20
    assert sum(load.instances * load.memory_gib for load in needs.loads) == 33.25 <= 40


def test_an_environment_is_found_by_its_project() -> None:
    assert environment_values(TERRAFORM, None, "photofinish-prod")["environment"] == "prod"
    assert environment_values(TERRAFORM, None, "another") == {}
    needs = read_needs(TERRAFORM, {}, project="my-races-dev", region="europe-west4")
    assert needs.buckets[0] == "my-races-dev-photos"
    assert needs.state_bucket == "my-races-dev-terraform-state"
    assert needs.exposure == "private"
    named = read_needs(TERRAFORM, {"buckets": {"photos": "races"}}, project="my-races-dev", region="europe-west4")
    assert named.buckets[:2] == ("races", "my-races-dev-derived")


def test_the_recommended_region_has_gpus_and_builds() -> None:
    needs = of_environment("dev")
    assert places.RECOMMENDED_REGION in needs.gpu_regions
    assert places.RECOMMENDED_REGION in places.ALWAYS_BUILDS
    assert places.RECOMMENDED_REGION not in places.L4_BY_INVITATION
    assert set(places.L4_BY_INVITATION) < set(needs.gpu_regions)


def test_what_is_not_given_is_asked_for() -> None:
    with pytest.raises(Misconfigured, match="--project and --region"):
        read_needs(TERRAFORM, {}, project="my-races-dev", region=None)


def test_another_folder_or_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="--terraform"):
        read_needs(tmp_path, {}, project="p", region="r")
    broken = tmp_path / "broken.tfvars"
    broken.write_text("project_id = = 1")
    with pytest.raises(Misconfigured, match=r"broken\.tfvars is not a Terraform file"):
        environment_values(TERRAFORM, broken, None)


def test_the_configuration_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_terraform(None) == TERRAFORM
    assert find_terraform(tmp_path) == tmp_path


def test_defaults_are_read_from_a_type() -> None:
    type_ = '${object({a = optional(number, 3), b = optional(string, "x y"), c = optional(bool, true), d = string,'
    type_ += " e = optional(string), f = optional(number, 0.5)})}"
    assert optional_defaults(type_) == {"a": 3, "b": "x y", "c": True, "e": None, "f": 0.5}


@pytest.mark.parametrize(("text", "gib"), [("512Mi", 0.5), ("2Gi", 2), ("1.5Gi", 1.5)])
def test_amounts_of_memory(text: str, gib: float) -> None:
    assert gibibytes(text) == gib


@pytest.mark.parametrize(("text", "vcpu"), [("250m", 0.25), ("1", 1), ("4", 4)])
def test_amounts_of_cpu(text: str, vcpu: float) -> None:
    assert cores(text) == vcpu


def test_an_amount_without_unit_is_refused() -> None:
    with pytest.raises(Misconfigured, match="amount of memory"):
        gibibytes("512")
