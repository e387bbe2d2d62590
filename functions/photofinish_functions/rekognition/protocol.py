"""AWS's JSON 1.1 protocol: the operation that a request calls, and the form of answers and errors."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Mapping
from typing import Any, Final

from flask import Request, Response

from photofinish_functions.access.refusals import (
    Forbidden,
    NotVisible,
    RateLimited,
    SignatureProblem,
    Unauthorized,
)
from photofinish_functions.refused import Refused
from photofinish_functions.rekognition.errors import (
    RekognitionError,
    access_denied,
    internal,
    throttled,
    unknown_collection,
    unknown_operation,
)
from photofinish_functions.rekognition.requests import REQUESTS

CONTENT_TYPE: Final = "application/x-amz-json-1.1"
MAX_BODY_BYTES: Final = 15 * 2**20
"""Two pictures of 5 MiB in base64, and the JSON around them."""
NOT_JSON: Final = object()
_TARGET_PREFIX: Final = "RekognitionService."
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_RETRY_AFTER: Final = "x-amz-retry-after"
"""Milliseconds that SDKs wait before they sign and send the request again."""
_NEXT_SECOND_MS: Final = 1000


def operation_of(request: Request) -> str:
    """Return the operation that the request calls.

    Raises:
        RekognitionError: UnknownOperationException.
    """
    name = request.headers.get("X-Amz-Target", "").removeprefix(_TARGET_PREFIX)
    if request.method != "POST" or request.path != "/" or name not in REQUESTS:
        raise unknown_operation(f"Unknown operation {name[:60]!r}: POST to / with the header X-Amz-Target")
    return name


def content_of(request: Request) -> Any:
    """Return the decoded JSON of a request whose `max_content_length` is set; `NOT_JSON` where it is not JSON.

    Raises:
        RequestEntityTooLarge: the body is larger than its bound.
        RequestTimeout: the body was not complete in time.
        BadRequest: its chunks are not well-formed, or its sender is gone.
    """
    body = request.get_data()
    try:
        return json.loads(body) if body else {}
    except (ValueError, RecursionError):
        return NOT_JSON


def streamed(response: Response) -> Response:
    """Return `response` as a stream: functions-framework reads the whole body into memory before any other answer."""
    response.response = iter([response.get_data()])
    return response


def answer(body: Mapping[str, Any], request_id: str) -> Response:
    return _response(200, body, request_id)


def error_answer(error: RekognitionError, request_id: str) -> Response:
    response = _response(error.status, {"__type": error.code, "Message": error.message}, request_id)
    response.headers["x-amzn-ErrorType"] = error.code
    if error.retry_after_ms is not None:
        response.headers[_RETRY_AFTER] = str(error.retry_after_ms)
    return response


def error_of(refused: Refused, operation: str, collection: str | None) -> RekognitionError:
    """Return the protocol's error for a refusal of the gate."""
    match refused:
        case Unauthorized(problem=SignatureProblem.REPLAYED):
            # A signature's time has whole seconds, so two equal requests of one second have the same signature. An
            # SDK signs again before it retries, and is admitted; a copied request is not.
            return throttled(_NEXT_SECOND_MS + random.randrange(_NEXT_SECOND_MS))  # noqa: S311 - spreads retries
        case Unauthorized(problem=problem):
            return _of_signature(problem)
        case RateLimited(retry_after_s=retry_after_s):
            return throttled(max(_NEXT_SECOND_MS, round(retry_after_s * 1000)))
        case NotVisible() if collection is not None and operation != "CreateCollection":
            return unknown_collection(collection)
        case Forbidden() | NotVisible():
            return access_denied(operation)
        case _:
            return internal()


def new_request_id() -> str:
    return str(uuid.uuid4())


def _of_signature(problem: SignatureProblem | None) -> RekognitionError:
    match problem:
        case SignatureProblem.MISSING | None:
            return RekognitionError("MissingAuthenticationTokenException", "Missing Authentication Token")
        case SignatureProblem.INCOMPLETE:
            return RekognitionError(
                "IncompleteSignatureException", "The Authorization header is not a complete AWS Signature Version 4"
            )
        case SignatureProblem.UNKNOWN_KEY:
            return RekognitionError(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        case SignatureProblem.UNTIMELY:
            return RekognitionError(
                "InvalidSignatureException",
                "Signature expired: its time differs from the server's by more than 5 minutes",
            )
        case _:
            return RekognitionError(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                "Access Key and signing method.",
            )


def _response(status: int, body: Mapping[str, Any], request_id: str) -> Response:
    content = json.dumps(body, allow_nan=False, separators=(",", ":"))
    response = Response(content, status, _HEADERS, content_type=CONTENT_TYPE)
    response.headers["x-amzn-RequestId"] = request_id
    return response
