"""One request of the protocol, from its signature to its audit entry."""

from __future__ import annotations

import logging
from typing import Any

from flask import Request, Response
from werkzeug.exceptions import RequestEntityTooLarge

from photofinish.domain.access import Principal
from photofinish.domain.photo import is_album_name
from photofinish.errors import NotFound, Unavailable
from photofinish_functions.access.refusals import Denied
from photofinish_functions.refused import Refused
from photofinish_functions.rekognition import protocol
from photofinish_functions.rekognition.arns import collection_of
from photofinish_functions.rekognition.calls import Answer, Call
from photofinish_functions.rekognition.errors import (
    RekognitionError,
    internal,
    serialization,
    unavailable,
    unknown_collection,
)
from photofinish_functions.rekognition.operations import OPERATIONS
from photofinish_functions.rekognition.requests import COLLECTION_ID, REQUESTS
from photofinish_functions.rekognition.services import Services
from photofinish_functions.rekognition.shapes import compiled, read

log = logging.getLogger(__name__)


def serve(request: Request, services: Services) -> Response:
    """Answer a request. Never raises: an error of ours is logged and answered as InternalServerError.

    Nothing of a picture, and no vector, is logged or written to the audit.
    """
    request_id = protocol.new_request_id()
    retry_after_ms = None
    try:
        request.max_content_length = protocol.MAX_BODY_BYTES
        operation = protocol.operation_of(request)
        return _admitted(request, operation, services, request_id)
    except RequestEntityTooLarge:
        return protocol.too_large_answer(request, request_id)
    except _Refused as refused:
        error, retry_after_ms = refused.error, refused.retry_after_ms
    except RekognitionError as refusal:
        error = refusal
    except Unavailable as failure:
        log.warning("unavailable: %s", failure)
        error = unavailable()
    except Exception:
        log.exception("the request failed")
        error = internal()
    return protocol.error_answer(error, request_id, retry_after_ms=retry_after_ms)


class _Refused(Exception):
    def __init__(self, error: RekognitionError, retry_after_ms: int | None) -> None:
        super().__init__(error.message)
        self.error = error
        self.retry_after_ms = retry_after_ms


def _admitted(request: Request, operation: str, services: Services, request_id: str) -> Response:
    demands = OPERATIONS[operation]
    content = protocol.content_of(request)
    album = _album(operation, content)
    try:
        if album is None:
            # About no collection; or it names none that can be one, and is refused below.
            principal = services.gate.admit_signed_anywhere(request, demands.scope, cost=demands.cost)
        else:
            principal = services.gate.admit_signed(request, demands.scope, album, cost=demands.cost)
    except Refused as refused:
        error, retry_after_ms = protocol.refusal_of(refused, operation, album)
        if isinstance(refused, Denied):
            services.gate.record_refusal(
                refused,
                _action(operation),
                album=album,
                outcome=f"{error.status} {error.code}",
                request_id=request_id,
            )
        raise _Refused(error, retry_after_ms) from None
    outcome, result = "200", None
    try:
        result = _answer(operation, principal, content, services)
        response = protocol.answer(result.body, request_id)
    except RekognitionError as error:
        outcome = f"{error.status} {error.code}"
        response = protocol.error_answer(error, request_id)
    except Exception:
        _record(services, principal, operation, album, None, "500 InternalServerError", request_id)
        raise
    # Nothing is told that no audit entry tells of: where it cannot be written, the answer is an error.
    _record(services, principal, operation, album, result, outcome, request_id)
    return response


def _answer(operation: str, principal: Principal, content: Any, services: Services) -> Answer:
    if content is protocol.NOT_JSON:
        raise serialization("The body is not JSON")
    call = Call(operation, principal, read(content, REQUESTS[operation]))
    try:
        return OPERATIONS[operation].handle(services, call)
    except NotFound:
        # Another request deleted the collection meanwhile.
        raise unknown_collection(str(call.request.get("CollectionId", ""))) from None


def _record(
    services: Services,
    principal: Principal,
    operation: str,
    album: str | None,
    answer: Answer | None,
    outcome: str,
    request_id: str,
) -> None:
    services.gate.record(
        principal,
        _action(operation),
        album=album,
        target=answer.target if answer else None,
        outcome=outcome,
        request_id=request_id,
        count=answer.count if answer else None,
    )


def _action(operation: str) -> str:
    """What the audit calls it."""
    return f"rekognition.{operation}"


def _album(operation: str, content: Any) -> str | None:
    """The album that a request is about, before it is checked; None where it names none, or nothing like one.

    Only the member that the operation acts on counts: another one must not decide who may do it.
    """
    members = REQUESTS[operation].members
    member = next((name for name in ("CollectionId", "ResourceArn") if name in members), None)
    named = content.get(member) if isinstance(content, dict) and member else None
    if not isinstance(named, str):
        return None
    collection = collection_of(named) if member == "ResourceArn" else named
    if collection is None or not compiled(COLLECTION_ID.pattern or "").fullmatch(collection):
        return None
    return collection if is_album_name(collection) else None
