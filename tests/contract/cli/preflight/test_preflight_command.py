"""`photofinish preflight` as operators and scripts use it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from photofinish_cli.main import app
from photofinish_cli.output import ExitCode
from photofinish_cli.preflight.access import needed_permissions
from photofinish_cli.preflight.needs import Needs
from photofinish_cli.preflight.quotas import CPU, GPU_QUOTAS, L4, MEMORY
from support import gcloud
from support.google_cloud import PROJECT, REGION, GoogleCloud, google_cloud

Run = Callable[..., Result]


@pytest.fixture
def serve(
    monkeypatch: pytest.MonkeyPatch, credentials_file: Callable[[str], Path], tmp_path: Path
) -> Iterator[Callable[[GoogleCloud], None]]:
    """Make a project the one that the command finds."""
    monkeypatch.setenv("PHOTOFINISH_STATE_DIR", str(tmp_path / "no-local-cloud"))
    with ExitStack() as served:

        def serve(cloud: GoogleCloud) -> None:
            environ = served.enter_context(google_cloud(cloud))
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(credentials_file(environ.pop("TOKEN_URI"))))
            for name, value in environ.items():
                monkeypatch.setenv(name, value)

        yield serve


@pytest.fixture
def var_file(tmp_path: Path) -> Path:
    path = tmp_path / "my-races.tfvars"
    path.write_text(
        f'project_id = "{PROJECT}"\nregion = "{REGION}"\nenvironment = "dev"\n'
        'search = {\n  exposure = "direct"\n}\nanalysis = {\n  max_tasks = 2\n}\n'
    )
    return path


def preflight(*arguments: str, ends: ExitCode = ExitCode.OK) -> Result:
    result = CliRunner().invoke(app, ["preflight", *arguments])
    assert result.exit_code == ends, result.output
    return result


def in_json(*arguments: str, ends: ExitCode = ExitCode.OK) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(preflight(*arguments, "--json", ends=ends).stdout)
    return found


def states(answer: dict[str, Any]) -> dict[str, str]:
    return {finding["check"]: finding["state"] for finding in answer["findings"]}


def test_a_project_that_has_everything_is_ready(
    serve: Callable[[GoogleCloud], None], ready_cloud: GoogleCloud, var_file: Path
) -> None:
    serve(ready_cloud)
    answer = in_json("--var-file", str(var_file))
    assert (answer["result"], answer["project"], answer["region"]) == ("ready", PROJECT, REGION)
    text = preflight("--var-file", str(var_file)).stdout
    assert f"{PROJECT} in {REGION}: ready" in text
    assert "check\tstate\tfound" in text


def test_following_the_advice_makes_a_new_project_ready(
    serve: Callable[[GoogleCloud], None], needs: Needs, var_file: Path
) -> None:
    """A project as the console creates it: nothing enabled but what is needed to ask, no billing, small quotas."""
    cloud = GoogleCloud(
        enabled={"cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com", "storage.googleapis.com"},
        billing=None,
        quotas={CPU.quota_id: {REGION: 1000}, MEMORY.quota_id: {REGION: 2**30}, GPU_QUOTAS[L4]: {REGION: 0}},
    )
    serve(cloud)
    first = in_json("--var-file", str(var_file), ends=ExitCode.FOUND_WRONG)
    assert first["result"] == "missing"
    assert states(first)["APIs"] == "missing"
    assert states(first)["billing"] == "could not be checked"  # its API is not enabled yet
    for round_ in range(3):
        answer = in_json("--var-file", str(var_file), ends=ExitCode.FOUND_WRONG)
        for finding in answer["findings"]:
            for step in finding["mend"]:
                if step.startswith("gcloud "):
                    gcloud.run(step, cloud)
        if CliRunner().invoke(app, ["preflight", "--var-file", str(var_file)]).exit_code == 0:
            assert round_ > 0  # what the disabled APIs know could only be asked the second time
            break
    assert in_json("--var-file", str(var_file))["result"] == "ready"


def test_what_could_not_be_checked_has_its_own_exit_code(
    serve: Callable[[GoogleCloud], None], ready_cloud: GoogleCloud, needs: Needs, var_file: Path
) -> None:
    ready_cloud.permissions = set(needed_permissions(needs.resource_types)) | {
        "serviceusage.services.get", "run.locations.list", "datastore.databases.getMetadata", "cloudsql.instances.list",
        "storage.buckets.get", "orgpolicy.policy.get",
    }  # fmt: skip
    serve(ready_cloud)
    answer = in_json("--var-file", str(var_file), ends=ExitCode.UNAVAILABLE)
    unknown = {check for check, state in states(answer).items() if state == "could not be checked"}
    assert unknown == {"quota of vCPU", "quota of memory", "quota of GPUs"}
    text = preflight("--var-file", str(var_file), ends=ExitCode.UNAVAILABLE).stdout
    assert "you lack the permission cloudquotas.quotas.get" in text


def test_a_name_that_another_project_has_is_not_taken_for_free(
    serve: Callable[[GoogleCloud], None], ready_cloud: GoogleCloud, var_file: Path
) -> None:
    ready_cloud.others_buckets.add(f"{PROJECT}-photos")
    serve(ready_cloud)
    answer = in_json("--var-file", str(var_file), ends=ExitCode.UNAVAILABLE)
    [bucket] = [one for one in answer["findings"] if one["state"] == "could not be checked"]
    assert bucket["check"] == f"bucket {PROJECT}-photos"
    assert bucket["mend"] == ["choose another name: buckets = { … }"]


def test_a_table_for_people_lists_the_commands_in_one_piece(
    serve: Callable[[GoogleCloud], None], ready_cloud: GoogleCloud, needs: Needs
) -> None:
    ready_cloud.buckets.clear()
    serve(ready_cloud)
    result = preflight("--project", PROJECT, "--region", REGION, ends=ExitCode.FOUND_WRONG)
    command = f"gcloud storage buckets update gs://{PROJECT}-terraform-state --versioning"
    assert f"state bucket {PROJECT}-terraform-state\t{command}\n" in result.stdout
    assert f"{PROJECT} in {REGION}: 1 missing" in result.stdout


def test_without_credentials_it_says_how_to_log_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    result = preflight("--project", PROJECT, "--region", REGION, ends=ExitCode.MISCONFIGURED)
    assert "gcloud auth application-default login" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "ends", "said"),
    [
        (["--project", PROJECT], ExitCode.MISCONFIGURED, "--region"),
        (["--project", PROJECT, "--terraform", "/"], ExitCode.MISCONFIGURED, "--terraform"),
        (["--var-file", "no-such-file"], ExitCode.USAGE, "no-such-file"),
    ],
)
def test_what_is_missing_on_the_command_line_is_named(arguments: list[str], ends: ExitCode, said: str) -> None:
    assert said in preflight(*arguments, ends=ends).stderr


def test_without_a_project_and_without_a_local_cloud_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PHOTOFINISH_PHOTO_BUCKET", "PHOTOFINISH_API_URL"):
        monkeypatch.delenv(name, raising=False)
    result = preflight("--state", str(tmp_path), ends=ExitCode.UNAVAILABLE)
    assert "photofinish up" in result.stderr
    assert "--project" in result.stderr
