"""`photofinish preflight`: what a project lacks for a deployment, and the commands that mend it."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photofinish.errors import Unavailable
from photofinish_cli.deployment import Json, StateDir, local_state_dir, use_deployment
from photofinish_cli.output import ExitCode, counted, print_json, print_tables, remark, reported_errors, say, table
from photofinish_cli.progress import progress_bar

if TYPE_CHECKING:
    from photofinish_cli.preflight.findings import Finding

_STYLES = {"missing": "red", "could not be checked": "yellow", "note": "dim"}


def preflight(
    project: Annotated[
        str | None, typer.Option("--project", "-p", help="Project to check. Without it: the local cloud.")
    ] = None,
    region: Annotated[str | None, typer.Option("--region", "-r", help="Region to deploy to.")] = None,
    var_file: Annotated[
        Path | None,
        typer.Option(
            "--var-file",
            help="The environment's settings, as for `terraform apply`.",
            show_default="the file of terraform/environments with this project_id",
            dir_okay=False,
            exists=True,
        ),
    ] = None,
    terraform: Annotated[
        Path | None,
        typer.Option(
            "--terraform",
            help="Folder of the Terraform configuration.",
            show_default="that of the checkout",
            file_okay=False,
        ),
    ] = None,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Check that a Google Cloud project has what a deployment needs, and print the commands that mend what is missing.

    It only reads, with the credentials of `gcloud auth application-default login`: APIs, billing, quotas, permissions,
    roles, regions, names of buckets, organisation policies.

    Exit codes: 0 ready, 1 something is missing, 3 no credentials or no configuration, 4 nothing is missing, but
    something could not be checked, or no local cloud runs.

    Examples:

    photofinish preflight --var-file terraform/environments/prod.tfvars

    photofinish preflight --project my-races-dev --region europe-west1

    photofinish preflight --project my-races-dev --json | jq -r '.findings[].mend[]'

    photofinish preflight                          (the local cloud)
    """
    with reported_errors():
        if project is None and var_file is None:
            try:
                use_deployment(state)
            except Unavailable as error:
                raise Unavailable(f"{error}; a Google Cloud project is checked with --project") from None
            if "STORAGE_EMULATOR_HOST" in os.environ:
                _report(_local(state), json=json, project=os.environ["GOOGLE_CLOUD_PROJECT"], region=None)
                return
            project, region = os.environ.get("GOOGLE_CLOUD_PROJECT"), region or os.environ.get("PHOTOFINISH_REGION")
        _check_google(project, region, var_file, terraform, json=json)


def _local(state: Path | None) -> list[Finding]:
    from photofinish_cli.preflight.local_cloud import check_local_cloud

    return check_local_cloud(local_state_dir(state), os.environ)


def _check_google(
    project: str | None, region: str | None, var_file: Path | None, terraform: Path | None, *, json: bool
) -> None:
    from photofinish_cli.preflight import runtime
    from photofinish_cli.preflight.google_apis import GoogleApis, caller_credentials
    from photofinish_cli.preflight.needs import environment_values, find_terraform, read_needs
    from photofinish_cli.preflight.running import CHECKS, run_checks

    folder = find_terraform(terraform)
    needs = read_needs(folder, environment_values(folder, var_file, project), project=project, region=region)
    google = GoogleApis(caller_credentials(needs.project), needs.project)
    with progress_bar("checking", len(CHECKS), unit="checks", plain=json) as bar:
        found = run_checks(google, needs, on_progress=bar.advance)
    found += [runtime.check_database(os.environ, needs.project), runtime.gpu_driver(needs)]
    _report(found, json=json, project=needs.project, region=needs.region)


def _report(found: list[Finding], *, json: bool, project: str, region: str | None) -> None:
    from photofinish_cli.preflight.findings import State, worst

    result = worst(found)
    if json:
        print_json(_as_json(found, result, project, region))
    else:
        _print(found)
        where = project if region is None else f"{project} in {region}"
        say(f"{where}: {_summary(found)}")
    code = {State.MISSING: ExitCode.FOUND_WRONG, State.UNKNOWN: ExitCode.UNAVAILABLE}.get(result, ExitCode.OK)
    if code is not ExitCode.OK:
        raise typer.Exit(code)


def _as_json(found: list[Finding], result: str, project: str, region: str | None) -> dict[str, Any]:
    return {
        "project": project,
        "region": region,
        "result": str(result),
        "findings": [asdict(finding) | {"state": str(finding.state)} for finding in found],
    }


def _print(found: list[Finding]) -> None:
    rows = table("check", "state", "found")
    mends = table("for", "run or change", whole=["run or change"], grouped=["for"], title="to mend it")
    for finding in found:
        rows.add_row(finding.check, finding.state, finding.what, style=_STYLES.get(finding.state))
        for step in finding.mend:
            mends.add_row(finding.check, step)
    print_tables(rows, *([mends] if mends.row_count else []))
    if any("YOU" in step for finding in found for step in finding.mend):
        remark("Put your own address in place of YOU, and a billing account's id in place of ACCOUNT.")


def _summary(found: list[Finding]) -> str:
    counts = {state: sum(finding.state == state for finding in found) for state in ("missing", "could not be checked")}
    wrong = [f"{count} {state}" for state, count in counts.items() if count]
    return ", ".join(wrong) if wrong else f"ready ({counted(len(found), 'check')})"
