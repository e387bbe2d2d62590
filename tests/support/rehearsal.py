"""`gcloud` and `terraform` as docs/deploy.md uses them, on a strict local cloud: what each command means there.

`install` puts programs of these names into a folder for the PATH. A command that has no meaning here is listed with the
reason, and one that is not listed fails: with a change of the document one decides what it means.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import yaml

ROOT = Path(__file__).parents[2]
STATE = "REHEARSAL_STATE"  # the state directory
ACCOUNT = "REHEARSAL_ACCOUNT"  # the account that runs a command; unset: the project's owner, as the document demands
DEPLOYER = "photofinish-deployer"

# Commands that nothing here corresponds to, by their first words.
NOTHING_LOCAL = {
    "gcloud config set project": "a local cloud is one project",
    "gcloud services enable": "the local servers need not be enabled",
    "gcloud storage buckets": "the bucket of Terraform's state",
    "gcloud run jobs update": "jobs run the working tree, not an image",
    "terraform init": "there is no state to set up",
}
# Steps of cloudbuild.yaml that are not rehearsed; the others run as the deployer.
NO_STEP = {
    "lint-and-test": "this test is part of it",
    "terraform-check": "tests/e2e/deployment/test_terraform.py",
    "own-models": "there are none",
    "image-functions": "tests/e2e/deployment/reproduce_images.py",
    "image-gpu-jobs": "tests/e2e/deployment/reproduce_images.py",
    "push": "there is no registry",
    "audit": "advisories are not reached here; tests/contract/deployment/test_audit.py",
    "image-contents": "there are no images",
    "attach-sbom": "there are no images",
    "vulnerabilities": "there are no images",
    "terraform-plan": "the local cloud is made from the configuration",
    "deploy": "services run the working tree; tests/contract/deployment/test_shipping.py",
}


def install(folder: Path) -> None:
    """Make the programs in `folder`."""
    folder.mkdir()
    for program in ("gcloud", "terraform"):
        script = f'#!/bin/sh\nexec {sys.executable} -m support.rehearsal {program} "$@"\n'
        (folder / program).write_text(script)
    for program in folder.iterdir():
        program.chmod(0o755)


def main(program: str, words: list[str]) -> None:
    command = " ".join([program, *words])
    if any(command.startswith(known) for known in NOTHING_LOCAL):
        return
    flags = dict(re.findall(r"^--([a-z-]+)(?:=(.*))?$", word, re.DOTALL)[0] for word in words if word.startswith("--"))
    plain = [word for word in words if not word.startswith("-")]
    match [program, *plain]:
        case ["terraform", "apply"]:
            start()
        case ["terraform", "output", "environment"] if "json" in words[-2]:
            print(json.dumps(environment()))
        case ["terraform", "output", "api_url"]:
            print(local_environment()["PHOTOFINISH_API_URL"])
        case ["gcloud", "builds", "submit"]:
            build()
        case ["gcloud", "run", "jobs", "execute", job]:
            execute(job, flags)
        case ["gcloud", "run", "jobs", "describe", job]:
            describe(job)
        case ["gcloud", "storage", "cp", file, to]:
            copy(Path(file), to)
        case ["gcloud", "logging", "read", query]:
            read_logs(query)
        case _:
            fail(f"`{command}` has no meaning on a local cloud yet: give it one in tests/support/rehearsal.py")


def fail(why: str) -> NoReturn:
    raise SystemExit(why)


def state_dir() -> Path:
    return Path(os.environ[STATE])


def start() -> None:
    """What `terraform apply` creates: everything, with an empty database and no key."""
    from photofinish_cli.local_deployment import local_deployment
    from photofinish_emulators import stack

    spec = local_deployment(state_dir(), strict_iam=True)
    stack.start_detached(replace(spec, after_postgres=()), state_dir())


def local_environment() -> dict[str, str]:
    """Of the local cloud, for the account that runs the command."""
    from photofinish_cli.local_deployment import local_environment
    from photofinish_emulators import stack

    own = stack.account_environment(state_dir(), os.environ[ACCOUNT]) if ACCOUNT in os.environ else {}
    return local_environment(state_dir()) | own


def environment() -> dict[str, str]:
    """The output `environment`, with the addresses of the local servers: no key and no password are among them."""
    text = (ROOT / "terraform" / "main.tf").read_text(encoding="utf-8")
    names = set(re.findall(r"^    ([A-Z][A-Z_]+) += ", text, re.MULTILINE))
    local = local_environment()
    return {name: value for name, value in local.items() if name in names or name.endswith("_EMULATOR_HOST")}


def build() -> None:
    """The steps of the build that have a meaning here, in their order, as the deployer."""
    steps = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text(encoding="utf-8"))["steps"]
    for step in steps:
        if step["id"] in NO_STEP:
            continue
        if step["entrypoint"] != "bash":
            fail(f"the step {step['id']} of cloudbuild.yaml is no script: say what it means in {__file__}")
        text = step["args"][-1].replace("$$", "$").replace("${_SMOKE_TIMEOUT_S}", "240")
        workspace = state_dir().parent / "workspace"
        workspace.mkdir(exist_ok=True)
        (workspace / "functions.digest").write_text("working tree")
        env = os.environ | local_environment() | {ACCOUNT: DEPLOYER, "PROJECT_ID": "photofinish-local"}
        print(f"-- {step['id']}", file=sys.stderr)
        subprocess.run(["bash", "-euc", text.replace("/workspace", str(workspace))], cwd=ROOT, env=env, check=True)


def jobs_client() -> Any:
    from photofinish.adapters.google.run_jobs import jobs_client

    return jobs_client(local_environment()["RUN_EMULATOR_HOST"])


def execute(job: str, flags: Mapping[str, str]) -> None:
    """Run the job to its end, as `--wait` does."""
    import grpc
    from google.cloud import run_v2
    from google.cloud.run_v2.services.executions.transports import ExecutionsGrpcTransport

    from support.waiting import wait_until

    name = f"projects/photofinish-local/locations/local/jobs/{job}"
    request = run_v2.RunJobRequest(name=name)
    if "args" in flags:
        if "container" not in flags:
            fail("gcloud demands --container with --args of a job with several containers, as all of ours are")
        override = {"name": flags["container"], "args": flags["args"].split(",")}
        request.overrides = run_v2.RunJobRequest.Overrides(container_overrides=[override])
    execution = jobs_client().run_job(request, timeout=30).metadata.name
    address = local_environment()["RUN_EMULATOR_HOST"]
    with grpc.insecure_channel(address) as channel:
        executions = run_v2.ExecutionsClient(transport=ExecutionsGrpcTransport(channel=channel))

        def ended() -> Any:
            found = executions.get_execution(name=execution, timeout=30)
            return found if found.completion_time else None

        ran = wait_until(ended, f"the end of {execution}", timeout_s=180)
    if ran.succeeded_count != 1:
        fail(f"{execution} failed: see `photofinish logs --service {job}` on {state_dir()}")


def describe(job: str) -> None:
    """The parts of `--format=json` (the Knative form of a job) that our scripts read."""
    found = jobs_client().get_job(name=f"projects/photofinish-local/locations/local/jobs/{job}", timeout=30)
    containers = [
        {
            "name": container.name,
            "env": [{"name": variable.name, "value": variable.value} for variable in container.env],
        }
        for container in found.template.template.containers
    ]
    print(json.dumps({"spec": {"template": {"spec": {"template": {"spec": {"containers": containers}}}}}}))


def read_logs(query: str) -> None:
    """The message of the newest entry of a job about a photo that has one of the messages in `query`."""
    from photofinish_emulators.run_jobs.task_logs import list_logs, read_log

    [photo_id] = re.findall(r'jsonPayload\.photo_id="([0-9a-f]+)"', query)
    [messages] = re.findall(r"jsonPayload\.message=\((.+?)\)", query)
    wanted = set(re.findall(r'"(\w+)"', messages))
    found = [
        entry["message"]
        for log in list_logs(state_dir() / "run-jobs")
        for line in read_log(log).decode(errors="replace").splitlines()
        if photo_id in line and (entry := json.loads(line))["message"] in wanted
    ]
    print(*found[-1:])


def copy(file: Path, to: str) -> None:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    bucket, _, name = to.removeprefix("gs://").partition("/")
    os.environ.update(local_environment())
    client = storage.Client(project="photofinish-local", credentials=AnonymousCredentials())
    local_bucket = bucket.removeprefix(os.environ.get("PROJECT", "") + "-")
    name = name + file.name if name.endswith("/") or not name else name
    client.bucket(local_bucket).blob(name).upload_from_filename(str(file), content_type="image/jpeg")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
