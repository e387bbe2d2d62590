"""By the applied configuration, the deployer reads no data, and starting a task is not choosing what it runs."""

from __future__ import annotations

import re

import pytest

from photofinish_cli.local_access import DEPLOYER_ACCOUNT, terraform_access
from photofinish_emulators.common.iam import Need, Policy
from support import terraform_config as terraform

GRANTS = terraform_access().grants
DATA = {"photos", "derived", "enrolments"}
READS_DATA = re.compile(
    r"datastore\.entities\.|secretmanager\.versions\.access|cloudsql\.instances\.(connect|login|export|clone)"
    r"|cloudsql\.backupRuns\.(create|export)|pubsub\.(subscriptions\.consume|snapshots\.seek)|storage\.hmacKeys"
)
ACTS_AS_ANOTHER = re.compile(r"iam\.serviceAccounts\.(get(Access|OpenId)Token|sign|implicitDelegation)|\.setIamPolicy$")
STARTS_ANYTHING = re.compile(r"run\.(jobs\.runWithOverrides|routes\.invoke|.*\.ssh)")


def permissions(account: str) -> set[tuple[str, str]]:
    """(resource, permission) of every grant."""
    return {(on, permission) for on, granted in GRANTS[account].items() for permission in granted}


def test_the_deployer_reads_no_object_document_row_or_secret() -> None:
    held = permissions(DEPLOYER_ACCOUNT)
    assert ("service/api", "run.services.update") in held, "it deploys"
    assert not {grant for grant in held if READS_DATA.search(grant[1])}
    objects = {on for on, permission in held if permission == "storage.objects.get"}
    assert objects == {"bucket/photofinish-local-builds", "bucket/photofinish-local-terraform-state"}
    assert not {on for on in objects if on.split("/")[1] in DATA}


def test_the_deployer_gets_no_token_of_another_and_grants_nothing() -> None:
    assert not {grant for grant in permissions(DEPLOYER_ACCOUNT) if ACTS_AS_ANOTHER.search(grant[1])}


def test_the_deployer_starts_migrations_alone_and_without_overrides() -> None:
    held = permissions(DEPLOYER_ACCOUNT)
    assert {on for on, permission in held if permission == "run.jobs.run"} == {"job/migrate"}
    assert not {grant for grant in held if STARTS_ANYTHING.search(grant[1])}


def test_only_the_launcher_starts_tasks_with_overrides() -> None:
    may = {
        account: on
        for account in GRANTS
        for on, granted in permissions(account)
        if granted == "run.jobs.runWithOverrides"
    }
    assert may.keys() == {"fn-launch-workers"}


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("smoke-test/1.jpg", True),
        ("spring-10k/1.jpg", False),
        ("smoke-test", False),
        ("a/objects/smoke-test/1.jpg", False),
    ],
)
def test_the_deployer_uploads_to_the_smoke_tests_album_alone(name: str, allowed: bool) -> None:
    policy = Policy("photofinish-local", GRANTS)
    bucket = "//storage.googleapis.com/projects/_/buckets/photos"
    create = Need("storage.objects.create", "bucket/photos", f"{bucket}/objects/{name}")
    assert (policy.first_missing(DEPLOYER_ACCOUNT, [create]) is None) == allowed
    listing = Need("storage.objects.get", "bucket/photos", f"{bucket}/objects/{name}")
    assert policy.first_missing(DEPLOYER_ACCOUNT, [listing]) is not None


def test_every_project_role_of_the_deployer_is_known_to_read_no_data() -> None:
    """applied.json has the roles of services that the local cloud serves; this is the whole list."""
    [granted] = [r for r in terraform.resources() if (r.type, r.name) == ("google_project_iam_member", "deployer")]
    roles = set(re.findall(r"roles/[\w.]+", granted.body["for_each"]))
    readers = {"roles/artifactregistry.reader", "roles/browser", "roles/iam.securityReviewer"}
    writers = {"roles/logging.logWriter", "roles/serviceusage.serviceUsageConsumer", "roles/dns.reader"}
    others = {role for role in roles - readers - writers if not re.search(r"[vV]iewer$", role)}
    assert not others
    assert not roles & {"roles/datastore.viewer", "roles/storage.objectViewer", "roles/logging.privateLogViewer"}
    assert not roles & {"roles/viewer", "roles/cloudsql.editor"}


def test_a_caller_who_starts_a_task_chooses_no_program() -> None:
    [job] = [r for r in terraform.resources() if r.type == "google_cloud_run_v2_job" and r.name == "analyze"]
    [template] = job.body["template"]
    command = template["template"][0]["containers"][0]["command"]
    assert command == ["python", "-I", "-u", "-B", "-m", "photofinish_jobs"]
    dockerfile = (terraform.ROOT / "gpu_jobs/Dockerfile").read_text(encoding="utf-8")
    words = ", ".join(f'"{word}"' for word in command)
    assert f"ENTRYPOINT [{words}]" in dockerfile
