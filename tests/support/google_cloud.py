"""Google Cloud's APIs as a project without surprises, or with some, would answer: a small local HTTP server.

The bodies have the documented form. Refusals: https://docs.cloud.google.com/apis/design/errors#http_mapping with the
reasons of https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto, and for Cloud Storage
https://docs.cloud.google.com/storage/docs/json_api/v1/status-codes. Answers: the references named beside each check.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, request

from support.http_server import served

PROJECT, NUMBER, REGION = "my-races-dev", "123456789", "europe-west1"
TOKEN = "ya29.a-token"
SERVICES = (
    "serviceusage", "cloudresourcemanager", "cloudbilling", "cloudquotas", "orgpolicy", "run", "firestore", "sqladmin",
    "storage",
)  # fmt: skip
_GCLOUD_NAMES = {"sqladmin": "sql"}
# What each method needs, as its reference says.
PERMISSIONS = {
    "serviceusage": "serviceusage.services.get",
    "cloudresourcemanager": "resourcemanager.projects.get",
    "cloudbilling": "resourcemanager.projects.get",
    "cloudquotas": "cloudquotas.quotas.get",
    "orgpolicy": "orgpolicy.policy.get",
    "run": "run.locations.list",
    "firestore": "datastore.databases.getMetadata",
    "sqladmin": "cloudsql.instances.list",
    "storage": "storage.buckets.get",
}


@dataclass
class GoogleCloud:
    """One project, as its APIs tell it. A new, empty project with everything enabled and granted by default."""

    enabled: set[str] = field(default_factory=set)
    """APIs; those of SERVICES must be in it to be called."""
    permissions: set[str] | None = None
    """What the caller may do; None: everything."""
    billing: str | None = "billingAccounts/012345-6789AB-CDEF01"
    state: str = "ACTIVE"
    bindings: list[dict[str, Any]] = field(default_factory=list)
    quotas: dict[str, dict[str, int]] = field(default_factory=dict)
    """Quota id → region → value."""
    policies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Constraint → rules of the effective policy."""
    databases: dict[str, dict[str, Any]] = field(default_factory=dict)
    instances: list[dict[str, Any]] = field(default_factory=list)
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    others_buckets: set[str] = field(default_factory=set)
    broken: dict[str, str] = field(default_factory=dict)
    """Service → how it is broken: `denied`, `disabled`, `rate`, `html`, `list`, `unauthenticated`."""
    login_expired: bool = False
    """Whether the caller gets no tokens any more."""
    called_for: set[str | None] = field(default_factory=set)
    """The projects that calls counted for (X-Goog-User-Project)."""


def _error(code: int, status: str, message: str, *details: dict[str, Any]) -> Response:
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        error["details"] = list(details)
    return Response(json.dumps({"error": error}), code, mimetype="application/json")


def _info(reason: str, domain: str, **metadata: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": domain,
        "metadata": metadata,
    }


def service_disabled(service: str) -> Response:
    api = f"{service}.googleapis.com"
    url = f"https://console.developers.google.com/apis/api/{api}/overview?project={NUMBER}"
    message = (
        f"{service} API has not been used in project {NUMBER} before or it is disabled. Enable it by visiting {url} "
        "then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems "
        "and retry."
    )
    return _error(
        403,
        "PERMISSION_DENIED",
        message,
        _info("SERVICE_DISABLED", "googleapis.com", service=api, consumer=f"projects/{NUMBER}", activationUrl=url),
        {"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": message},
    )


def permission_denied(service: str) -> Response:
    permission = PERMISSIONS[service]
    if service == "storage":
        message = (
            f"me@example.com does not have {permission} access to the Google Cloud Storage bucket. Permission "
            f"'{permission}' denied on resource (or it may not exist)."
        )
        old_form = {"message": message, "domain": "global", "reason": "forbidden"}
        return Response(json.dumps({"error": {"code": 403, "message": message, "errors": [old_form]}}), 403)
    return _error(
        403,
        "PERMISSION_DENIED",
        f"Permission '{permission}' denied on resource '//{service}.googleapis.com/projects/{PROJECT}' "
        "(or it may not exist).",
        _info("IAM_PERMISSION_DENIED", f"{service}.googleapis.com", permission=permission),
    )


def _broken(cloud: GoogleCloud, service: str) -> Response | None:
    match cloud.broken.get(service):
        case "denied":
            return permission_denied(service)
        case "disabled":
            return service_disabled(service)
        case "rate":
            metric = f"{service}.googleapis.com/default_requests"
            return _error(
                429,
                "RESOURCE_EXHAUSTED",
                f"Quota exceeded for quota metric '{metric}' and limit 'Requests per minute' of service "
                f"'{service}.googleapis.com' for consumer 'project_number:{NUMBER}'.",
                _info(
                    "RATE_LIMIT_EXCEEDED", "googleapis.com", service=f"{service}.googleapis.com", quota_metric=metric
                ),
            )
        case "unauthenticated":
            return _error(
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
                "valid authentication credential.",
            )
        case "html":
            return Response("<html><title>Error 502 (Server Error)!!1</title>", 502, mimetype="text/html")
        case "list":
            return jsonify([])
        case _:
            return None


