"""Terraform itself formats, validates and tests `terraform/`, every environment and example (terraform/check.sh).

Providers cannot be downloaded everywhere, so the check runs through `terraform-offline`, which serves their schemas: on
the PATH, or beside the project in shared/. With a network, `terraform/check.sh` does the same with the real providers.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BESIDE = ROOT.parent / "shared" / "tools" / "terraform-offline" / "terraform-offline"


def offline_terraform() -> str:
    if shutil.which("terraform") is None:
        pytest.skip("there is no `terraform` on the PATH")
    program = shutil.which("terraform-offline") or (str(BESIDE) if BESIDE.exists() else None)
    if program is None:
        pytest.skip("there is no `terraform-offline`, on the PATH or in shared/tools beside the project")
    return program


@pytest.mark.timeout(900)
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
    assert done.stdout.count("Success! 1 passed, 0 failed.") == len(environments) >= 4
