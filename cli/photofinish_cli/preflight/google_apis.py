"""Asks Google Cloud's APIs, as the person who runs the command; the only module of the checks with effects.

The APIs that photofinish uses by Google's client libraries anyway (Cloud Storage) are asked by those; the others have
one method or two each that matter here, which plain REST reaches without ten more packages. Refusals come in one form:
https://docs.cloud.google.com/apis/design/errors#http_mapping, with the reasons of
https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import google.auth
import requests
from google.api_core.exceptions import GoogleAPICallError
from google.auth import exceptions as auth_errors
from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession

from photofinish.errors import Misconfigured

if TYPE_CHECKING:
    from google.cloud.storage import Client as StorageClient

TIMEOUT_S = 15.0
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LOGIN = "gcloud auth application-default login"
# gcloud's names of services where they differ (`gcloud config set api_endpoint_overrides/NAME`).
_GCLOUD_NAMES = {"sqladmin": "sql"}


class CouldNotAsk(Exception):
    """An API refused or did not answer; the message says why, `mend` what to do about it."""

    def __init__(self, why: str, *mend: str) -> None:
        super().__init__(why)
        self.mend = mend


class GoogleApis:
    """Google Cloud's APIs, called as the caller, with the quota and the enabled APIs of the checked project."""

    def __init__(self, credentials: Credentials, project: str, environ: Mapping[str, str] = os.environ) -> None:
        self._credentials, self._project, self._environ = credentials, project, environ
        self._thread = threading.local()

    def get(self, service: str, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """The answer to a GET; None where there is no such thing.

        Raises:
            CouldNotAsk: it was refused, or the API did not answer.
        """
        return self._call("GET", service, path, params=params)

    def post(self, service: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a POST of a method that only reads.

        Raises:
            CouldNotAsk: it was refused, or the API did not answer.
        """
        answer = self._call("POST", service, path, json=body)
        if answer is None:
            raise CouldNotAsk(f"{service}.googleapis.com does not know {path}")
        return answer

    def bucket(self, name: str) -> dict[str, Any] | None:
        """A bucket's resource (https://docs.cloud.google.com/storage/docs/json_api/v1/buckets); None: the name is free.

        Raises:
            CouldNotAsk: it is another project's, or the caller may not read it, or the API did not answer.
        """
        try:
            found = self._storage().lookup_bucket(name, timeout=TIMEOUT_S, retry=None)
        except (GoogleAPICallError, auth_errors.GoogleAuthError, requests.RequestException) as error:
            raise self._could_not_ask("storage", error) from None
        return None if found is None else dict(found._properties)

    def _call(self, method: str, service: str, path: str, **request: Any) -> dict[str, Any] | None:
        try:
            answer = self._session().request(  # type: ignore[no-untyped-call]
                method, f"{self._base_url(service)}/{path}", timeout=TIMEOUT_S, max_allowed_time=TIMEOUT_S, **request
            )
            body = answer.json()
        except requests.JSONDecodeError:
            raise CouldNotAsk(f"{service}.googleapis.com answered {answer.status_code} without JSON") from None
        except (auth_errors.GoogleAuthError, requests.RequestException) as error:
            raise self._could_not_ask(service, error) from None
        if not isinstance(body, dict):
            raise CouldNotAsk(f"{service}.googleapis.com answered {answer.status_code} with something unexpected")
        if answer.ok:
            return body
        if answer.status_code == 404:
            return None
        raise refusal(service, answer.status_code, body, self._project)

    def _could_not_ask(self, service: str, error: Exception) -> CouldNotAsk:
        match error:
            case auth_errors.RefreshError() | auth_errors.ReauthFailError():
                return CouldNotAsk(f"the credentials were refused: {_first_line(error)}", _LOGIN)
            case GoogleAPICallError():
                info = {"reason": error.reason, "metadata": error.metadata} if error.reason else {}
                body = {"error": {"message": error.message, "details": [info]}}
                return refusal(service, int(error.code or 0), body, self._project)
            case requests.Timeout() | auth_errors.TransportError():
                return CouldNotAsk(f"{service}.googleapis.com did not answer within {TIMEOUT_S:.0f} s: try again")
            case _:
                return CouldNotAsk(
                    f"{service}.googleapis.com cannot be reached: {_first_line(error)}",
                    "check the network and HTTPS_PROXY of this machine",
                )

    def _session(self) -> AuthorizedSession:
        # requests does not promise that a session may be shared by threads.
        if not hasattr(self._thread, "session"):
            self._thread.session = AuthorizedSession(  # type: ignore[no-untyped-call]
                self._credentials, max_refresh_attempts=1
            )
        session: AuthorizedSession = self._thread.session
        return session

    def _storage(self) -> StorageClient:
        from google.cloud.storage import Client

        # The endpoint is named always, or the client would go to an emulator that the environment names.
        return Client(
            self._project, credentials=self._credentials, client_options={"api_endpoint": self._base_url("storage")}
        )

    def _base_url(self, service: str) -> str:
        """Where an API is; where gcloud is told to find it elsewhere (private endpoints), we look there, too.

        https://docs.cloud.google.com/sdk/docs/properties#setting_properties_via_environment_variables
        """
        variable = f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{_GCLOUD_NAMES.get(service, service).upper()}"
        return (self._environ.get(variable) or f"https://{service}.googleapis.com").rstrip("/")


def caller_credentials(project: str) -> Credentials:
    """The application default credentials; calls count for the quota of `project`, as Terraform's do.

    Raises:
        Misconfigured: there are none.
    """
    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE], quota_project_id=project)
    except auth_errors.DefaultCredentialsError:
        raise Misconfigured(f"no Google credentials were found: run `{_LOGIN}`") from None
    return credentials


def refusal(service: str, status: int, body: Mapping[str, Any], project: str) -> CouldNotAsk:
    """What a refusal means, and what to do about it."""
    reason, metadata = _reason(body)
    error = body.get("error")
    message = str(error.get("message", "")) if isinstance(error, Mapping) else ""
    api = metadata.get("service", f"{service}.googleapis.com")
    if reason == "SERVICE_DISABLED" or "has not been used in project" in message:
        return CouldNotAsk(f"{api} is not enabled", f"gcloud services enable {api} --project={project}")
    if reason == "BILLING_DISABLED":
        return CouldNotAsk(
            f"{api} needs billing",
            f"gcloud billing projects link {project} --billing-account=ACCOUNT",
        )
    if reason == "USER_PROJECT_DENIED":
        return CouldNotAsk(
            f"{project} does not exist, or you lack serviceusage.services.use on it",
            _grant(project, "roles/serviceusage.serviceUsageConsumer"),
        )
    if reason == "CONSUMER_INVALID":
        return CouldNotAsk(f"the project {project} does not exist", "gcloud projects list")
    if status == 429 or reason in {"RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED"}:
        return CouldNotAsk(f"{api} refused for a quota ({_shown(message)}): try again in a minute")
    if status == 401:
        return CouldNotAsk(f"{api} did not accept the credentials", _LOGIN)
    if status == 403:
        permission = metadata.get("permission")
        lacking = f"you lack the permission {permission}" if permission else _shown(message) or "permission denied"
        return CouldNotAsk(f"{api} refused: {lacking}")
    return CouldNotAsk(f"{api} answered {status}: {_shown(message) or 'no reason given'}")


def _grant(project: str, role: str) -> str:
    return f"gcloud projects add-iam-policy-binding {project} --member=user:YOU --role={role}"


def _reason(body: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
    """Reason and metadata of the ErrorInfo in an error's details."""
    error = body.get("error")
    details = error.get("details", []) if isinstance(error, Mapping) else []
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, Mapping) and "reason" in detail:
            metadata = detail.get("metadata", {})
            return str(detail["reason"]), dict(metadata) if isinstance(metadata, Mapping) else {}
    return None, {}


def _shown(message: str) -> str:
    """The first sentence or so of an API's message."""
    line = message.strip().splitlines()[0] if message.strip() else ""
    return line if len(line) <= 200 else line[:199] + "…"


def _first_line(error: Exception) -> str:
    return _shown(str(error.args[0]) if error.args else type(error).__name__)
