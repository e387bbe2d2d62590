"""JSON 1.1 of AWS: which operation a request calls, and how answers and errors are written."""

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
"""Two pictures of 5 MiB in base64, and what is around them."""
NOT_JSON: Final = object()
_DRAIN_BYTES: Final = 64 * 2**10
_MAX_DRAINED_BYTES: Final = 32 * 2**20
_TARGET_PREFIX: Final = "RekognitionService."
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_RETRY_AFTER: Final = "x-amz-retry-after"
"""Milliseconds; what SDKs wait before they sign and send the request again."""
_NEXT_SECOND_MS: Final = 1000


def operation_of(request: Request) -> str:
    """The operation that the request calls.

    Raises:
        RekognitionError: UnknownOperationException.
    """
    name = request.headers.get("X-Amz-Target", "").removeprefix(_TARGET_PREFIX)
    if request.method != "POST" or request.path != "/" or name not in REQUESTS:
        raise unknown_operation(f"There is no operation {name[:60]!r} here: POST to /, with an X-Amz-Target")
    return name


def content_of(request: Request) -> Any:
    """The decoded JSON of a request whose body was bounded before; `NOT_JSON` where it is none.

    Raises:
        RequestEntityTooLarge: the body is larger than its bound.
    """
    body = request.get_data()
    try:
        return json.loads(body) if body else {}
    except (ValueError, RecursionError):
        return NOT_JSON


def too_large_answer(request: Request, request_id: str) -> Response:
    """Refuse a body of more than `MAX_BODY_BYTES`, which is read and thrown away, so that its sender hears why."""
    stream, left = request.environ["wsgi.input"], _MAX_DRAINED_BYTES
    if request.content_length or request.environ.get("wsgi.input_terminated"):
        while left > 0 and (read := stream.read(min(_DRAIN_BYTES, left))):
            left -= len(read)
    error = RekognitionError(
        "RequestEntityTooLargeException", f"The body has more than {MAX_BODY_BYTES // 2**20} MiB", 413
    )
    response = error_answer(error, request_id)
    # functions-framework would read the whole body again, into memory, before any answer that is not streamed.
    response.response = iter([response.get_data()])
    return response


def answer(body: Mapping[str, Any], request_id: str) -> Response:
    return _response(200, body, request_id)


def error_answer(error: RekognitionError, request_id: str, *, retry_after_ms: int | None = None) -> Response:
    response = _response(error.status, {"__type": error.code, "Message": error.message}, request_id)
    response.headers["x-amzn-ErrorType"] = error.code
    if retry_after_ms is not None:
        response.headers[_RETRY_AFTER] = str(retry_after_ms)
    return response


def refusal_of(refused: Refused, operation: str, collection: str | None) -> tuple[RekognitionError, int | None]:
    """What the gate's refusal is called here, and after how many milliseconds to try again."""
    match refused:
        case Unauthorized(problem=SignatureProblem.REPLAYED):
            # A signature's time has whole seconds, so two equal requests of one second have one signature. An SDK
            # signs anew before it tries again, and passes; a copied request does not.
            return throttled(), _NEXT_SECOND_MS + random.randrange(_NEXT_SECOND_MS)  # noqa: S311 - spreads retries
        case Unauthorized(problem=problem):
            return _of_signature(problem), None
        case RateLimited(retry_after_s=retry_after_s):
            return throttled(), max(_NEXT_SECOND_MS, round(retry_after_s * 1000))
        case NotVisible() if collection is not None and operation != "CreateCollection":
            return unknown_collection(collection), None
        case Forbidden() | NotVisible():
            return access_denied(operation), None
        case _:
            return internal(), None


def new_request_id() -> str:
    return str(uuid.uuid4())


def _of_signature(problem: SignatureProblem | None) -> RekognitionError:
    match problem:
        case SignatureProblem.MISSING | None:
            return RekognitionError("MissingAuthenticationTokenException", "Missing Authentication Token")
        case SignatureProblem.INCOMPLETE:
            return RekognitionError(
                "IncompleteSignatureException", "The Authorization header is no complete AWS Signature Version 4"
            )
        case SignatureProblem.UNKNOWN_KEY:
            return RekognitionError(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        case SignatureProblem.UNTIMELY:
            return RekognitionError(
                "InvalidSignatureException", "Signature expired: its time is more than 5 minutes from the server's"
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
