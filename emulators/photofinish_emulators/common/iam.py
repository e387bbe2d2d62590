"""Who may do what: a service account's permissions on resources, and the refusal of a call that lacks one.

A server knows its caller by the port of the call: each account has a port of its own at each server, and the processes
that run as it find that port in their environment. The official clients need no credentials for that, and send none to
a local server. Calls on the server's main port are those of the project's owner, who may do everything.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2

from photofinish_emulators.common.rpc_errors import Refused

log = logging.getLogger(__name__)
PROJECT = "project"
Grants = Mapping[str, Mapping[str, Iterable[str]]]
"""Account → resource, such as `topic/photo-work` or `project` → permissions there."""


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that a call needs on a resource."""

    permission: str
    on: str
    """The resource as in `Grants`. A permission on the project is one on everything in it, and one on
    `bucket/NAME/objects/PREFIX` on the objects whose names begin with the prefix."""
    resource: str
    """Its full name, as errors have it."""


@dataclass(frozen=True, slots=True)
class Policy:
    project: str
    grants: Grants

    @classmethod
    def read(cls, file: Path) -> Policy:
        """The inverse of :meth:`write`."""
        data = json.loads(file.read_text(encoding="utf-8"))
        return cls(data["project"], data["grants"])

    def write(self, file: Path) -> None:
        grants = {
            account: {on: sorted(permissions) for on, permissions in resources.items()}
            for account, resources in self.grants.items()
        }
        file.write_text(json.dumps({"project": self.project, "grants": grants}, indent=2), encoding="utf-8")

    def email(self, account: str) -> str:
        return f"{account}@{self.project}.iam.gserviceaccount.com"

    def allows(self, account: str, permission: str, on: str, resource: str = "") -> bool:
        """Whether the account has a permission on a resource, given as in `Grants` and by its full name."""
        granted = self.grants.get(account, {})
        object_ = f"{on}/objects/{resource.partition('/objects/')[2]}"
        return any(
            permission in permissions
            for held, permissions in granted.items()
            if held in (on, PROJECT) or ("/objects/" in held and object_.startswith(held))
        )

    def first_missing(self, account: str, needs: Iterable[Need]) -> Need | None:
        """The first of `needs` that `account` lacks, which is also logged; None if it has all."""
        for need in needs:
            if not self.allows(account, need.permission, need.on, need.resource):
                log.warning(
                    "permission denied: %s lacks %s on %s",
                    self.email(account),
                    need.permission,
                    need.resource,
                    extra={"fields": {"permission": need.permission, "resource": need.resource}},
                )
                return need
        return None


def permission_denied(message: str, need: Need, email: str) -> Refused:
    """The refusal of a call that lacks `need`, with the details that Google's APIs send.

    Reason, domain and metadata of `ErrorInfo`: https://cloud.google.com/apis/design/errors#error_info. The account,
    which the real ones leave out, says who needs another role.
    """
    info: Any = error_details_pb2.ErrorInfo(
        reason="IAM_PERMISSION_DENIED",
        domain="iam.googleapis.com",
        metadata={"permission": need.permission, "resource": need.resource, "account": email},
    )
    return Refused(grpc.StatusCode.PERMISSION_DENIED, message, info)
