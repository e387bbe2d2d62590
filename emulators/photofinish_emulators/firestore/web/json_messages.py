"""Messages and errors as JSON, as REST and WebChannel carry them (proto3 JSON)."""

from __future__ import annotations

import json
from typing import Any

import grpc
from google.protobuf import json_format

from photofinish_emulators.common.rpc_errors import Refused, invalid
from photofinish_emulators.firestore.protos import Message
from photofinish_emulators.firestore.writes import set_verify

Json = Any
"""What ``json.loads`` returns."""
_HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
"""https://cloud.google.com/apis/design/errors; every other code is 500."""


def parse(text: bytes | str) -> Json:
    """
    Raises:
        Refused: this is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise invalid(f"Invalid JSON payload received. {error}") from None


def to_message(body: Json, message_class: Any) -> Message:
    """
    Raises:
        Refused: ``body`` is not such a message; unknown fields are refused too, as the cloud does.
    """
    if not isinstance(body, dict):
        raise invalid("Invalid JSON payload received. It must be an object.")
    body, verified = _take_verify(body)
    try:
        message = json_format.ParseDict(body, message_class())
        for number, name in verified.items():
            set_verify(message.writes[number], name)
    except json_format.ParseError as error:
        raise invalid(f"Invalid JSON payload received. {error}") from None
    except UnicodeEncodeError:
        raise invalid("Invalid JSON payload received. A string contains half of a surrogate pair.") from None
    return message


def _take_verify(body: dict[str, Json]) -> tuple[dict[str, Json], dict[int, str]]:
    """``body`` without the field ``verify`` of its writes, which is not in the published messages; its values."""
    writes = body.get("writes")
    if not isinstance(writes, list):
        return body, {}
    verified = {
        number: write["verify"]
        for number, write in enumerate(writes)
        if isinstance(write, dict) and isinstance(write.get("verify"), str)
    }
    kept = [
        {key: value for key, value in write.items() if key != "verify"} if number in verified else write
        for number, write in enumerate(writes)
    ]
    return {**body, "writes": kept}, verified


def from_message(message: Message) -> dict[str, Json]:
    return json_format.MessageToDict(message)


def http_status(refused: Refused) -> int:
    return _HTTP_STATUS.get(refused.code, 500)


def error_body(refused: Refused) -> dict[str, Json]:
    """The body of a response that reports this error, also as a message in a channel."""
    return {"error": {"code": http_status(refused), "message": refused.message, "status": refused.code.name}}


def dumps(body: Json) -> str:
    """ASCII only, so that the number of bytes is the number of UTF-16 units, in which WebChannel counts."""
    return json.dumps(body, separators=(",", ":"))
