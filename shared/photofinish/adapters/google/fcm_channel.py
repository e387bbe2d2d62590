"""Notifications by Firebase Cloud Messaging, HTTP v1.

Sources: firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send (request, scope),
…/v1/ErrorCode and firebase.google.com/docs/cloud-messaging/error-codes (which errors mean that a token is not valid any
more, and that a payload has at most 4,096 bytes).
"""

from __future__ import annotations

import logging
from typing import Any

import google.auth
import requests
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.auth.transport.requests import AuthorizedSession

from photofinish.domain.subscription import Outcome
from photofinish.errors import Misconfigured
from photofinish.logs import fields
from photofinish.ports import Notification

log = logging.getLogger(__name__)
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
TIMEOUT_S = 10.0
MAX_NAMED_PHOTOS = 20
"""Of which the ids are in the message: all of it has at most 4,096 bytes."""
_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
_NOT_A_TOKEN = "The registration token is not a valid FCM registration token"  # noqa: S105 - a message of FCM


def default_fcm_credentials() -> Credentials:
    """Return the environment's credentials; raises Misconfigured without any."""
    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except DefaultCredentialsError:
        raise Misconfigured(
            "No Google credentials were found to send push messages with: run as a service account, or set "
            "GOOGLE_APPLICATION_CREDENTIALS to the key file of one."
        ) from None
    return credentials


class FcmChannel:
    """:class:`photofinish.ports.NotificationChannel`; threads may share it."""

    def __init__(self, credentials: Credentials, project: str, *, url: str, timeout_s: float = TIMEOUT_S) -> None:
        """`url`: of the service, without a path."""
        self._credentials = credentials
        self._send_url = f"{url}/v1/projects/{project}/messages:send"
        self._timeout_s = timeout_s

    def send(self, address: str, message: Notification) -> Outcome:
        # A session for each message: sessions are not for several threads, and the token is kept by the credentials.
        with AuthorizedSession(self._credentials) as session:  # type: ignore[no-untyped-call]
            try:
                answer = session.post(
                    self._send_url,
                    json={"message": fcm_message(address, message)},
                    timeout=self._timeout_s,
                    max_allowed_time=2 * self._timeout_s,  # type: ignore[call-arg]
                )
            except (requests.RequestException, GoogleAuthError) as error:
                log.warning("a push message was not sent", extra=fields(error=type(error).__name__))
                return Outcome.FAILED
        outcome, code = outcome_of(answer.status_code, _json(answer))
        if outcome is not Outcome.DELIVERED:
            log.warning("a push message was refused", extra=fields(status=answer.status_code, code=code))
        return outcome


def fcm_message(token: str, message: Notification) -> dict[str, Any]:
    """Return a `Message` of the API; all values of `data` are texts."""
    made: dict[str, Any] = {
        "token": token,
        "notification": {"title": message.subject, "body": message.text},
        "data": {
            "message_id": message.message_id,
            "album": message.album,
            "subscription_id": message.subscription_id,
            "photos": str(len(message.photo_ids)),
            "photo_ids": ",".join(message.photo_ids[:MAX_NAMED_PHOTOS]),
            "link": message.link,
            "end_link": message.end_link,
        },
    }
    if message.link.startswith("https://"):  # the API takes no other
        made["webpush"] = {"fcm_options": {"link": message.link}}
    return made


def outcome_of(status: int, answer: Any) -> tuple[Outcome, str | None]:
    """Return what an answer of the API means, and its error code."""
    if status == requests.codes.ok:
        return Outcome.DELIVERED, None
    error = answer.get("error", {}) if isinstance(answer, dict) else {}
    details = [one for one in error.get("details", ()) if isinstance(one, dict)]
    code = next((one.get("errorCode") for one in details if one.get("@type") == _FCM_ERROR), error.get("status"))
    wrong = {
        violation.get("field")
        for one in details
        if one.get("@type") == _BAD_REQUEST
        for violation in one.get("fieldViolations", ())
    }
    is_bad_token = code == "INVALID_ARGUMENT" and (
        "message.token" in wrong or str(error.get("message", "")).startswith(_NOT_A_TOKEN)
    )
    if code in {"UNREGISTERED", "SENDER_ID_MISMATCH"} or is_bad_token:
        return Outcome.GONE, code
    return Outcome.FAILED, code


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
