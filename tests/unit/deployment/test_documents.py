"""The documents name what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from photofinish_cli.main import COMMANDS
from support import terraform_config as terraform

ROOT = terraform.ROOT
DOCUMENTS = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "terraform" / "README.md"]


def alerts() -> set[str]:
    """What Terraform calls its alerts, with those that are made only where they are asked for."""
    names = set()
    for resource in terraform.resources():
        if resource.type == "google_monitoring_alert_policy" and "${each" not in resource.body["display_name"]:
            names.add(resource.body["display_name"].removeprefix("photofinish "))
        if resource.type == "google_billing_budget":
            names.add("budget")
    for block in terraform.parsed(terraform.TERRAFORM / "modules/operations/alerts.tf")["locals"]:
        names |= set(block.get("alerts", {})) - {"__is_block__"}
    return names


def test_every_alert_has_its_section_in_the_runbook() -> None:
    assert len(alerts()) >= 9
    sections = re.findall(r"^## ([a-z-]+)$", (ROOT / "docs/runbook.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(sections) == sorted(alerts())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#][^)]*)\)", document.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue  # out of reach of a test
        assert (document.parent / link.split("#")[0]).exists(), f"{document.name} links to {link}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_and_commands_that_are_named_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:terraform|tests|shared|functions|gpu_jobs)/[\w./-]+)`", text):
        assert (ROOT / path).exists() or path.endswith(".terraform.lock.hcl"), f"{document.name} names {path}"
    for command in re.findall(r"photofinish ([a-z]+) (?:[A-Z`-]|spring|build|\|)", text):
        assert command in COMMANDS, f"{document.name} names the command {command!r}"


def test_the_security_model_names_every_account() -> None:
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    named = {f"fn-{service.name}" for service in terraform.services().values()}
    for resource in terraform.resources():
        if resource.type == "google_service_account" and "$" not in resource.body["account_id"]:
            named.add(resource.body["account_id"])
    assert len(named) >= 9
    for account in named:
        assert account in text, f"docs/security.md does not say what {account} may do"


def test_numbers_of_the_documents_are_terraforms() -> None:
    deploy = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    [regions] = re.findall(r"one of (asia-south1[^.]*us-east4)", deploy.replace("\n", " "))
    validations = str(terraform.root("variable")["analysis"]["validation"])
    [allowed] = re.findall(r"contains\(\[(.asia-south1.[^\]]*)\]", validations)
    runbook = (ROOT / "docs/runbook.md").read_text(encoding="utf-8").replace("\n", " ")
    minute, hour, *_ = terraform.optional_defaults("schedules")["reconcile_all"].split()
    assert f"at {int(hour):02}:{int(minute):02} UTC for all" in runbook
    [late_min] = re.findall(r"waited for it for longer than (\d+) minutes since its upload", runbook)
    assert 60 * int(late_min) == int(terraform.optional_defaults("analysis")["upload_to_result_p95_s"])
    assert sorted(regions.split(", ")) == sorted(re.findall(r"[a-z]+-[a-z0-9]+", allowed))
