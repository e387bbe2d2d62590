"""Applies the configuration of `terraform/` to mocked providers: every value as in a project, without a cloud.

`python -m support.terraform_applied` in `tests/` (`make terraform-applied`) writes `terraform/tables/applied.json`, by
which the strict local cloud knows who may do what. A test compares that file with the configuration.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "terraform"
APPLIED = TERRAFORM / "tables" / "applied.json"
OFFLINE = ROOT.parent / "shared" / "tools" / "terraform-offline" / "terraform-offline"
APPLY = """
mock_provider "google" {}
mock_provider "google-beta" {}
mock_provider "time" {}
run "apply" { command = apply }
"""
# The names of the local cloud. Its region is not one of Google's, which the configuration checks; `auto` has every job.
VARIABLES = """
project_id   = "photofinish-local"
region       = "europe-west1"
environment  = "local"
alert_emails = { operator = "operator@example.com" }
analysis     = { processor = "auto" }
buckets      = { photos = "photos", derived = "derived", enrolments = "enrolments", audit = "audit" }
"""
STORAGE_AGENT = "storage-agent"
ON = {
    "google_project_iam_member": ("project", None),
    "google_storage_bucket_iam_member": ("bucket", "bucket"),
    "google_pubsub_topic_iam_member": ("topic", "topic"),
    "google_pubsub_subscription_iam_member": ("subscription", "subscription"),
    "google_cloud_run_v2_job_iam_member": ("job", "name"),
    "google_cloud_run_v2_service_iam_member": ("service", "name"),
    "google_service_account_iam_member": ("account", "service_account_id"),
    "google_secret_manager_secret_iam_member": ("secret", "secret_id"),
}
"""Type of a grant → what it is on, and the argument with its name; grants of other types concern nothing local."""
_UNITS = {"": 1.0, "m": 0.001, "Mi": 2.0**20, "Gi": 2.0**30}
SERVED = ("storage", "pubsub", "datastore", "run", "cloudsql", "secretmanager", "iam")
"""Services that the local cloud has; roles of others are left out."""


@dataclass(frozen=True)
class Applied:
    """The resources of an applied configuration, as Terraform's JSON has them."""

    resources: list[dict[str, Any]]

    def of(self, *types: str) -> list[dict[str, Any]]:
        return [resource for resource in self.resources if resource["type"] in types]

    def values(self, type_: str) -> list[dict[str, Any]]:
        return [resource["values"] for resource in self.of(type_)]


def offline_terraform() -> str | None:
    """The program that applies to mocked providers without a network; None where there is none."""
    if shutil.which("terraform") is None:
        return None
    return shutil.which("terraform-offline") or (str(OFFLINE) if OFFLINE.exists() else None)


def apply(program: str, variables: str = VARIABLES, folder: Path = TERRAFORM) -> Applied:
    """Apply the configuration in `folder`."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "terraform"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".terraform*"))
        (copy / "apply").mkdir()
        (copy / "apply" / "apply.tftest.hcl").write_text(APPLY, encoding="utf-8")
        (copy / "local.tfvars").write_text(variables, encoding="utf-8")
        subprocess.run([program, "init", "-backend=false", "-input=false"], cwd=copy, capture_output=True, check=True)
        command = [program, "test", "-json", "-verbose", "-test-directory=apply", "-var-file=local.tfvars"]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    events = map(json.loads, done.stdout.splitlines())
    [state] = [event["test_state"] for event in events if event["type"] == "test_state"]
    return Applied(list(_resources(state["root_module"])))


def _resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)


def for_the_local_cloud(applied: Applied) -> dict[str, Any]:
    """What the strict local cloud reads: names instead of the mocks' values, in an order of their own."""
    [instance] = applied.values("google_sql_database_instance")
    flags = {flag["name"]: flag["value"] for flag in instance["settings"][0]["database_flags"]}
    return {
        "about": "Made from the Terraform configuration by `make terraform-applied`; do not edit.",
        "grants": grants(applied),
        "custom_roles": custom_roles(applied),
        "topics": sorted(topic["name"] for topic in applied.values("google_pubsub_topic")),
        "buckets": buckets(applied),
        "subscriptions": subscriptions(applied),
        "schedules": schedules(applied),
        "jobs": {job["name"]: job_limits(job) for job in applied.values("google_cloud_run_v2_job")},
        "database": {
            "max_connections": int(flags["max_connections"]),
            "users": database_users(applied),
            "rights": database_rights(applied),
        },
    }


def grants(applied: Applied) -> dict[str, dict[str, list[str]]]:
    """Account → what the grant is on, such as `topic/photo-work` → roles."""
    accounts = _accounts(applied)
    custom = {role["name"]: role["role_id"] for role in applied.values("google_project_iam_custom_role")}
    secrets = {secret["id"]: secret["secret_id"] for secret in applied.values("google_secret_manager_secret")}
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for resource in applied.resources:
        values = resource["values"]
        if resource["type"] not in ON:
            continue
        role = custom.get(values["role"], values["role"])
        if role not in custom.values() and not role.startswith(tuple(f"roles/{name}." for name in SERVED)):
            continue
        kind, argument = ON[resource["type"]]
        on = kind
        if argument is not None:
            name = str(values[argument])
            name = secrets.get(name, name) if kind == "secret" else accounts.get(name, name)
            on = f"{kind}/{name.rsplit('/', 1)[-1]}" + _objects_of(values.get("condition"), resource["address"])
        found[accounts.get(values["member"], values["member"])][on].add(role)
    return {
        account: {on: sorted(roles) for on, roles in sorted(by_resource.items())}
        for account, by_resource in sorted(found.items())
    }


