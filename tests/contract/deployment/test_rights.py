"""What Terraform lets the functions and everyone do: no more than the code needs."""

from __future__ import annotations

import re

import pytest

from photofinish_emulators.stack import StackSpec
from photofinish_functions.function_specs import FUNCTIONS, FunctionSpec
from support import terraform_config as terraform
from support.function_use import function_environment, use_of

PUBLIC = {"terraform/modules/http-function/main.tf: google_cloud_run_v2_service_iam_member.invoker"}


@pytest.mark.parametrize("spec", FUNCTIONS, ids=lambda spec: spec.name)
def test_a_function_may_do_what_its_code_does_and_no_more(
    spec: FunctionSpec, local: StackSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = use_of(spec.entry_point, function_environment(local), monkeypatch)
    service = terraform.services()[spec.entry_point]
    calls = terraform.modules()
    member = f'${{module.{"event" if spec.signature == "cloudevent" else "http"}_function["{spec.name}"].member}}'
    assert service.publishes_to == {
        topic
        for part, topics in {
            "queue": ("photo-work", "photo-work-bulk"),
            "events": ("photo-results",),
            "retention_runs": ("photo-retention",),
            "webhook_messages": ("webhook-deliveries",),
        }.items()
        if part in used.parts
        for topic in topics
    }
    assert ("firestore" in service.uses) == ("_firestore" in used.parts)
    assert ("database" in service.uses) == ("_database" in used.parts)
    assert ("internet" in service.uses) == ("webhook_deliverer" in used.parts)
    assert ("signed_links" in service.uses) == ("links" in used.parts)
    for granted, parts in (
        # Those who erase may also list and read.
        (
            calls["photo_bucket"]["readers"] | calls["photo_bucket"]["erasers"],
            {"store", "originals", "erasable_objects"},
        ),
        (calls["photo_bucket"]["erasers"], {"erasable_objects"}),
        (calls["photo_bucket"]["derived_readers"], {"links", "derived"}),
        (calls["enrolment_bucket"]["uploaders"], {"links"}),
        (calls["enrolment_bucket"]["readers"], {"enrolment_pictures", "erasable_objects"}),
        (calls["gpu_job"]["launchers"], {"launcher"}),
    ):
        assert (member in granted.values()) == bool(parts & used.parts), f"{spec.name}: {parts}"


def test_no_basic_role_is_granted() -> None:
    roles = re.compile(r"roles/(owner|editor|viewer)\b")
    for resource in terraform.resources():
        assert not roles.search(str(resource.body)), f"{resource} grants a basic role"
    for name, module in terraform.modules().items():
        assert not roles.search(str(module)), f"module {name} grants a basic role"


def test_grants_are_added_to_those_of_others() -> None:
    for resource in terraform.resources():
        assert not resource.type.endswith(("_iam_policy", "_iam_binding")), f"{resource} would remove other grants"


def test_nothing_is_public_unless_listed() -> None:
    public = {str(resource) for resource in terraform.resources() if "allUsers" in str(resource.body)}
    assert public == PUBLIC
    unchecked = {str(resource) for resource in terraform.resources() if "invoker_iam_disabled" in resource.body}
    assert unchecked == {"terraform/modules/function-service/main.tf: google_cloud_run_v2_service.function"}
    for folder in ("event-function", "http-function"):
        [blocks] = [terraform.parsed(terraform.TERRAFORM / "modules" / folder / "main.tf")["module"]]
        opens = blocks[0]["service"].get("open_to_everyone")
        wanted = '${var.exposure != "private" && var.invoker_iam_disabled}' if folder == "http-function" else None
        assert opens == wanted, f"{folder} is open to everyone by {opens}"
    for resource in terraform.resources():
        assert "allAuthenticatedUsers" not in str(resource.body), f"{resource} is open to every Google account"
        if resource.type == "google_storage_bucket":
            assert resource.body["public_access_prevention"] == "enforced", f"{resource} may become public"
            assert resource.body["uniform_bucket_level_access"] is True, f"{resource} has permissions per object"
        if resource.type == "google_sql_database_instance":
            assert resource.body["settings"][0]["ip_configuration"][0]["ipv4_enabled"] is False


def test_no_service_account_key_is_created() -> None:
    assert not [str(r) for r in terraform.resources() if r.type in {"google_service_account_key", "random_password"}]
