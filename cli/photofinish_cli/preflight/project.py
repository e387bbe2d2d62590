"""The project: that it is there and paid for, and which APIs are enabled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from photofinish_cli.preflight.checking import Check
from photofinish_cli.preflight.findings import Finding, missing, note, ready, unknown
from photofinish_cli.preflight.google_apis import GoogleApis
from photofinish_cli.preflight.needs import Needs

OWN_APIS = ("cloudbilling.googleapis.com", "cloudquotas.googleapis.com", "orgpolicy.googleapis.com")
"""Those that only these checks call; the deployment works without them."""
# services.batchGet takes 30 names, and 20 services can be enabled at once:
# https://github.com/googleapis/googleapis/blob/master/google/api/serviceusage/v1/serviceusage.proto
_ASKED_AT_ONCE = 30
_ENABLED_AT_ONCE = 20


def decide_project(answer: Mapping[str, Any] | None, needs: Needs) -> list[Finding]:
    """https://docs.cloud.google.com/resource-manager/reference/rest/v3/projects/get."""
    if answer is None:
        return [missing("project", f"{needs.project} does not exist", f"gcloud projects create {needs.project}")]
    state = str(answer.get("state", "unknown"))
    if state != "ACTIVE":
        return [
            missing("project", f"{needs.project} is {state}, not ACTIVE", f"gcloud projects undelete {needs.project}")
        ]
    return [ready("project", f"{needs.project} is active ({answer.get('name')})")]


def decide_billing(answer: Mapping[str, Any] | None, needs: Needs) -> list[Finding]:
    """https://docs.cloud.google.com/billing/docs/reference/rest/v1/projects/getBillingInfo."""
    if answer and answer.get("billingEnabled"):
        return [ready("billing", f"paid by {answer.get('billingAccountName')}")]
    return [
        missing(
            "billing",
            "the project has no open billing account",
            "gcloud billing accounts list",
            f"gcloud billing projects link {needs.project} --billing-account=ACCOUNT",
        )
    ]


def decide_apis(answers: Iterable[Mapping[str, Any]], needs: Needs) -> list[Finding]:
    """https://docs.cloud.google.com/service-usage/docs/reference/rest/v1/services/batchGet."""
    states = {
        str(service.get("name", "")).rpartition("/")[2]: service.get("state")
        for answer in answers
        for service in answer.get("services", [])
    }
    disabled = [api for api in needs.apis if states.get(api) == "DISABLED"]
    unheard = [api for api in needs.apis if states.get(api) not in {"ENABLED", "DISABLED"}]
    own = [api for api in OWN_APIS if states.get(api) != "ENABLED"]
    found = []
    if disabled:
        names = ", ".join(api.removesuffix(".googleapis.com") for api in disabled)
        found.append(
            missing("APIs", f"{len(disabled)} of {len(needs.apis)} are not enabled: {names}", *_enable(disabled, needs))
        )
    if unheard:
        found.append(unknown("APIs", f"the answer does not say whether these are enabled: {', '.join(unheard)}"))
    if not found:
        found.append(ready("APIs", f"all {len(needs.apis)} are enabled"))
    if own:
        found.append(note("APIs of these checks", f"not enabled: {', '.join(own)}", *_enable(own, needs)))
    return found


def _enable(apis: list[str], needs: Needs) -> list[str]:
    return [
        f"gcloud services enable {' '.join(apis[start : start + _ENABLED_AT_ONCE])} --project={needs.project}"
        for start in range(0, len(apis), _ENABLED_AT_ONCE)
    ]


def _check_project(google: GoogleApis, needs: Needs) -> list[Finding]:
    return decide_project(google.get("cloudresourcemanager", f"v3/projects/{needs.project}"), needs)


def _check_billing(google: GoogleApis, needs: Needs) -> list[Finding]:
    return decide_billing(google.get("cloudbilling", f"v1/projects/{needs.project}/billingInfo"), needs)


def _check_apis(google: GoogleApis, needs: Needs) -> list[Finding]:
    wanted = [*needs.apis, *OWN_APIS]
    parent = f"projects/{needs.project}"
    answers = [
        google.get(
            "serviceusage",
            f"v1/{parent}/services:batchGet",
            {"names": [f"{parent}/services/{api}" for api in wanted[start : start + _ASKED_AT_ONCE]]},
        )
        or {}
        for start in range(0, len(wanted), _ASKED_AT_ONCE)
    ]
    return decide_apis(answers, needs)


CHECKS = (Check("project", _check_project), Check("billing", _check_billing), Check("APIs", _check_apis))
