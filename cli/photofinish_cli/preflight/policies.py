"""Organisation policies: which of them refuse something that the deployment creates.

https://docs.cloud.google.com/organization-policy/reference/org-policy-constraints lists the constraints, and
https://github.com/googleapis/googleapis/blob/master/google/cloud/orgpolicy/v2/orgpolicy.proto the form of a policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from photofinish_cli.preflight.checking import Check
from photofinish_cli.preflight.findings import Finding, missing, note, ready
from photofinish_cli.preflight.google_apis import GoogleApis
from photofinish_cli.preflight.needs import Needs

Rules = Sequence[Mapping[str, Any]]
"""The rules of an effective policy: it has no conditions any more."""
_CONTINENTS = ("africa", "asia", "australia", "europe", "me", "northamerica", "southamerica", "us")


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint, and what it means here."""

    name: str
    objection: Callable[[Rules, Needs], str | None]
    """Why the deployment breaks the policy; None where it does not."""
    mend: tuple[str, ...] = ()
    """What to do about it, besides an exception for the project."""
    is_optional: bool = False
    """Whether it only forbids something that a deployment can do without."""


def is_enforced(rules: Rules) -> bool:
    """Whether a boolean constraint is on."""
    return any(rule.get("enforce") for rule in rules)


def restrictions(rules: Rules) -> tuple[set[str] | None, set[str]]:
    """What a list constraint allows (None: everything) and denies. `denyAll` allows nothing."""
    allowed: set[str] | None = None
    denied: set[str] = set()
    for rule in rules:
        if rule.get("allowAll"):
            return None, set()
        if rule.get("denyAll"):
            allowed = set()
        values = rule.get("values", {})
        if values.get("allowedValues"):
            allowed = (allowed or set()) | set(values["allowedValues"])
        denied |= set(values.get("deniedValues", []))
    return allowed, denied


def _bare(values: Iterable[str]) -> set[str]:
    return {value.removeprefix("is:").removeprefix("in:") for value in values}


def _refuses_all_users(rules: Rules, needs: Needs) -> str | None:
    if needs.grants_all_users and restrictions(rules)[0] is not None:
        return f'members are restricted to some domains, and search.exposure = "{needs.exposure}" grants allUsers'
    return None


def _refuses_members(rules: Rules, needs: Needs) -> str | None:
    if needs.grants_all_users and is_enforced(rules):
        return f'members are restricted, and search.exposure = "{needs.exposure}" grants allUsers'
    return None


def _requires_invoker_check(rules: Rules, needs: Needs) -> str | None:
    if is_enforced(rules) and needs.exposure != "private" and not needs.grants_all_users:
        return "services must check their callers by IAM, and search.invoker_iam_disabled turns that off"
    return None


def _refuses_accounts(rules: Rules, needs: Needs) -> str | None:  # noqa: ARG001
    return "service accounts cannot be created, and every function has its own" if is_enforced(rules) else None


def _refuses_region(rules: Rules, needs: Needs) -> str | None:
    """Value groups: https://docs.cloud.google.com/organization-policy/restrict-locations#value_groups."""
    allowed, denied = restrictions(rules)
    continent = next((name for name in _CONTINENTS if needs.region.startswith(f"{name}-")), "")
    groups = {needs.region, f"{needs.region}-locations", f"{continent}-locations"}
    if continent == "europe":
        groups.add("eu-locations")  # all regions with L4s in Europe are in the European Union
    if _bare(denied) & groups:
        return f"{needs.region} is denied"
    if allowed is not None and not _bare(allowed) & groups:
        return f"only these places are allowed: {', '.join(sorted(allowed)) or 'none'}"
    return None


def _refuses_apis(rules: Rules, needs: Needs) -> str | None:
    allowed, denied = restrictions(rules)
    refused = [api for api in needs.apis if api in _bare(denied) or (allowed is not None and api not in _bare(allowed))]
    return f"these APIs may not be used: {', '.join(refused)}" if refused else None


def _wants_keys(rules: Rules, needs: Needs) -> str | None:
    _, denied = restrictions(rules)
    wanting = sorted(_bare(denied) & set(needs.apis))
    if wanting and not needs.kms_keys:
        return f"data of {', '.join(wanting)} must be encrypted with a key of your own, and kms_key is not set"
    return None


