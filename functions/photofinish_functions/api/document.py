"""Completes the OpenAPI document that flask-openapi3 makes of the routes: names, examples, errors, servers."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Request

from photofinish.domain.access import Reading, Scope
from photofinish_functions.api.error_codes import MESSAGES, bad_request_message, codes_of
from photofinish_functions.api.example_answers import ANSWERS
from photofinish_functions.api.example_bodies import BODIES
from photofinish_functions.api.example_values import REQUEST_ID
from photofinish_functions.api.idempotency import CODES as IDEMPOTENCY_CODES
from photofinish_functions.api.idempotency import HEADER as IDEMPOTENCY_HEADER
from photofinish_functions.api.idempotency import MAX_KEY_CHARS
from photofinish_functions.api.patterns import PRINTABLE_ASCII
from photofinish_functions.api.request_ids import HEADER as REQUEST_ID_HEADER
from photofinish_functions.api.schemas import Input

Json = dict[str, Any]
_ERROR = {"$ref": "#/components/schemas/ErrorAnswer"}
_REF = "#/components/schemas/"
_INTERNAL_SUFFIX = "Json"
"""Of models' class names that would be those of domain types without it; clients get the plain names."""
_TEXT: Json = {"type": "string"}
_REQUEST_ID_PARAMETER: Json = {
    "name": REQUEST_ID_HEADER,
    "in": "header",
    "description": "Your own id of the request: 8 to 64 letters, digits, `.`, `_` and `-`. Others are ignored.",
    "required": False,
    "schema": _TEXT,
    "example": REQUEST_ID,
}
_IDEMPOTENCY_PARAMETER: Json = {
    "name": IDEMPOTENCY_HEADER,
    "in": "header",
    "description": "Any text that names this request, such as a new UUID. For 24 hours a repetition with the same key "
    "and body gets the same answer, and changes nothing again.",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS, "pattern": PRINTABLE_ASCII},
    "example": "8f1d3c52-6a0e-4e0b-9c55-2f6f5b1f7a11",
}
_REQUEST_ID_IN_ANSWERS: Json = {
    "description": "The id of the request, in the logs and in the audit: the caller's, or a new one.",
    "schema": _TEXT,
    "example": REQUEST_ID,
}
_HEADERS: Mapping[int, Json] = {
    401: {"WWW-Authenticate": {"schema": _TEXT, "example": "Bearer"}},
    409: {
        "Retry-After": {
            "description": "In seconds, if the request is in progress.",
            "schema": {"type": "integer"},
            "example": 5,
        }
    },
    416: {"Content-Range": {"schema": _TEXT, "example": "bytes */4816312"}},
    429: {"Retry-After": {"description": "In seconds.", "schema": {"type": "integer"}, "example": 12}},
    503: {"Retry-After": {"description": "In seconds.", "schema": {"type": "integer"}, "example": 5}},
}


def complete_document(made: Json, app: Flask) -> Json:
    """Return the document `made` of `app` with what its readers and generated clients need; `made` is not changed."""
    document = copy.deepcopy(made)
    _add_key_constraints(document["components"]["schemas"])
    document = _renamed(document)
    views = _views(app)
    for path, method, operation in operations(document):
        view = views[method, path]
        codes = codes_of(path, operation, getattr(view, "error_codes", ()))
        # What every caller has.
        if view.guard.any_album and view.guard.scope is Scope.SEARCH and view.guard.reading is Reading.FIND_ME:
            codes.discard("forbidden")
        if operation.get("security") and method != "get":
            codes.add("cross_site")
        takes_key = method == "post" and view.guard.changes
        if takes_key:
            codes |= IDEMPOTENCY_CODES
        kept = {status: answer for status, answer in operation["responses"].items() if int(status) < 400}
        operation["responses"] = kept | _failures(codes, bad_request=bad_request_message(operation))
        operation_id = operation["operationId"]
        parameters = operation.setdefault("parameters", [])
        for name in ("RequestId", "IdempotencyKey") if takes_key else ("RequestId",):
            parameters.append({"$ref": f"#/components/parameters/{name}"})
        for answer in operation["responses"].values():
            answer["headers"] = answer.get("headers", {}) | {
                REQUEST_ID_HEADER: {"$ref": "#/components/headers/RequestId"}
            }
        for answer in kept.values():
            if "application/json" in answer.get("content", {}):
                answer["content"]["application/json"]["example"] = ANSWERS[operation_id]
        bodies = operation.get("requestBody", {}).get("content", {})
        for media_type, examples in BODIES.get(operation_id, {}).items():
            bodies[media_type]["examples"] = examples
    document["components"]["parameters"] = {
        "RequestId": _REQUEST_ID_PARAMETER,
        "IdempotencyKey": _IDEMPOTENCY_PARAMETER,
    }
    document["components"]["headers"] = {"RequestId": _REQUEST_ID_IN_ANSWERS}
    # No operation has these: they answer a path or a method that is not in the document.
    document["components"]["responses"] = {
        "UnknownPath": _failures({"unknown_path"})["404"],
        "MethodNotAllowed": _failures({"method_not_allowed"})["405"],
    }
    return document