def custom_roles(applied: Applied) -> dict[str, list[str]]:
    """The project's own roles → their permissions."""
    found = {role["role_id"]: sorted(role["permissions"]) for role in applied.values("google_project_iam_custom_role")}
    return dict(sorted(found.items()))


def _objects_of(conditions: list[dict[str, str]] | None, address: str) -> str:
    """`/objects/PREFIX` for a condition on the beginning of objects' names; the local cloud knows no other."""
    if not conditions:
        return ""
    [condition] = conditions
    prefix = r'resource\.name\.startsWith\("projects/_/buckets/[^/]+(/objects/[a-z0-9-]+/)"\)'
    match = re.fullmatch(prefix, condition["expression"])
    assert match, f"{address} has a condition that the local cloud does not know"
    return match[1]


def buckets(applied: Applied) -> dict[str, dict[str, Any]]:
    """By name: whether it keeps versions, and its notifications: topic → types of events."""
    notify: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for values in sorted(applied.values("google_storage_notification"), key=lambda values: str(values["topic"])):
        notify[values["bucket"]][_last(values["topic"])] = sorted(values["event_types"])
    return {
        bucket["name"]: {
            "versioned": any(versioning["enabled"] for versioning in bucket["versioning"]),
            "notifications": notify[bucket["name"]],
        }
        for bucket in sorted(applied.values("google_storage_bucket"), key=lambda values: str(values["name"]))
    }


def subscriptions(applied: Applied) -> dict[str, dict[str, Any]]:
    """By name; `push_to` is a service, `push_account` whose token it gets; both are null for the queue of tasks."""
    accounts = _accounts(applied)
    services = {service["uri"]: service["name"] for service in applied.values("google_cloud_run_v2_service")}
    found = sorted(applied.values("google_pubsub_subscription"), key=lambda values: str(values["name"]))
    return {values["name"]: _subscription(values, services, accounts) for values in found}


def _subscription(values: dict[str, Any], services: dict[str, str], accounts: dict[str, str]) -> dict[str, Any]:
    push = values["push_config"][0] if values["push_config"] else None
    dead = values["dead_letter_policy"][0] if values["dead_letter_policy"] else None
    return {
        "topic": _last(values["topic"]),
        "push_to": services[push["push_endpoint"]] if push else None,
        "push_account": accounts[push["oidc_token"][0]["service_account_email"]] if push else None,
        "ack_deadline_s": values["ack_deadline_seconds"],
        "retention_s": int(values["message_retention_duration"].removesuffix("s")),
        "exactly_once": values["enable_exactly_once_delivery"],
        "dead_letter": {
            "topic": _last(dead["dead_letter_topic"]),
            "max_delivery_attempts": dead["max_delivery_attempts"],
        }
        if dead
        else None,
    }


def schedules(applied: Applied) -> dict[str, dict[str, str]]:
    """By name."""
    return {
        schedule["name"]: {
            "topic": _last(schedule["pubsub_target"][0]["topic_name"]),
            "cron": schedule["schedule"],
            "body": base64.b64decode(schedule["pubsub_target"][0]["data"]).decode(),
        }
        for schedule in sorted(applied.values("google_cloud_scheduler_job"), key=lambda values: str(values["name"]))
    }


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def job_limits(job: dict[str, Any]) -> dict[str, str]:
    """CPUs and memory of a task, its sidecars included."""
    containers = [container["resources"][0]["limits"] for container in job["template"][0]["template"][0]["containers"]]
    cpu = sum(_amount(limits["cpu"]) for limits in containers)
    memory = sum(_amount(limits["memory"]) for limits in containers)
    return {"cpu": f"{cpu * 1000:.0f}m", "memory": f"{memory / _UNITS['Mi']:.0f}Mi"}


def _amount(text: str) -> float:
    unit = text.lstrip("0123456789.")
    return float(text.removesuffix(unit)) * _UNITS[unit]


def database_users(applied: Applied) -> dict[str, list[str]]:
    """Account → its roles in the database."""
    emails = {account["email"]: account["account_id"] for account in applied.values("google_service_account")}
    users = {emails[user["name"]]: user["database_roles"] for user in applied.values("google_sql_user")}
    return {account: sorted(roles or []) for account, roles in sorted(users.items())}


def database_rights(applied: Applied) -> dict[str, str]:
    """Account of a function → the rights that each migration grants its user."""
    emails = {account["email"]: account["account_id"] for account in applied.values("google_service_account")}
    [job] = [job for job in applied.values("google_cloud_run_v2_job") if job["name"] == "migrate"]
    arguments = job["template"][0]["template"][0]["containers"][0]["args"]
    grants = [argument.removeprefix("--grant=").split(":") for argument in arguments if argument.startswith("--grant=")]
    return {emails[user]: rights for rights, user in sorted(grants, key=lambda grant: emails[grant[1]])}


def _accounts(applied: Applied) -> dict[str, str]:
    """Every name that the mocks gave to an account → its id."""
    known = {}
    for account in applied.values("google_service_account"):
        for field in ("member", "name", "email"):
            known[account[field]] = account["account_id"]
    for agent in applied.values("google_project_service_identity"):
        known[agent["member"]] = agent["service"].removesuffix(".googleapis.com").removeprefix("cloud") + "-agent"
    for agent in applied.values("google_storage_project_service_account"):
        known[agent["member"]] = STORAGE_AGENT
    return known


def text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"


if __name__ == "__main__":
    program = offline_terraform()
    if program is None:
        raise SystemExit("this needs `terraform` and `terraform-offline` on the PATH")
    APPLIED.write_text(text(for_the_local_cloud(apply(program))), encoding="utf-8")
    print(f"wrote {APPLIED.relative_to(ROOT)}")
