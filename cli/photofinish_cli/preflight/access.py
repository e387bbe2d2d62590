"""Access: what the caller may do, and the roles of the deployer and of Google's service agents."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from photofinish_cli.preflight.checking import Check
from photofinish_cli.preflight.findings import Finding, missing, note, ready, unknown
from photofinish_cli.preflight.google_apis import CouldNotAsk, GoogleApis
from photofinish_cli.preflight.needs import DEPLOYER, Needs

_NAMED = 6  # permissions in a row; the others are counted


@dataclass(frozen=True, slots=True)
class ServiceAgent:
    """An account of Google's that acts for one of its services in the project, and the role that it acts by.

    Google grants the role when the API is enabled or first used; it is missing where it was removed from the
    project's policy: https://docs.cloud.google.com/iam/docs/service-agents.
    """

    api: str
    account: str
    role: str

    def member(self, project_number: str) -> str:
        """The agent in a project's policy."""
        return f"serviceAccount:service-{project_number}@{self.account}.iam.gserviceaccount.com"


SERVICE_AGENTS = (
    ServiceAgent("run.googleapis.com", "serverless-robot-prod", "roles/run.serviceAgent"),
    ServiceAgent("cloudbuild.googleapis.com", "gcp-sa-cloudbuild", "roles/cloudbuild.serviceAgent"),
    ServiceAgent("compute.googleapis.com", "compute-system", "roles/compute.serviceAgent"),
    ServiceAgent("pubsub.googleapis.com", "gcp-sa-pubsub", "roles/pubsub.serviceAgent"),
    ServiceAgent("cloudscheduler.googleapis.com", "gcp-sa-cloudscheduler", "roles/cloudscheduler.serviceAgent"),
    ServiceAgent("eventarc.googleapis.com", "gcp-sa-eventarc", "roles/eventarc.serviceAgent"),
)


@functools.cache
def _permissions() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__ or "").joinpath("permissions.toml").read_text(encoding="utf-8"))


def needed_permissions(resource_types: Iterable[str]) -> tuple[str, ...]:
    """The permissions on the project that creating resources of these types needs.

    Raises:
        KeyError: permissions.toml does not know a type.
    """
    table = _permissions()
    known = table["project"] | dict.fromkeys(table["elsewhere"])
    of_types = {known[type_] for type_ in resource_types} - {None}
    return tuple(sorted({*of_types, *table["also"]["permissions"]}))


def decide_caller(answer: Mapping[str, Any], asked: Iterable[str], needs: Needs) -> list[Finding]:
    """https://docs.cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions."""
    asked = list(asked)
    lacking = sorted(set(asked) - set(answer.get("permissions", [])))
    if not lacking:
        return [ready("your permissions", f"all {len(asked)} that creating the resources needs")]
    more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    return [
        missing(
            "your permissions",
            f"you lack {', '.join(lacking[:_NAMED])}{more}",
            f"gcloud projects add-iam-policy-binding {needs.project} --member=user:YOU --role=roles/owner",
        )
    ]


def decide_deployer(policy: Mapping[str, Any], needs: Needs) -> list[Finding]:
    """Whether the deployer has the project roles that Terraform gives it; before the first apply it does not exist."""
    member = f"serviceAccount:{DEPLOYER}@{needs.project}.iam.gserviceaccount.com"
    granted = _roles_of(policy, member)
    if not granted:
        return [note("roles of the deployer", f"{DEPLOYER} has none yet: terraform apply creates it with its roles")]
    lacking = sorted(set(needs.deployer_roles) - granted)
    if not lacking:
        return [ready("roles of the deployer", f"all {len(needs.deployer_roles)} of {DEPLOYER}")]
    return [
        missing(
            "roles of the deployer",
            f"{DEPLOYER} lacks {', '.join(lacking)}",
            "terraform apply, which grants them; or by hand:",
            *(_grant_command(needs.project, member, role) for role in lacking),
        )
    ]


def decide_service_agents(policy: Mapping[str, Any], project_number: str, needs: Needs) -> list[Finding]:
    """Whether Google's service agents have their roles.

    An agent without any role is created at the first use of its API; one with other roles has lost its own.
    """
    lost, unseen = [], []
    for agent in SERVICE_AGENTS:
        granted = _roles_of(policy, agent.member(project_number))
        if not granted:
            unseen.append(agent)
        elif agent.role not in granted:
            lost.append(agent)
    if lost:
        return [
            missing(
                "roles of service agents",
                f"lost: {', '.join(agent.role for agent in lost)}",
                *(_grant_command(needs.project, agent.member(project_number), agent.role) for agent in lost),
            )
        ]
    if unseen:
        names = ", ".join(agent.api.removesuffix(".googleapis.com") for agent in unseen)
        return [note("roles of service agents", f"Google creates those of {names} when their APIs are first used")]
    return [ready("roles of service agents", f"all {len(SERVICE_AGENTS)}")]


def _roles_of(policy: Mapping[str, Any], member: str) -> set[str]:
    return {binding["role"] for binding in policy.get("bindings", []) if member in binding.get("members", [])}


def _grant_command(project: str, member: str, role: str) -> str:
    return f"gcloud projects add-iam-policy-binding {project} --member={member} --role={role}"


def _check_caller(google: GoogleApis, needs: Needs) -> list[Finding]:
    asked = needed_permissions(needs.resource_types)
    path = f"v3/projects/{needs.project}:testIamPermissions"
    return decide_caller(google.post("cloudresourcemanager", path, {"permissions": asked}), asked, needs)


def _policy(google: GoogleApis, needs: Needs) -> dict[str, Any]:
    """The project's policy, with conditional bindings.

    Needs resourcemanager.projects.getIamPolicy:
    https://docs.cloud.google.com/resource-manager/reference/rest/v3/projects/getIamPolicy
    """
    path = f"v3/projects/{needs.project}:getIamPolicy"
    return google.post("cloudresourcemanager", path, {"options": {"requestedPolicyVersion": 3}})


def _check_deployer(google: GoogleApis, needs: Needs) -> list[Finding]:
    return decide_deployer(_policy(google, needs), needs)


def _check_service_agents(google: GoogleApis, needs: Needs) -> list[Finding]:
    project = google.get("cloudresourcemanager", f"v3/projects/{needs.project}")
    if project is None:
        raise CouldNotAsk(f"{needs.project} does not exist")
    number = str(project.get("name", "")).removeprefix("projects/")
    if not number.isdigit():
        return [unknown("roles of service agents", "the answer does not say the project's number")]
    return decide_service_agents(_policy(google, needs), number, needs)


CHECKS = (
    Check("your permissions", _check_caller),
    Check("roles of the deployer", _check_deployer),
    Check("roles of service agents", _check_service_agents),
)
