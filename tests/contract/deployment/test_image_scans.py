"""Which images a build deploys, by the scans that Artifact Registry made of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "terraform" / "ship" / "judge_scan.py"
OK, REFUSED, RUNNING = 0, 1, 75


def image(*vulnerabilities: dict[str, Any], status: str | None = "FINISHED_SUCCESS") -> dict[str, Any]:
    """What `gcloud artifacts docker images describe --show-package-vulnerability --format=json` prints."""
    found: dict[str, Any] = {"image_summary": {"digest": "sha256:1"}}
    if status is not None:
        found["discovery_summary"] = {"discovery": [{"kind": "DISCOVERY", "discovery": {"analysisStatus": status}}]}
    if vulnerabilities:
        by_severity: dict[str, list[dict[str, Any]]] = {}
        for vulnerability in vulnerabilities:
            by_severity.setdefault(vulnerability["vulnerability"]["effectiveSeverity"], []).append(vulnerability)
        found["package_vulnerability_summary"] = {"vulnerabilities": by_severity}
    return found


def cve(number: int, *, severity: str = "CRITICAL", fix: str = "NORMAL") -> dict[str, Any]:
    issue = {"affectedPackage": "openssl", "fixedVersion": {"kind": fix}}
    return {
        "noteName": f"projects/goog-vulnz/notes/CVE-2026-{number}",
        "vulnerability": {"effectiveSeverity": severity, "packageIssue": [issue]},
    }


def judged(tmp_path: Path, content: object) -> tuple[int, str]:
    file = tmp_path / "scan.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    done = subprocess.run([sys.executable, str(SCRIPT), str(file)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("status", [None, "PENDING", "SCANNING"])
def test_an_unfinished_scan_is_waited_for(tmp_path: Path, status: str | None) -> None:
    assert judged(tmp_path, image(status=status))[0] == RUNNING


@pytest.mark.parametrize("status", ["FINISHED_FAILED", "FINISHED_UNSUPPORTED"])
def test_an_image_that_could_not_be_scanned_is_refused(tmp_path: Path, status: str) -> None:
    status_code, said = judged(tmp_path, image(status=status))
    assert status_code == REFUSED
    assert status in said


def test_a_critical_vulnerability_with_a_fix_is_refused_by_name(tmp_path: Path) -> None:
    status, said = judged(tmp_path, image(cve(2), cve(1), cve(3, severity="HIGH")))
    assert status == REFUSED
    assert "CVE-2026-1, CVE-2026-2." in said


def test_a_critical_vulnerability_without_a_fix_stops_no_deploy(tmp_path: Path) -> None:
    status, said = judged(tmp_path, image(cve(1, fix="MAXIMUM"), cve(2, severity="HIGH")))
    assert (status, "1 without a fix" in said) == (OK, True)


def test_an_image_without_vulnerabilities_is_deployed(tmp_path: Path) -> None:
    assert judged(tmp_path, image())[0] == OK


def test_an_answer_of_another_form_is_no_permission_to_deploy(tmp_path: Path) -> None:
    assert judged(tmp_path, [])[0] not in (OK, RUNNING)


def run_step(tmp_path: Path, scan: object) -> int:
    """Run the build's step with a gcloud that always prints `scan`, and without waiting."""
    [script] = [
        step["args"][-1]
        for step in yaml.safe_load((ROOT / "cloudbuild.yaml").read_text(encoding="utf-8"))["steps"]
        if step["id"] == "vulnerabilities"
    ]
    (tmp_path / "answer.json").write_text(json.dumps(scan), encoding="utf-8")
    programs = {"gcloud": f"cat {tmp_path}/answer.json", "sleep": "exit 0", "seq": "echo 1 2 3"}
    for name, body in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    for image_name in ("functions", "gpu-jobs"):
        (tmp_path / f"{image_name}.digest").write_text("registry/image@sha256:1", encoding="utf-8")
    command = script.replace("$$", "$").replace("/workspace", str(tmp_path)).replace("python3", sys.executable)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    return subprocess.run(
        ["bash", "-euc", command], cwd=ROOT, env=environment, capture_output=True, check=False
    ).returncode


def test_the_build_deploys_only_images_whose_scan_has_finished(tmp_path: Path) -> None:
    assert run_step(tmp_path, image()) == 0
    assert run_step(tmp_path, image(cve(1, fix="MAXIMUM"))) == 0
    assert run_step(tmp_path, image(cve(1))) == 1
    assert run_step(tmp_path, image(status="SCANNING")) == 1, "it gave up waiting, and deployed"
    assert run_step(tmp_path, image(status=None)) == 1
    assert run_step(tmp_path, []) == 1
