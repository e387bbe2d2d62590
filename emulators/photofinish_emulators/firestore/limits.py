"""Firestore's documented limits for documents.

https://firebase.google.com/docs/firestore/quotas and https://firebase.google.com/docs/firestore/storage-size
"""

from __future__ import annotations

import re

from photofinish_emulators.common.rpc_errors import Refused, invalid
from photofinish_emulators.firestore.paths import Name
from photofinish_emulators.firestore.protos import Fields, Message
from photofinish_emulators.firestore.values import is_vector

MAX_DOCUMENT_BYTES = 1_048_576
MAX_DEPTH = 20
MAX_FIELD_NAME_BYTES = 1500
MAX_VECTOR_DIMENSIONS = 2048
_RESERVED = re.compile(r"__.*__\Z", re.DOTALL)
_INT_BYTES = _DOUBLE_BYTES = _TIMESTAMP_BYTES = 8
_DOCUMENT_OVERHEAD_BYTES = 32
# The range of a google.protobuf.Timestamp; others have no JSON form, and the cloud refuses them.
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799


def name_bytes(segments: tuple[str, ...]) -> int:
    """The storage size of a document's name."""
    return 16 + sum(len(segment.encode()) + 1 for segment in segments)


def check_document(name: Name, fields: Fields) -> None:
    """Refuse a document that Firestore cannot store.

    Raises:
        Refused: too large, nested too deeply, an array directly in an array, a reserved or too long field name, a
            vector with too many dimensions.
    """
    size = name_bytes(name.segments) + _map_bytes(fields, 1) + _DOCUMENT_OVERHEAD_BYTES
    if size > MAX_DOCUMENT_BYTES:
        raise invalid(
            f'Document "{name}" cannot be written because its size ({size:,} bytes) exceeds the maximum allowed size '
            f"of {MAX_DOCUMENT_BYTES:,} bytes."
        )


def check_value(value: Message) -> None:
    """Refuse a value that no field can have, for example as the operand of a transform."""
    _value_bytes(value, 1)


def _map_bytes(fields: Fields, depth: int) -> int:
    return sum(_field_name_bytes(name) + _value_bytes(fields[name], depth) for name in fields)


def _field_name_bytes(name: str) -> int:
    size = len(name.encode())
    if not name:
        raise invalid("A field name is empty.")
    if size > MAX_FIELD_NAME_BYTES:
        raise invalid(f"Field name has more than {MAX_FIELD_NAME_BYTES} bytes: {name[:40]}…")
    if _RESERVED.match(name):
        raise invalid(f'Field name "{name}" is reserved: names of the form __.*__ cannot be used.')
    return size + 1


def _too_deep() -> Refused:
    return invalid(f"A value is nested more than {MAX_DEPTH} levels deep.")


def _value_bytes(value: Message, depth: int) -> int:
    kind = value.WhichOneof("value_type")
    if kind == "string_value":
        return len(value.string_value.encode()) + 1
    if kind in ("integer_value", "double_value"):
        return _INT_BYTES
    if kind == "timestamp_value":
        time = value.timestamp_value
        if not (_FIRST_SECOND <= time.seconds <= _LAST_SECOND and 0 <= time.nanos < 1_000_000_000):
            raise invalid(f"Timestamp seconds={time.seconds}, nanos={time.nanos} is outside the years 1 to 9999.")
        return _INT_BYTES
    if kind in ("boolean_value", "null_value"):
        return 1
    if kind == "bytes_value":
        return len(value.bytes_value)
    if kind == "reference_value":
        return name_bytes(tuple(value.reference_value.split("/")[5:]))
    if kind == "geo_point_value":
        point = value.geo_point_value
        if not (-90 <= point.latitude <= 90 and -180 <= point.longitude <= 180):
            raise invalid(f"Geo point ({point.latitude}, {point.longitude}) is outside ±90° latitude, ±180° longitude.")
        return 2 * _DOUBLE_BYTES
    if depth > MAX_DEPTH:
        raise _too_deep()
    if kind == "array_value":
        elements = value.array_value.values
        if any(element.WhichOneof("value_type") == "array_value" for element in elements):
            raise invalid("Cannot convert an array value in an array value.")
        return sum(_value_bytes(element, depth + 1) for element in elements)
    if kind == "map_value":
        if is_vector(value):
            dimensions = len(value.map_value.fields["value"].array_value.values)
            if dimensions > MAX_VECTOR_DIMENSIONS:
                raise invalid(f"A vector has {dimensions} dimensions, more than {MAX_VECTOR_DIMENSIONS}.")
            return dimensions * _DOUBLE_BYTES
        return _map_bytes(value.map_value.fields, depth + 1)
    raise invalid(f"A value of kind {kind or 'none'} cannot be stored.")
