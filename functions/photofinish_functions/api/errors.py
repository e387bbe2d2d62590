"""What the API answers when it cannot do what was asked: ``{"error": {"code", "message", "request_id"}}``, always."""

from __future__ import annotations

import logging
from typing import Any, NoReturn, cast

from flask import Flask, Response, g, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from photofinish.errors import Conflict, NotFound, RejectedInput, Unavailable
from photofinish_functions.api.request_ids import request_id
from photofinish_functions.refused import Refused

log = logging.getLogger(__name__)
RETRY_AFTER_S = 5
_MAX_PROBLEMS = 5
_MAX_NAME_CHARS = 60


def answer_example(value: dict[str, Any]) -> ConfigDict:
    """The `model_config` of an answer that has an example in the OpenAPI document."""
    return cast(ConfigDict, {"openapi_extra": {"example": value}})


class ErrorDetail(BaseModel):
    code: str = Field(description="Stable, for programs.", json_schema_extra={"example": "unknown_album"})
    message: str = Field(description="For people: what happened and what to do.")
    request_id: str = Field(description="Name it when you report a problem.")


class ErrorAnswer(BaseModel):
    """Every answer with a status of 400 and above."""

    model_config = answer_example(
        {
            "error": {
                "code": "unknown_album",
                "message": "There is no album of this name, or no photo of it was analysed yet.",
                "request_id": "0af7651916cd43dd8448eb211c80319c",
            }
        }
    )

    error: ErrorDetail


def bad_request(message: str) -> Refused:
    return Refused(400, "bad_request", message)


def too_large(what: str, max_bytes: int) -> Refused:
    return Refused(413, "too_large", f"{what} is too large: at most {max_bytes // 2**20} MiB are taken.")


def refuse_invalid(error: ValidationError) -> NoReturn:
    """Raise what is wrong with a request, each field by name; values are not repeated: they may be private.

    400 for what the OpenAPI document tells to be wrong, 422 where only a validator of ours could tell.
    """
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    sentences = [f"{_field(problem['loc'])}: {problem['msg']}" for problem in problems[:_MAX_PROBLEMS]]
    if len(problems) > _MAX_PROBLEMS:
        sentences.append(f"and {len(problems) - _MAX_PROBLEMS} more problems")
    message = "; ".join(sentences) + "."
    if all(problem["type"] == "value_error" for problem in problems):
        raise Refused(422, "invalid_value", message)
    raise bad_request(message)


def answer_errors(app: Flask) -> None:
    """Make every error of `app` an answer of this form; what went wrong here is logged and not explained."""

    @app.errorhandler(Exception)
    def answer(error: Exception) -> Response:
        if isinstance(error, InternalServerError) and isinstance(error.original_exception, Exception):
            error = error.original_exception  # what failed after the view, such as the audit
        refusal = _refusal(error)
        if refusal.status == 500:
            log.error("the request failed", exc_info=error)
        elif isinstance(error, Unavailable):
            log.warning("unavailable: %s", error)
        return error_answer(refusal)


def error_answer(refusal: Refused) -> Response:
    """`refusal` as a response; the audit entry of the request names its code."""
    g.outcome = f"{refusal.status} {refusal.code}"
    answer = jsonify(error={"code": refusal.code, "message": refusal.message, "request_id": request_id()})
    answer.status_code = refusal.status
    answer.headers.extend(refusal.headers)
    return answer


def unavailable() -> Refused:
    message = "This cannot be done right now. Try again in some seconds."
    return Refused(503, "unavailable", message, {"Retry-After": str(RETRY_AFTER_S)})


def _refusal(error: Exception) -> Refused:
    match error:
        case Refused():
            return error
        case RejectedInput():
            return Refused(422, error.code, error.message)
        case Conflict():
            return Refused(409, error.code, error.message)
        case NotFound():
            return Refused(404, error.code, str(error))
        case Unavailable():
            return unavailable()
        case HTTPException():
            return _of_werkzeug(error)
        case _:
            return Refused(500, "internal", "Something went wrong here. It was recorded.")


def _of_werkzeug(error: HTTPException) -> Refused:
    match error.code:
        case 404:
            return Refused(404, "unknown_path", "There is nothing at this path; /v1/openapi.json tells what there is.")
        case 405:
            assert isinstance(error, MethodNotAllowed)
            allowed = ", ".join(sorted(error.valid_methods or ()))
            return Refused(405, "method_not_allowed", f"Use one of {allowed}.", {"Allow": allowed})
        case 413:
            limit = request.max_content_length or 0
            return too_large("The request's body, or one of its parts,", limit)
        case 415:
            return Refused(415, "unsupported_media_type", error.description or "Send JSON.")
        case _:
            return bad_request(error.description or "The request cannot be read.")


def _field(location: tuple[int | str, ...]) -> str:
    name = ".".join(str(part) for part in location) or "the body"
    return name if len(name) <= _MAX_NAME_CHARS else name[:_MAX_NAME_CHARS] + "…"