def _refuses_peering(rules: Rules, needs: Needs) -> str | None:  # noqa: ARG001
    allowed, _ = restrictions(rules)
    if allowed is None:
        return None
    only = ", ".join(sorted(allowed)) or "nothing"
    return f"VPC peering is restricted to {only}, and Cloud SQL's private address needs it"


def _refuses_ingress(rules: Rules, needs: Needs) -> str | None:
    """The ingress of functions that Pub/Sub calls is internal, that of the search functions depends on the exposure."""
    allowed, denied = restrictions(rules)
    search = "internal-and-cloud-load-balancing" if needs.exposure == "load_balancer" else "all"
    refused = [
        ingress
        for ingress in ("internal", search)
        if ingress in _bare(denied) or (allowed is not None and ingress not in _bare(allowed))
    ]
    return f"ingress {' and '.join(refused)} of Cloud Run is not allowed" if refused else None


def _refuses_keys(rules: Rules, needs: Needs) -> str | None:  # noqa: ARG001
    return "HMAC keys cannot be created" if is_enforced(rules) else None


def _refuses_hmac(rules: Rules, needs: Needs) -> str | None:  # noqa: ARG001
    _, denied = restrictions(rules)
    return "requests signed with HMAC keys are refused" if any("HMAC" in value for value in denied) else None


_NO_LINK_KEY = "leave search.link_key_secret unset: IAM signs the links"
_PRIVATE = 'let only named callers in: search = { exposure = "private" }'
CONSTRAINTS = (
    # https://docs.cloud.google.com/organization-policy/restrict-domains
    Constraint("iam.allowedPolicyMemberDomains", _refuses_all_users, (_PRIVATE,)),
    Constraint("iam.managed.allowedPolicyMembers", _refuses_members, (_PRIVATE,)),
    # https://docs.cloud.google.com/run/docs/authenticating/public
    Constraint("run.managed.requireInvokerIam", _requires_invoker_check, (_PRIVATE,)),
    Constraint("iam.disableServiceAccountCreation", _refuses_accounts),
    Constraint("gcp.resourceLocations", _refuses_region, ("use an allowed region",)),
    Constraint("gcp.restrictServiceUsage", _refuses_apis),
    # https://docs.cloud.google.com/kms/docs/cmek-org-policy
    Constraint("gcp.restrictNonCmekServices", _wants_keys, ('set kms_key = "projects/…/cryptoKeys/…"',)),
    Constraint("compute.restrictVpcPeering", _refuses_peering),
    # https://docs.cloud.google.com/run/docs/securing/ingress
    Constraint("run.allowedIngress", _refuses_ingress),
    # https://docs.cloud.google.com/storage/docs/org-policy-constraints
    Constraint("iam.disableServiceAccountKeyCreation", _refuses_keys, (_NO_LINK_KEY,), is_optional=True),
    Constraint("storage.restrictAuthTypes", _refuses_hmac, (_NO_LINK_KEY,), is_optional=True),
)


def decide(constraint: Constraint, policy: Mapping[str, Any] | None, needs: Needs) -> Finding:
    """Whether a constraint stands in the way; `policy` is the effective one, None where there is no such constraint."""
    name = f"policy {constraint.name}"
    rules = (policy or {}).get("spec", {}).get("rules", [])
    objection = constraint.objection(rules, needs)
    if objection is None:
        return ready(name, "allows the deployment")
    # https://docs.cloud.google.com/sdk/gcloud/reference/org-policies/describe
    look = f"gcloud org-policies describe {constraint.name} --effective --project={needs.project}"
    if constraint.is_optional:
        return note(name, objection, *constraint.mend)
    return missing(name, objection, *constraint.mend, f"or ask for an exception for the project: {look}")


def _check(google: GoogleApis, needs: Needs, *, constraint: Constraint) -> list[Finding]:
    # Needs orgpolicy.policy.get: https://docs.cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/projects.policies/getEffectivePolicy
    path = f"v2/projects/{needs.project}/policies/{constraint.name}:getEffectivePolicy"
    return [decide(constraint, google.get("orgpolicy", path), needs)]


CHECKS = tuple(Check(f"policy {constraint.name}", partial(_check, constraint=constraint)) for constraint in CONSTRAINTS)
