"""Images, Cloud Build and its scripts fit together and name the services that Terraform creates."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from photofinish.domain.photo import PhotoRef
from photofinish.settings import Settings
from photofinish_functions.function_specs import FUNCTIONS
from support import terraform_config as terraform

ROOT = terraform.ROOT
SHIP = terraform.TERRAFORM / "ship"
DOCKERFILES = [ROOT / "functions" / "Dockerfile", ROOT / "gpu_jobs" / "Dockerfile"]
REQUIREMENTS = [
    ROOT / "functions" / "requirements.txt",
    ROOT / "functions" / "requirements-build.txt",
    ROOT / "gpu_jobs" / "requirements-cuda12.txt",
    ROOT / "gpu_jobs" / "requirements-cuda13.txt",
]
ON_GPUS = re.compile(r"onnxruntime-gpu|nvidia-(?!ml-py)\S+")
"""Packages that run only where there is a GPU."""


@pytest.fixture(scope="module")
def build() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text(encoding="utf-8"))
    return content


def names_in(script: Path, variable: str) -> set[str]:
    [value] = re.findall(rf'^{variable}="([^"]+)"$', script.read_text(encoding="utf-8"), re.MULTILINE)
    return set(value.split())


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_bases_are_pinned_by_digest(dockerfile: Path) -> None:
    text = dockerfile.read_text(encoding="utf-8")
    bases = dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", text, re.MULTILINE))
    assert bases, "base images must be build arguments"
    for image in bases.values():
        assert re.search(r"@sha256:[0-9a-f]{64}$", image), f"{image} has no digest"
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", text, re.MULTILINE))
    for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        assert base in stages or base.strip("${}") in bases, f"FROM {base} is neither a stage nor a build argument"


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_the_last_stage_is_not_root_and_downloads_nothing(dockerfile: Path) -> None:
    last = dockerfile.read_text(encoding="utf-8").rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE), "the image runs as root"
    assert "\nRUN " not in last, "the last stage copies from earlier stages and runs nothing"
    assert "COPY --from=models /models /models" in last
    assert "PHOTOFINISH_MODELS_DIR=/models" in last


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_every_install_uses_the_script_that_is_tested_without_containers(dockerfile: Path) -> None:
    text = dockerfile.read_text(encoding="utf-8")
    assert "pip install" not in text
    assert {"wheels", "models", "install"} == set(re.findall(r"RUN functions/image\.sh (\w+)", text))


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_the_build_context_contains_every_package(dockerfile: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {package.split("/")[0] for package in packages} | {project["project"]["readme"], "pyproject.toml"}
    needed |= {"rust_core", *project["project"]["license-files"]}
    allowed = dockerfile.with_name("Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert needed <= {line.removeprefix("!") for line in allowed if line.startswith("!")}


@pytest.mark.parametrize("requirements", REQUIREMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_requirement_has_a_version_and_hashes(requirements: Path) -> None:
    lines = requirements.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z])", re.sub(r"^ +#.*\n", "", lines, flags=re.MULTILINE).strip())
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", entry), f"not pinned: {entry[:60]}"
        assert "--hash=sha256:" in entry, f"no hash: {entry[:60]}"
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", lines), "a lock file must not name a registry"


def test_both_images_run_the_tested_versions() -> None:
    def versions(file: Path) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", file.read_text(encoding="utf-8"), re.MULTILINE))

    tested = versions(ROOT / "requirements.txt")
    for file in REQUIREMENTS:
        for name, version in versions(file).items():
            if not ON_GPUS.fullmatch(name):
                assert tested.get(name) == version, f"{file}: {name} {version}, tested {tested.get(name)}"


def test_steps_wait_for_earlier_steps(build: dict[str, Any]) -> None:
    seen: set[str] = set()
    for step in build["steps"]:
        unknown = set(step.get("waitFor", [])) - seen - {"-"}
        assert not unknown, f"{step['id']} waits for {sorted(unknown)}"
        seen.add(step["id"])
    assert [step["id"] for step in build["steps"]][-3:] == ["migrate", "deploy", "smoke-test"]


def test_every_substitution_is_defined_and_used(build: dict[str, Any]) -> None:
    text = (ROOT / "cloudbuild.yaml").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{(_[A-Z0-9_]+)\}", text))
    assert used == set(build["substitutions"])
    shell = re.findall(r"(?<!\$)\$(?![${(?])\w+", "\n".join(str(step.get("args")) for step in build["steps"]))
    assert not shell, f"Cloud Build would substitute {shell}: write $$"


@pytest.mark.parametrize("base", ["RUST_IMAGE", "TENSORRT_IMAGE", "CUDA"])
def test_base_images_are_those_of_the_dockerfiles(build: dict[str, Any], base: str) -> None:
    text = (ROOT / "gpu_jobs" / "Dockerfile").read_text(encoding="utf-8")
    assert f"ARG {base}={build['substitutions'][f'_{base}']}\n" in text


@pytest.mark.parametrize(("cuda", "runtime"), [("12", "1.26.0"), ("13", "1.31.1")])
def test_each_lock_of_the_job_is_of_one_cuda(cuda: str, runtime: str) -> None:
    """onnxruntime-gpu 1.26.0 is the last with wheels for CUDA 12; a library of the other CUDA would not be loaded."""
    text = (ROOT / f"gpu_jobs/requirements-cuda{cuda}.txt").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^((?:nvidia-|onnxruntime)[a-z0-9-]+)==([^ ;\\]+)", text, re.MULTILINE))
    assert locked.pop("onnxruntime-gpu") == runtime
    libraries = {name for name in locked if name != "nvidia-ml-py"}
    assert {re.sub(r"^nvidia-|-cu1\d$", "", name) for name in libraries} >= {
        "cublas",
        "cuda-runtime",
        "cudnn",
        "curand",
    }
    if cuda == "12":
        assert all(name.endswith("-cu12") for name in libraries), libraries
    else:
        assert not any(name.endswith("-cu12") for name in libraries), libraries
        assert locked["nvidia-cuda-runtime"].startswith("13.")


def test_own_models_are_copied_before_the_images_are_built(build: dict[str, Any]) -> None:
    steps = {step["id"]: step for step in build["steps"]}
    assert "gcloud storage cp" in steps["own-models"]["args"][-1]
    for image in ("image-functions", "image-gpu-jobs"):
        assert steps[image]["waitFor"] == ["own-models"]


def test_nothing_is_deployed_before_it_was_tested_scanned_and_compared(build: dict[str, Any]) -> None:
    waits = {step["id"]: set(step.get("waitFor", [])) - {"-"} for step in build["steps"]}

    def before(step: str) -> set[str]:
        return waits[step] | {earlier for direct in waits[step] for earlier in before(direct)}

    checks = {
        "lint-and-test",
        "audit",
        "terraform-check",
        "image-contents",
        "attach-sbom",
        "vulnerabilities",
        "terraform-plan",
    }
    assert checks <= before("migrate")
    assert "migrate" in before("deploy")


@pytest.mark.parametrize(
    "script", [*sorted(SHIP.glob("*.sh")), ROOT / "functions/image.sh"], ids=lambda path: path.name
)
def test_scripts_are_valid_shell(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_the_scripts_deploy_every_service_and_job() -> None:
    for variable, signature in {"events": "cloudevent", "apis": "http"}.items():
        listed = {spec.name for spec in FUNCTIONS if spec.signature == signature}
        assert names_in(SHIP / "deploy.sh", variable) == listed
    assert "for job in analyze analyze-cpu; do" in (SHIP / "job_images.sh").read_text(encoding="utf-8")
    jobs = tuple(Settings.model_fields[name].default for name in ("job", "cpu_job"))
    assert jobs == ("analyze", "analyze-cpu")
    for script in ("deploy.sh", "roll_back.sh"):
        assert 'jobs update "$job"' in (SHIP / script).read_text(encoding="utf-8")


NO_CPU_JOB = "ERROR: (gcloud.run.jobs.describe) Cannot find job [analyze-cpu]."
NO_JOB = "ERROR: (gcloud.run.jobs.describe) Cannot find job [analyze]."
UNAVAILABLE = "ERROR: (gcloud.run.jobs.describe) UNAVAILABLE: The service is currently unavailable."


@pytest.mark.parametrize(
    ("refused", "found"),
    [
        ({}, ["analyze image", "analyze-cpu image"]),
        ({"analyze-cpu": NO_CPU_JOB}, ["analyze image"]),
        ({"analyze-cpu": UNAVAILABLE}, None),
        ({"analyze": NO_JOB}, None),
        ({"analyze": UNAVAILABLE}, None),
    ],
)
def test_a_deploy_passes_over_no_job_that_exists(
    tmp_path: Path, refused: dict[str, str], found: list[str] | None
) -> None:
    gcloud = tmp_path / "gcloud"  # answers `run jobs describe JOB`
    cases = "".join(f"  {job}) echo '{error}' >&2; exit 1 ;;\n" for job, error in refused.items())
    gcloud.write_text(f'#!/bin/sh\ncase "$4" in\n{cases}esac\necho image\n', encoding="utf-8")
    gcloud.chmod(0o755)
    command = ["bash", str(SHIP / "job_images.sh")]
    done = subprocess.run(command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True)
    if found is None:
        assert done.returncode == 1
        assert set(refused.values()) == set(done.stderr.splitlines())
    else:
        assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, found, "")


def test_the_smoke_test_derives_the_id_of_a_photo() -> None:
    [command] = re.findall(r"photo_id=\$\((.*)\)$", (SHIP / "smoke_test.sh").read_text(encoding="utf-8"), re.MULTILINE)
    ref = PhotoRef(bucket="my-photos", name="smoke-test/20260101T000000-1.jpg", generation=1)
    environment = {"bucket": ref.bucket, "name": ref.name, "PATH": "/usr/bin:/bin"}
    found = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ref.photo_id


def test_the_deployer_may_change_what_the_scripts_change() -> None:
    for name, module in terraform.modules().items():
        if Path(module["source"]).name in {"event-function", "http-function", "gpu-job", "vector-database"}:
            right = "migrates" if name == "vector_database" else "deploys"
            assert module["deployers"] == {"deployer": f"${{module.foundation.{right}}}"}, f"{name} has no deployer"


def test_the_build_finds_the_state_and_may_read_it(build: dict[str, Any]) -> None:
    """Without a setting, which an operator would have to remember for each project."""
    assert build["substitutions"]["_STATE_BUCKET"] == "${PROJECT_ID}-terraform-state"
    readable = terraform.modules()["foundation"]["state_bucket"]
    assert readable == '${coalesce(var.state_bucket, "${var.project_id}-terraform-state")}'
    assert "buckets create gs://$PROJECT-terraform-state " in (ROOT / "docs/deploy.md").read_text(encoding="utf-8")


def test_the_plan_trusts_no_other_providers_than_the_lock_file_names(build: dict[str, Any]) -> None:
    [plan] = [step["args"][-1] for step in build["steps"] if step["id"] == "terraform-plan"]
    assert "lockfile=-lockfile=readonly" in plan
    assert "terraform init -input=false $$lockfile" in plan
    versions = terraform.parsed(terraform.TERRAFORM / "versions.tf")["terraform"][0]["required_providers"][0]
    for name, provider in versions.items():
        if not name.startswith("__"):
            assert re.fullmatch(r"\d+\.\d+\.\d+", provider["version"]), (
                f"{name}: without a lock file any version is taken"
            )


def test_flags_of_a_container_come_last() -> None:
    """gcloud assigns every flag after --container to that container, and so refuses --no-traffic there."""
    texts = [script.read_text(encoding="utf-8") for script in SHIP.glob("*.sh")]
    texts.append((ROOT / "cloudbuild.yaml").read_text(encoding="utf-8"))
    commands = [command for text in texts for command in re.findall(r"gcloud run \w+ update \S+[^|\n]*", text)]
    with_image = [command for command in commands if "--image" in command]
    assert len(with_image) >= 4
    for command in with_image:
        assert re.search(r'--container=[a-z]+ --image="[^"]+" ?$', command), command
