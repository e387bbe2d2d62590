"""`gcloud builds submit` uploads what is committed, but no repository; the tests of the build run without git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from pathspec import GitIgnoreSpec

from support.docs_blocks import documents
from support.terraform_config import ROOT

UPLOADED = [
    ".ci/run",
    ".gitignore",
    "cloudbuild.yaml",
    "own_models/README.md",
    "terraform/.terraform.lock.hcl",
    "terraform/environments/dev.tfvars",
    "terraform/ship/smoke.jpg",
]
LEFT_HERE = [
    ".git",
    ".git/config",
    ".venv/bin/python",
    "functions/photofinish_functions/__pycache__/main.pyc",
    "own_models/faces/detector.onnx",
    "rust_core/python/photofinish_core/core.so",
    "rust_core/target/debug/build",
    "terraform/.terraform/providers/registry.terraform.io/hashicorp/google/provider",
    "terraform/terraform.tfstate",
    "tests/clients/node_modules/firebase/package.json",
]


@pytest.fixture(scope="module")
def left_here() -> GitIgnoreSpec:
    return GitIgnoreSpec.from_lines((ROOT / ".gcloudignore").read_text(encoding="utf-8").splitlines())


def test_caches_providers_and_models_are_not_uploaded(left_here: GitIgnoreSpec) -> None:
    assert not [file for file in LEFT_HERE if not left_here.match_file(file)]
    assert not [file for file in UPLOADED if left_here.match_file(file)]


def test_everything_committed_is_uploaded(left_here: GitIgnoreSpec) -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no repository: the build itself")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not [file for file in listed.stdout.splitlines() if left_here.match_file(file)]


def test_whatever_git_ignores_is_not_uploaded(left_here: GitIgnoreSpec) -> None:
    """gcloud reads no .gitignore of a folder below, so each of its lines is tried as a file of that folder."""
    files = [ROOT / ".gitignore", *ROOT.glob("[!.]*/.gitignore"), *ROOT.glob("[!.]*/[!.]*/.gitignore")]
    assert len(files) >= 4, files
    uploaded = []
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "!")):
                name = line.replace("**/", "").replace("*", "x").lstrip("/")
                example = (file.parent.relative_to(ROOT) / name).as_posix() + ("/x" if line.endswith("/") else "")
                if not left_here.match_file(example):
                    uploaded.append(example)
    assert not uploaded


def test_the_documents_are_found_without_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert {"README.md", "docs/deploy.md", "terraform/modules/gpu-job/README.md"} <= set(documents())
