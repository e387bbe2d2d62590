"""Error answers of the API; all have the form ``{"error": {"code", "message", "request_id"}}``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NoReturn

from flask import Flask, Response, g, jsonify, request
from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from photofinish.errors import Conflict, InvalidQuery, NotFound, RejectedInput, Unavailable
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.described import Described
from photofinish_functions.api.patterns import SENTENCES
from photofinish_functions.api.request_ids import request_id
from photofinish_functions.refused import Refused

log = logging.getLogger(__name__)
RETRY_AFTER_S = 5
_MAX_PROBLEMS = 5
_MAX_NAME_CHARS = 60


class ErrorDetail(Described):
    code: str = Field(description="For programs; does not change.", json_schema_extra={"example": "unknown_album"})
    message: str = Field(description="For people: what is wrong and what to do.")
    request_id: str = Field(description="Include it when you report a problem.")


class ErrorAnswer(Described):
    """The body of every answer with a status of 400 or above."""

    error: ErrorDetail


def bad_request(message: str) -> Refused:
    return Refused(400, "bad_request", message)


def too_large(what: str, max_bytes: int) -> Refused:
    return Refused(413, "too_large", f"{what} is too large: at most {max_bytes // 2**20} MiB are accepted.")


def refuse_invalid(error: ValidationError) -> NoReturn:
    """Refuse a request, with what is wrong with each field; values are not repeated, because they may be private.

    Raises:
        Refused: 400 if the OpenAPI document rules the request out, 422 if only our own validators do.
    """
    problems = error.errors(include_input=False, include_url=False)
    sentences = [f"{_field(problem['loc'])}: {_sentence(problem)}" for problem in problems[:_MAX_PROBLEMS]]
    if len(problems) > _MAX_PROBLEMS:
        sentences.append(f"and {len(problems) - _MAX_PROBLEMS} more problems")
    message = "; ".join(sentences) + "."
    if all(problem["type"] == "value_error" for problem in problems):
        raise Refused(422, "invalid_value", message)
    raise bad_request(message)


def answer_errors(app: Flask, *, has_album: Callable[[str], bool]) -> None:
    """Answer every exception in `app` in this form; an unexpected one is logged, and its answer has no details.

    What is not found in an album for which `has_album` is false is answered with `unknown_album`.
    """

    @app.errorhandler(Exception)
    def answer(error: Exception) -> Response:
        if isinstance(error, InternalServerError) and isinstance(error.original_exception, Exception):
            error = error.original_exception  # raised after the view, for example by the audit
        refusal = refusal_of(error)
        if refusal.status == 404 and _is_of_unknown_album(has_album):
            refusal = NotVisible()
        if refusal.status == 500:
            log.error("the request failed", exc_info=error)
        elif isinstance(error, Unavailable):
            log.warning("unavailable: %s", error)
        return error_answer(refusal)


def _is_of_unknown_album(has_album: Callable[[str], bool]) -> bool:
    album = (request.view_args or {}).get("album")
    try:
        return album is not None and not isinstance(g.get("refusal"), NotVisible) and not has_album(album)
    except Unavailable:  # then what was not found is still a correct answer
        return False


def error_answer(refusal: Refused) -> Response:
    """Make a response of `refusal`, and note its code for the audit entry of the request."""
    g.outcome = f"{refusal.status} {refusal.code}"
    answer = jsonify(error={"code": refusal.code, "message": refusal.message, "request_id": request_id()})
    answer.status_code = refusal.status
    answer.headers.extend(refusal.headers)
    return answer


def unavailable() -> Refused:
    message = "The service is temporarily unavailable. Try again in a few seconds."
    return Refused(503, "unavailable", message, {"Retry-After": str(RETRY_AFTER_S)})


def refusal_of(error: Exception) -> Refused:
    """Return the answer to a request that raised `error`."""
    match error:
        case Refused():
            return error
        case InvalidQuery():
            return Refused(422, "invalid_query", str(error))
        case RejectedInput():
            return Refused(422, error.code, error.message)
        case Conflict():
            return Refused(409, error.code, error.message)
        case NotFound():
            return Refused(404, error.code, str(error))
        case Unavailable():
            return unavailable()
        case HTTPException(code=int(status)) if status < 500:
            return _of_werkzeug(error)
        case _:
            return Refused(500, "internal", "An unexpected error occurred. It was logged under this request id.")


def _of_werkzeug(error: HTTPException) -> Refused:
    match error.code:
        case 404:
            return Refused(404, "unknown_path", "There is nothing at this path. See /v1/openapi.json for all paths.")
        case 405:
            assert isinstance(error, MethodNotAllowed)
            allowed = ", ".join(sorted(error.valid_methods or ()))
            return Refused(405, "method_not_allowed", f"Use one of {allowed}.", {"Allow": allowed})
        case 408:
            return Refused(408, "body_too_slow", error.description or "The body was not complete in time.")
        case 413:
            limit = request.max_content_length or 0
            return too_large("The body of the request, or one of its parts,", limit)
        case 415:
            return Refused(415, "unsupported_media_type", error.description or "Send JSON.")
        case _:
            return bad_request(error.description or "The request cannot be read.")


def _sentence(problem: ErrorDetails) -> str:
    """What is wrong; a pattern means nothing to most people, so it has a sentence."""
    if problem["type"] == "string_pattern_mismatch":
        return SENTENCES[problem["ctx"]["pattern"]]
    return problem["msg"].removeprefix("Value error, ")


def _field(location: tuple[int | str, ...]) -> str:
    name = ".".join(str(part) for part in location) or "the body"
    return name if len(name) <= _MAX_NAME_CHARS else name[:_MAX_NAME_CHARS] + "…"