@contextmanager
def google_cloud(cloud: GoogleCloud) -> Iterator[dict[str, str]]:
    """Serve the project's APIs; gives the environment variables by which gcloud and `photofinish` find them."""
    app = Flask(__name__)

    @app.post("/token")
    def token() -> Any:
        if cloud.login_expired:  # https://datatracker.ietf.org/doc/html/rfc6749#section-5.2
            return {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, 400
        return {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}

    @app.before_request
    def admitted() -> Response | None:
        service = request.path.split("/")[1]
        if service == "token":
            return None
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        cloud.called_for.add(request.headers.get("X-Goog-User-Project"))
        if (broken := _broken(cloud, service)) is not None:
            return broken
        if f"{service}.googleapis.com" not in cloud.enabled:
            return service_disabled(service)
        if cloud.permissions is not None and PERMISSIONS[service] not in cloud.permissions:
            return None if request.path.endswith(":testIamPermissions") else permission_denied(service)
        return None

    project = f"projects/{PROJECT}"

    @app.get(f"/serviceusage/v1/{project}/services:batchGet")
    def services() -> Any:
        names = request.args.getlist("names")
        assert 0 < len(names) <= 30
        states = {True: "ENABLED", False: "DISABLED"}
        return {
            "services": [
                {
                    "name": f"projects/{NUMBER}/services/{name.rpartition('/')[2]}",
                    "parent": f"projects/{NUMBER}",
                    "state": states[name.rpartition("/")[2] in cloud.enabled],
                }
                for name in names
            ]
        }

    @app.get(f"/cloudresourcemanager/v3/{project}")
    def the_project() -> Any:
        return {"name": f"projects/{NUMBER}", "projectId": PROJECT, "state": cloud.state, "displayName": "Races"}

    @app.post(f"/cloudresourcemanager/v3/{project}:testIamPermissions")
    def test_permissions() -> Any:
        asked = request.get_json()["permissions"]
        granted = [one for one in asked if cloud.permissions is None or one in cloud.permissions]
        return {"permissions": granted} if granted else {}

    @app.post(f"/cloudresourcemanager/v3/{project}:getIamPolicy")
    def policy() -> Any:
        assert request.get_json() == {"options": {"requestedPolicyVersion": 3}}
        return {"version": 1, "etag": "BwXhqDVTsMo=", "bindings": cloud.bindings}

    @app.get(f"/cloudbilling/v1/{project}/billingInfo")
    def billing() -> Any:
        named = {"billingAccountName": cloud.billing, "billingEnabled": True} if cloud.billing else {}
        return {"name": f"{project}/billingInfo", "projectId": PROJECT, **named}

    @app.get(f"/cloudquotas/v1/{project}/locations/global/services/run.googleapis.com/quotaInfos/<quota_id>")
    def quota(quota_id: str) -> Any:
        values = cloud.quotas[quota_id]
        return {
            "name": f"projects/{NUMBER}/locations/global/services/run.googleapis.com/quotaInfos/{quota_id}",
            "quotaId": quota_id,
            "service": "run.googleapis.com",
            "dimensions": ["region"],
            "dimensionsInfos": [
                {
                    "dimensions": {"region": region},
                    "details": {"value": str(value)} if value else {},  # 0 is left out of JSON
                    "applicableLocations": [region],
                }
                for region, value in values.items()
            ],
        }

    @app.get(f"/orgpolicy/v2/{project}/policies/<name>:getEffectivePolicy")
    def effective(name: str) -> Any:
        rules = cloud.policies.get(name, [])
        return {"name": f"projects/{NUMBER}/policies/{name}", "spec": {"rules": rules} if rules else {}}

    @app.get(f"/run/v1/{project}/locations")
    def locations() -> Any:
        places = ("europe-west1", "europe-west4", "us-central1")
        return {"locations": [{"name": f"{project}/locations/{place}", "locationId": place} for place in places]}

    @app.get(f"/firestore/v1/{project}/databases/<database>")
    def database(database: str) -> Any:
        found = cloud.databases.get(database)
        if found is None:
            return _error(404, "NOT_FOUND", f"Project '{PROJECT}' or database '{database}' does not exist.")
        return {"name": f"{project}/databases/{database}", **found}

    @app.get(f"/sqladmin/v1/{project}/instances")
    def instances() -> Any:
        return {"items": cloud.instances} if cloud.instances else {}

    @app.get("/storage/storage/v1/b/<name>")
    def bucket(name: str) -> Any:
        if name in cloud.others_buckets:
            return permission_denied("storage")
        if name not in cloud.buckets:
            message = "The specified bucket does not exist."
            old_form = {"message": message, "domain": "global", "reason": "notFound"}
            return {"error": {"code": 404, "message": message, "errors": [old_form]}}, 404
        return {"kind": "storage#bucket", "id": name, "name": name, "projectNumber": NUMBER, **cloud.buckets[name]}

    with served(app) as url:
        yield {
            f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{_GCLOUD_NAMES.get(service, service).upper()}": f"{url}/{service}/"
            for service in SERVICES
        } | {"TOKEN_URI": f"{url}/token"}