def server_of(request: Request) -> str:
    """The address under which the caller of `request` reached the API, without ``/v1`` and slash."""
    url = request.root_url.rstrip("/")
    # TLS ends before Cloud Run. A caller who forges the header only gets another address in the answer.
    if request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip() == "https":
        url = re.sub(r"^http:", "https:", url)
    return url


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Path, method (``get``) and object of every operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _failures(codes: set[str], **said: str) -> Json:
    """The error responses with these codes, by status; `said` are messages to show instead of the usual ones."""
    failures = {}
    for status, messages in MESSAGES.items():
        examples = {
            code: {"value": {"error": {"code": code, "message": said.get(code, usual), "request_id": REQUEST_ID}}}
            for code, usual in messages.items()
            if code in codes
        }
        if examples:
            failures[str(status)] = {
                "description": HTTPStatus(status).phrase,
                "content": {"application/json": {"schema": _ERROR, "examples": examples}},
                "headers": dict(_HEADERS.get(status, {})),
            }
    return failures


def _renamed(document: Json) -> Json:
    """Give schemas the names that clients see, and remove the titles that pydantic makes of field names."""
    schemas = document["components"]["schemas"]
    names = {name: name.removesuffix(_INTERNAL_SUFFIX) for name in schemas}
    assert len(set(names.values())) == len(names), "two schemas would have one name"

    def renamed(value: Any, *, is_names: bool = False) -> Any:
        """`is_names`: the keys of `value` are names of fields, not keywords."""
        match value:
            case {"$ref": str(reference), **rest} if reference.startswith(_REF):
                return {"$ref": _REF + names[reference.removeprefix(_REF)], **renamed(rest)}
            case dict():
                return {
                    key: renamed(part, is_names=key == "properties" and not is_names)
                    for key, part in value.items()
                    if is_names or key not in {"title", "$defs"}
                }
            case list():
                return [renamed(part) for part in value]
            case _:
                return value

    return document | {
        "paths": renamed(document["paths"]),
        "components": document["components"]
        | {"schemas": {names[name]: _with_defaults_in_words(renamed(schema)) for name, schema in schemas.items()}},
    }


def _add_key_constraints(schemas: Json) -> None:
    """Add to mappings what flask-openapi3 leaves out of a schema: the constraints on their keys."""
    for model in Input.__subclasses__():
        properties = schemas.get(model.__name__, {}).get("properties", {})
        for name, field in model.model_json_schema().get("properties", {}).items():
            if "propertyNames" in field:
                properties[name]["propertyNames"] = dict(field["propertyNames"])
            # Pydantic's way to write that all keys have a pattern.
            for pattern, value in field.get("patternProperties", {}).items():
                properties[name].setdefault("propertyNames", {})["pattern"] = pattern
                properties[name]["additionalProperties"] = value


def _with_defaults_in_words(schema: Json) -> Json:
    """Say the defaults of fields in their descriptions: openapi-typescript requires each field that has a default."""
    properties = {}
    for name, field in schema.get("properties", {}).items():
        described = {keyword: value for keyword, value in field.items() if keyword != "default"}
        if field.get("default") is not None and name not in schema.get("required", ()):
            default = f"Default: `{json.dumps(field['default'], ensure_ascii=False)}`."
            described["description"] = f"{field.get('description', '')} {default}".strip()
        properties[name] = described
    return schema | ({"properties": properties} if properties else {})


def _views(app: Flask) -> dict[tuple[str, str], Any]:
    """The view of each method and path, as the document writes them."""
    return {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)): app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
