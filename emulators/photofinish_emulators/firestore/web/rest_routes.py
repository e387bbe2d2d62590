"""Which RPC a REST request means, and its message as JSON: the bindings that ``firestore.proto`` declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from photofinish_emulators.common.rpc_errors import invalid, not_found
from photofinish_emulators.firestore.web.json_messages import Json

_DATABASE_ACTIONS = {
    "batchGet": "BatchGetDocuments",
    "batchWrite": "BatchWrite",
    "beginTransaction": "BeginTransaction",
    "commit": "Commit",
    "executePipeline": "ExecutePipeline",
    "rollback": "Rollback",
}
_PARENT_ACTIONS = {
    "listCollectionIds": "ListCollectionIds",
    "partitionQuery": "PartitionQuery",
    "runAggregationQuery": "RunAggregationQuery",
    "runQuery": "RunQuery",
}
_SYSTEM_PARAMETERS = {"access_token", "alt", "fields", "key", "prettyPrint", "quotaUser", "$alt", "$.xgafv"}
"""https://cloud.google.com/apis/docs/system-parameters: accepted without effect."""


@dataclass(frozen=True, slots=True)
class Route:
    """``path`` has the fields of the message that the URL's path contains, ``body`` the one in the request's body."""

    rpc: str
    path: dict[str, str]
    body: str | None = None
    """``*``: the body has all other fields of the message; None: there is no body."""

    def fields(self, body: Json, query: Sequence[tuple[str, str]], message_class: Any) -> Json:
        """The message, of all parts of the request.

        Raises:
            Refused: a parameter of the query is not a field, or a field is in the wrong place.
        """
        if self.body == "*":
            if not isinstance(body, dict):
                raise invalid("Invalid JSON payload received. It must be an object.")
            return {**body, **self.path}
        fields: dict[str, Json] = {}
        for name, value in query:
            if name not in _SYSTEM_PARAMETERS:
                _set(fields, name, value, message_class.DESCRIPTOR)
        if self.body is not None:
            fields[self.body] = body
            if not isinstance(body, dict):
                raise invalid("Invalid JSON payload received. It must be an object.")
        for name, value in self.path.items():
            _set(fields, name, value, message_class.DESCRIPTOR)
        return fields


def find_route(method: str, raw_path: str) -> Route:
    """
    Raises:
        Refused: there is no such method or resource.
    """
    segments = raw_path.removeprefix("/v1/").split("/")
    action = ""
    if method == "POST" and ":" in segments[-1]:
        segments[-1], _, action = segments[-1].rpartition(":")
    segments = [unquote(segment) for segment in segments]
    match segments:
        case ["projects", _, "databases", _, "documents", *ids]:
            pass
        case _:
            raise not_found(f"{raw_path} is not a path of this API: projects/*/databases/*/documents/...")
    name, database, parent = "/".join(segments), "/".join(segments[:4]), "/".join(segments[:-1])
    of_document = len(ids) % 2 == 0
    if action in _DATABASE_ACTIONS and not ids:
        return Route(_DATABASE_ACTIONS[action], {"database": database}, "*")
    if action in _PARENT_ACTIONS and of_document:
        return Route(_PARENT_ACTIONS[action], {"parent": name}, "*")
    if not action and not of_document:
        collection = {"parent": parent, "collectionId": segments[-1]}
        if method == "GET":
            return Route("ListDocuments", collection)
        if method == "POST":
            return Route("CreateDocument", collection, "document")
    if not action and ids and of_document:
        if method == "GET":
            return Route("GetDocument", {"name": name})
        if method == "DELETE":
            return Route("DeleteDocument", {"name": name})
        if method == "PATCH":
            return Route("UpdateDocument", {"document.name": name}, "document")
    raise not_found(f"There is no method {method} {raw_path}.")


def _set(fields: dict[str, Json], name: str, value: str, descriptor: Any) -> None:
    """Set the field with this dotted name, converted to the JSON type of its declaration."""
    first, _, rest = name.partition(".")
    field = descriptor.fields_by_camelcase_name.get(first) or descriptor.fields_by_name.get(first)
    if field is None:
        raise invalid(f'Invalid query parameter. Unknown name "{first}".')
    key = field.camelcase_name
    if rest:
        if field.message_type is None or not isinstance(fields.setdefault(key, {}), dict):
            raise invalid(f'Invalid query parameter. "{first}" has no fields.')
        _set(fields[key], rest, value, field.message_type)
    elif field.is_repeated:
        fields.setdefault(key, []).append(value)
    else:
        fields[key] = _converted(value, field)


def _converted(value: str, field: Any) -> Json:
    if field.cpp_type != field.CPPTYPE_BOOL:
        return value
    if value not in ("true", "false"):
        raise invalid(f'Invalid query parameter. "{field.camelcase_name}" must be true or false.')
    return value == "true"
