"""No resource is created before its API can be used, read from the configuration as written.

`terraform/check_graph.py` checks the same on Terraform's own graph, and tests/e2e/deployment/test_terraform.py runs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import terraform_config as terraform

MODULES = sorted(folder for folder in (terraform.TERRAFORM / "modules").iterdir() if folder.is_dir())
FOUNDATION = terraform.TERRAFORM / "modules" / "foundation"
FROM_FOUNDATION = {"project_id": "project_id", "project": "project_id", "kms_key": "kms_key", "kms_key_name": "kms_key"}


def blocks(folder: Path) -> Iterator[tuple[str, str]]:
    """Address and text of every resource, data source and module call of a folder."""
    for file in sorted(folder.glob("*.tf")):
        text = file.read_text(encoding="utf-8")
        for kind, labels, body in re.findall(
            r'^(resource|data|module) ((?:"\w+" ?)+)\{\n(.*?)^}', text, re.MULTILINE | re.DOTALL
        ):
            address = ".".join(re.findall(r"\w+", labels))
            yield {"resource": "", "data": "data.", "module": "module."}[kind] + address, body


def waits(folder: Path) -> dict[str, bool]:
    """Whether each block waits for the APIs: by its project, `depends_on`, or another block of the folder."""
    found = dict(blocks(folder))
    # The foundation's agents are local values of resources that wait; an account that a module is given exists.
    anchor = r"time_sleep\.apis_usable|local\.agents" if folder == FOUNDATION else r"var\.(project_id|service_account)"
    ordered = {address for address, body in found.items() if re.search(rf"\b({anchor})\b", body)}
    while True:
        more = {
            address
            for address, body in found.items()
            if any(re.search(rf"(?<![\w.]){re.escape(earlier)}\b", body) for earlier in ordered)
        }
        if more <= ordered:
            return {address: address in ordered for address in found}
        ordered |= more


@pytest.mark.parametrize("folder", MODULES, ids=lambda folder: folder.name)
def test_every_resource_of_a_module_waits_for_the_apis(folder: Path) -> None:
    enable = {"google_project_service.api", "time_sleep.apis_usable"} if folder == FOUNDATION else set()
    early = {address for address, ordered in waits(folder).items() if not ordered} - enable
    assert not early, f"modules/{folder.name} may create these before their API is enabled: {sorted(early)}"


def test_the_root_takes_the_project_and_its_keys_from_the_foundation() -> None:
    for name, module in terraform.modules().items():
        if name == "foundation":
            continue
        assert module["project_id"] == "${module.foundation.project_id}", name
        key = "firestore_kms_key" if name == "firestore" else "kms_key"
        assert module.get("kms_key", f"${{module.foundation.{key}}}") == f"${{module.foundation.{key}}}", name
    for resource in terraform.resources():
        if resource.file.parent == terraform.TERRAFORM:
            for argument in FROM_FOUNDATION.keys() & resource.body.keys():
                assert resource.body[argument] == f"${{module.foundation.{FROM_FOUNDATION[argument]}}}", str(resource)


def test_the_foundation_waits_before_it_says_that_apis_can_be_used() -> None:
    [waiting] = [r for r in terraform.resources() if (r.type, r.name) == ("time_sleep", "apis_usable")]
    assert waiting.body["depends_on"] == ["${google_project_service.api}"]
    outputs = {
        name: body for block in terraform.parsed(FOUNDATION / "outputs.tf")["output"] for name, body in block.items()
    }
    assert outputs["project_id"]["depends_on"] == ["${time_sleep.apis_usable}"]
    for name in ("service_agents", "kms_key", "firestore_kms_key"):
        assert outputs[name]["depends_on"] == ["${time_sleep.agents_usable}"], name
