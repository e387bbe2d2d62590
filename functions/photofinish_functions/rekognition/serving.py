"""One request of the protocol, from its signature to its audit entry."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from flask import Request, Response
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from photofinish.application.webhooks.relaying import relay_soon
from photofinish.domain.access import Principal, Scope
from photofinish.domain.photo import is_album_name
from photofinish.errors import NotFound, Unavailable
from photofinish.wiring import App
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.permissions import including, permitted
from photofinish_functions.access.refusals import Denied, RateLimited, Unauthorized
from photofinish_functions.refused import Refused
from photofinish_functions.rekognition import protocol
from photofinish_functions.rekognition.arns import collection_of
from photofinish_functions.rekognition.calls import Answer, Call
from photofinish_functions.rekognition.errors import (
    RekognitionError,
    body_not_received,
    internal,
    serialization,
    unavailable,
    unknown_collection,
)
from photofinish_functions.rekognition.operations import OPERATIONS
from photofinish_functions.rekognition.requests import COLLECTION_ID, REQUESTS
from photofinish_functions.rekognition.shapes import compiled, read
from photofinish_functions.request_bodies import DISCARD_WITHIN_S, RequestBody

log = logging.getLogger(__name__)


def serve(request: Request, cloud: App, gate: Callable[[], Gate]) -> Response:
    """Answer a request. Never raises: an unexpected error is logged and answered as InternalServerError.

    Neither the log nor the audit contains anything of a picture, or a vector.
    """
    request_id = protocol.new_request_id()
    request.max_content_length = protocol.MAX_BODY_BYTES
    body = RequestBody(request.environ, request.content_length)
    try:
        operation = protocol.operation_of(request)
        response = _admit_and_answer(request, operation, cloud, gate(), request_id)
    except HTTPException as problem:
        if isinstance(problem, RequestEntityTooLarge):
            body.discard(DISCARD_WITHIN_S)
        response = protocol.error_answer(body_not_received(problem), request_id)
    except RekognitionError as refusal:
        response = protocol.error_answer(refusal, request_id)
    except Unavailable as failure:
        log.warning("unavailable: %s", failure)
        response = protocol.error_answer(unavailable(), request_id)
    except Exception:
        log.exception("the request failed")
        response = protocol.error_answer(internal(), request_id)
    body.close()
    return protocol.streamed(response)


def _admit_and_answer(request: Request, operation: str, cloud: App, gate: Gate, request_id: str) -> Response:
    principal = _authenticated(request, operation, gate, request_id)
    content = protocol.content_of(request)
    album = _album(operation, content)
    _require_permission(request, principal, operation, album, gate, request_id)

    def record(outcome: str, answer: Answer | None = None) -> None:
        gate.record(
            principal,
            _action(operation),
            album=album,
            target=answer.target if answer else None,
            outcome=outcome,
            request_id=request_id,
            count=answer.count if answer else None,
            network=gate.network_of(request),
        )

    answer = None
    try:
        answer = _answer(operation, principal, album, content, cloud, gate, request_id)
        response, outcome = protocol.answer(answer.body, request_id), "200"
    except RekognitionError as error:
        response, outcome = protocol.error_answer(error, request_id), _outcome(error)
    except Exception:
        record("500 InternalServerError")
        raise
    if outcome == "200" and OPERATIONS[operation].scope is not Scope.SEARCH:
        relay_soon(cloud.webhook_messages)
    # No answer without an audit entry: where it cannot be written, the answer is an error.
    record(outcome, answer)
    return response


def _authenticated(request: Request, operation: str, gate: Gate, request_id: str) -> Principal:
    """Return the principal that signed the request; nothing of its body was parsed yet.

    Raises:
        RekognitionError: it is not authenticated, or makes too many requests.
    """
    with _refusing(request, operation, None, gate, request_id):
        return gate.admit_signed(request, cost=OPERATIONS[operation].cost)


def _require_permission(
    request: Request, principal: Principal, operation: str, album: str | None, gate: Gate, request_id: str
) -> None:
    """Raise RekognitionError if the principal may not make this request.

    For None the operation is not about a collection, or the request does not name a valid one and is refused later.
    """
    scope = OPERATIONS[operation].scope
    with _refusing(request, operation, album, gate, request_id):
        if album is None:
            including(principal, scope)
        else:
            permitted(principal, scope, album)


@contextlib.contextmanager
def _refusing(request: Request, operation: str, album: str | None, gate: Gate, request_id: str) -> Iterator[None]:
    """Turn a refusal into the protocol's error, and audit it."""
    try:
        yield
    except Refused as refused:
        error = protocol.error_of(refused, operation, album)
        network = gate.network_of(request)
        if isinstance(refused, Unauthorized):
            gate.record_failure(request_id=request_id, network=network)
        elif isinstance(refused, Denied):
            gate.record_refusal(
                refused,
                _action(operation),
                album=album,
                outcome=_outcome(error),
                request_id=request_id,
                network=network,
            )
        raise error from None


def _answer(
    operation: str, principal: Principal, album: str | None, content: Any, cloud: App, gate: Gate, request_id: str
) -> Answer:
    if content is protocol.NOT_JSON:
        raise serialization("The body is not JSON")
    call = Call(operation, principal, read(content, REQUESTS[operation]), request_id, gate.probing)
    try:
        return OPERATIONS[operation].handle(cloud, call)
    except RateLimited as limited:  # by a budget that only some requests use
        raise protocol.error_of(limited, operation, album) from None
    except NotFound:
        # Another request deleted the collection in the meantime.
        raise unknown_collection(str(call.request.get("CollectionId", ""))) from None


def _action(operation: str) -> str:
    """Return the audit's name for the operation."""
    return f"rekognition.{operation}"


def _outcome(error: RekognitionError) -> str:
    return f"{error.status} {error.code}"


def _album(operation: str, content: Any) -> str | None:
    """Return the album that an unchecked request is about; None where it does not name a valid one.

    Only the member that the operation acts on counts, so that no other member decides who may make the request.
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
