"""The documents agree with the code and with Terraform."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from photofinish_cli.main import COMMANDS
from photofinish_functions.function_specs import FUNCTIONS
from support import terraform_config as terraform

ROOT = terraform.ROOT
MODULES = sorted(path for path in (ROOT / "terraform" / "modules").iterdir() if path.is_dir())
DOCUMENTS = [
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "terraform" / "README.md",
    *(module / "README.md" for module in MODULES),
]
READ_BY_THE_DEPLOYER = "google_project_iam_member.deployer"
"""Its README names these many viewer roles in one phrase."""


def alerts() -> set[str]:
    """Names of all alerts in Terraform, including the optional ones."""
    names = set()
    for resource in terraform.resources("google_monitoring_alert_policy", "google_billing_budget"):
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
def test_links_lead_to_existing_files(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#][^)]*)\)", document.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue  # a test has no network
        assert (document.parent / link.split("#")[0]).exists(), f"{document.name} links to {link}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_files_and_commands_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:terraform|tests|shared|functions|gpu_jobs)/[\w./-]+)`", text):
        assert (ROOT / path).exists() or path.endswith(".terraform.lock.hcl"), f"{document.name} names {path}"
    for command in re.findall(r"photofinish ([a-z]+) (?:[A-Z`-]|spring|build|\|)", text):
        assert command in COMMANDS, f"{document.name} names the command {command!r}"


def test_the_security_model_names_every_account() -> None:
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    named = {f"fn-{spec.name}" for spec in FUNCTIONS}
    for resource in terraform.resources("google_service_account"):
        if "$" not in resource.body["account_id"]:
            named.add(resource.body["account_id"])
    assert len(named) >= 9
    for account in named:
        assert account in text, f"docs/security.md does not state what {account} may do"


def test_the_readme_of_the_functions_has_the_list() -> None:
    text = (ROOT / "functions/README.md").read_text(encoding="utf-8")
    described = re.findall(r"^\| `(\w+)` \| (CloudEvent|HTTP) \|", text, re.MULTILINE)
    names = {"CloudEvent": "cloudevent", "HTTP": "http"}
    assert {(name, names[kind]) for name, kind in described} == {(s.entry_point, s.signature) for s in FUNCTIONS}


def test_the_runbook_states_the_search_objectives() -> None:
    runbook = " ".join((ROOT / "docs/runbook.md").read_text(encoding="utf-8").split())
    [(latency_share, latency_ms, availability)] = re.findall(
        r"([\d.]+) % of searches within ([\d.]+) ms and ([\d.]+) % without a server error", runbook
    )
    search = terraform.optional_defaults("search")
    assert float(latency_ms) == float(search["latency_p95_ms"])
    assert f"5 % of searches took longer than {latency_ms} ms" in runbook
    assert float(availability) / 100 == pytest.approx(float(search["availability_share"]))
    module = terraform.parsed(terraform.TERRAFORM / "modules/operations/variables.tf")["variable"]
    [objectives] = [block["search_objectives"]["type"] for block in module if "search_objectives" in block]
    [share] = re.findall(r"latency_share = optional\(number, ([\d.]+)\)", objectives)
    assert float(latency_share) / 100 == pytest.approx(float(share))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_the_readme_of_a_module_names_its_roles_and_has_one_example(module: Path) -> None:
    text = (module / "README.md").read_text(encoding="utf-8")
    granted = {
        role
        for resource in terraform.resources()
        if resource.file.parent == module and not str(resource).endswith(READ_BY_THE_DEPLOYER)
        for role in re.findall(r"(?:roles/[\w.]+|pg_\w+|cloudsqlsuperuser)", str(resource.body))
    }
    missing = {role for role in granted if role not in text}
    assert not missing, f"{module.name}/README.md does not name {sorted(missing)}"
    [example] = re.findall(r"```hcl\n(.*?)```", text, re.DOTALL)
    assert f'source = "./modules/{module.name}"' in example
    assert f"| [{module.name}](modules/{module.name}/README.md) |" in (ROOT / "terraform/README.md").read_text("utf-8")


def test_numbers_of_the_documents_are_terraforms() -> None:
    deploy = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    [regions] = re.findall(r"one of (asia-south1[^.]*us-east4)", deploy.replace("\n", " "))
    validations = str(terraform.root("variable")["analysis"]["validation"])
    [allowed] = re.findall(r"contains\(\[(.asia-south1.[^\]]*)\]", validations)
    runbook = (ROOT / "docs/runbook.md").read_text(encoding="utf-8").replace("\n", " ")
    minute, hour, *_ = terraform.optional_defaults("schedules")["reconcile_all"].split()
    assert f"at {int(hour):02}:{int(minute):02} UTC for all" in runbook
    [late_min] = re.findall(r"waited for it for longer than (\d+) minutes since their upload", runbook)
    assert 60 * int(late_min) == int(terraform.optional_defaults("analysis")["upload_to_result_p95_s"])
    assert sorted(regions.split(", ")) == sorted(re.findall(r"[a-z]+-[a-z0-9]+", allowed))
