"""The deployer may read everything that `terraform plan` reads, by the tables in terraform/tables."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from support import terraform_config as terraform

TABLES = terraform.TERRAFORM / "tables"
BASIC = {"roles/owner", "roles/editor", "roles/viewer"}
# Permissions on a billing account come from a role there, which the operator grants (docs/deploy.md).
BILLING_ROLE = "roles/billing.viewer"


def table(name: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads((TABLES / f"{name}.toml").read_text(encoding="utf-8"))


def permissions_of(roles: set[str]) -> set[str]:
    known = table("roles")
    return {permission for role in roles for permission in known[role]["permissions"]}


def own_role(name: str) -> set[str]:
    """Permissions of one of the deployer's roles that the configuration itself makes."""
    [made] = [r for r in terraform.resources() if (r.type, r.name) == ("google_project_iam_custom_role", "deployer")]
    return set(made.body["for_each"][name])


def roles_of_the_deployer() -> set[str]:
    [granted] = [
        resource
        for resource in terraform.resources()
        if (resource.type, resource.name) == ("google_project_iam_member", "deployer")
    ]
    return set(re.findall(r"roles/[\w.]+", granted.body["for_each"]))


def test_the_tables_list_the_roles_and_types_of_the_configuration() -> None:
    texts = [file.read_text(encoding="utf-8") for file in terraform.files()]
    roles = {role for text in texts for role in re.findall(r"roles/[a-zA-Z.]*[a-zA-Z]", text)} - BASIC
    assert set(table("roles")) == roles | {BILLING_ROLE}
    types = {type_ for text in texts for type_ in re.findall(r'^(?:resource|data) "(google_\w+)"', text, re.MULTILINE)}
    assert set(table("resource_types")) == types


def test_the_deployer_may_read_every_type_of_resource() -> None:
    readable = permissions_of(roles_of_the_deployer()) | own_role("photofinishPlans")
    unreadable = {
        type_: missing
        for type_, entry in table("resource_types").items()
        if "on" not in entry and (missing := set(entry["read"]) - readable)
    }
    assert not unreadable, f"`terraform plan` in the build would be refused with 403: {unreadable}"


def test_the_documents_name_the_role_that_no_project_can_grant() -> None:
    outside = {type_: entry for type_, entry in table("resource_types").items() if "on" in entry}
    assert set(outside) == {"google_billing_budget"}
    assert set(outside["google_billing_budget"]["read"]) <= permissions_of({BILLING_ROLE})
    assert BILLING_ROLE in (terraform.ROOT / "docs/deploy.md").read_text(encoding="utf-8")


def test_a_plan_reads_no_secret() -> None:
    for resource in terraform.resources():
        if resource.type == "google_secret_manager_secret_version":
            assert "secret_data" not in resource.body, (
                f"{resource}: to refresh `secret_data`, the provider reads the value"
            )


def test_every_api_that_a_resource_needs_is_enabled() -> None:
    [apis] = [
        block["apis"]["default"]
        for block in terraform.parsed(terraform.TERRAFORM / "modules/foundation/variables.tf")["variable"]
        if "apis" in block
    ]
    assert {entry["api"] for entry in table("resource_types").values()} <= set(apis)
