"""Errors with the messages of the real service."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from google.rpc import error_details_pb2

from photofinish_emulators.common import rpc_errors
from photofinish_emulators.common.rpc_errors import Refused, invalid, unavailable


def not_found(resource: str) -> Refused:
    return rpc_errors.not_found(f"Resource not found (resource={resource.rsplit('/', 1)[-1]}).")


def already_exists(resource: str) -> Refused:
    return rpc_errors.already_exists(
        f"Resource already exists in the project (resource={resource.rsplit('/', 1)[-1]})."
    )


def invalid_ack_ids(reasons: Mapping[str, str]) -> Refused:
    """An exactly-once subscription rejects acknowledgements; ``reasons`` by acknowledgement id."""
    return invalid(
        "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have "
        "expired or the acknowledgement ids were malformed.",
        error_details_pb2.ErrorInfo(
            reason="EXACTLY_ONCE_ACKID_FAILURE", domain="pubsub.googleapis.com", metadata=reasons
        ),
    )


def disk_failed(error: sqlite3.Error) -> Refused:
    """The caller's write is not on disk; the server is about to stop."""
    return unavailable(f"The server cannot write to its state directory: {error}.")
