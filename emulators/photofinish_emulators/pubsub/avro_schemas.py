"""Avro schemas: whether a definition is one, and whether a message conforms to it.

Rules: https://docs.cloud.google.com/pubsub/docs/schemas. As there, a JSON message may have more fields than its schema.
"""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

# What fastavro raises for data that does not conform, depending on where it notices.
_NOT_CONFORMING = (ValueError, TypeError, AttributeError, KeyError, IndexError, EOFError, OverflowError, StopIteration)


class NotConforming(ValueError):
    """The definition is no schema, or the message does not conform to it; the message says why."""


def parse_schema(definition: str) -> Any:
    """The parsed schema.

    Raises:
        NotConforming: no JSON, no Avro schema, or a union at its top.
    """
    try:
        parsed = json.loads(definition)
        if not isinstance(parsed, dict):
            raise NotConforming("it must define one top-level type")
        if parsed.get("type") == "record" and not isinstance(parsed.get("fields"), list):
            raise NotConforming("a record must have fields")
        return fastavro.parse_schema(parsed)
    except UnknownType as error:
        raise NotConforming(f"unknown type {error.name}") from error
    except (SchemaParseException, TypeError, KeyError, ValueError) as error:
        raise NotConforming(str(error)) from error


def check_json(schema: Any, data: bytes) -> None:
    """Raise NotConforming unless the data is one value in Avro's JSON encoding."""
    try:
        # fastavro's reader takes one value a line.
        [value] = fastavro.json_reader(io.StringIO(json.dumps(json.loads(data))), schema)
        _check_types(schema, value)
    except _NOT_CONFORMING as error:
        raise NotConforming(f"{type(error).__name__}: {error}") from error


def check_binary(schema: Any, data: bytes) -> None:
    """Raise NotConforming unless the data is one value in Avro's binary encoding, without more behind it."""
    stream = io.BytesIO(data)
    try:
        fastavro.schemaless_reader(stream, schema)
    except _NOT_CONFORMING as error:
        raise NotConforming(f"{type(error).__name__}: {error}") from error
    if stream.tell() != len(data):
        raise NotConforming(f"{len(data) - stream.tell()} bytes follow the value")


def _check_types(schema: Any, value: Any) -> None:
    if not fastavro.validate(value, schema, raise_errors=False):
        raise NotConforming("a value has another type than its field")
