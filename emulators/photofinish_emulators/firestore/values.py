"""Values: encoding as bytes in Firestore's order, and access by field path.

``encode`` converts a value to bytes whose order is Firestore's order of values (null, false, true, NaN, numbers,
timestamps, strings, bytes, references, geo points, arrays, vectors, maps). Values that compare equal, such as 3 and
3.0, have equal bytes. No encoding is a prefix of another, so encodings can be joined to keys of several fields, and
complementing every byte reverses the order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from photofinish_emulators.common.rpc_errors import invalid
from photofinish_emulators.firestore.paths import FieldPath, escape, segment_key
from photofinish_emulators.firestore.protos import Fields, Message, Value

# The first byte of an encoding. 0x00–0x03 are used for ends and names; no encoding begins with 0xff or its complement.
_END: Final = b"\x01"
_KEY: Final = b"\x02"
NULL: Final = 0x10
BOOLEAN: Final = 0x14
NUMBER: Final = 0x18
TIMESTAMP: Final = 0x1C
STRING: Final = 0x20
BYTES: Final = 0x24
REFERENCE: Final = 0x28
GEO_POINT: Final = 0x2C
ARRAY: Final = 0x30
VECTOR: Final = 0x34
MAP: Final = 0x38

AFTER: Final = b"\xff"
"""Appended to one or more encodings: greater than everything that begins with them."""

_COMPLEMENT: Final = bytes(255 - byte for byte in range(256))
ENCODED_NULL: Final = bytes([NULL])
ENCODED_NAN: Final = bytes([NUMBER]) + bytes(10)
"""The first of all numbers; the encoding of no other."""
NULL_VALUE: Final[Message] = Value(null_value=0)


def complement(encoded: bytes) -> bytes:
    """Reverse the order of encodings, for descending keys."""
    return encoded.translate(_COMPLEMENT)


def _sortable_double(number: float) -> bytes:
    """Eight bytes in the order of doubles; -0.0 as 0.0."""
    bits = struct.unpack(">Q", struct.pack(">d", number + 0.0))[0]
    bits = bits ^ 0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else bits | 1 << 63
    return struct.pack(">Q", bits)


def _encode_integer(number: int) -> bytes:
    nearest = float(number)  # beyond 2**53 there are integers between doubles: the difference orders them
    return bytes([NUMBER]) + _sortable_double(nearest) + struct.pack(">H", number - int(nearest) + 0x8000)


def _encode_double(number: float) -> bytes:
    if number != number:
        return ENCODED_NAN
    return bytes([NUMBER]) + _sortable_double(number) + b"\x80\x00"


def is_vector(value: Message) -> bool:
    """Whether the value is a vector, which is a map with a special field."""
    fields = value.map_value.fields
    return (
        len(fields) == 2
        and "value" in fields
        and "__type__" in fields
        and fields["__type__"].string_value == "__vector__"
    )


def encode(value: Message) -> bytes:
    """Encode a value as bytes in the order of all values.

    Raises:
        Refused: the value has no type, or a type that only pipelines have.
    """
    kind = value.WhichOneof("value_type")
    if kind == "string_value":
        return b"\x20" + escape(value.string_value.encode())
    if kind == "integer_value":
        return _encode_integer(value.integer_value)
    if kind == "double_value":
        return _encode_double(value.double_value)
    if kind == "boolean_value":
        return b"\x14\x01" if value.boolean_value else b"\x14\x00"
    if kind == "null_value":
        return ENCODED_NULL
    if kind == "timestamp_value":
        time = value.timestamp_value
        return b"\x1c" + struct.pack(">QI", time.seconds + 2**63, time.nanos - time.nanos % 1000)
    if kind == "reference_value":
        return b"\x28" + b"".join(map(segment_key, value.reference_value.split("/"))) + _END
    if kind == "bytes_value":
        return b"\x24" + escape(value.bytes_value)
    if kind == "geo_point_value":
        point = value.geo_point_value
        return b"\x2c" + _sortable_double(point.latitude) + _sortable_double(point.longitude)
    if kind == "array_value":
        return b"\x30" + b"".join(map(encode, value.array_value.values)) + _END
    if kind == "map_value":
        fields = value.map_value.fields
        if is_vector(value):
            elements = fields["value"].array_value.values
            return b"\x34" + struct.pack(">I", len(elements)) + b"".join(map(encode, elements)) + _END
        in_order = sorted((name.encode(), name) for name in fields)
        return b"\x38" + b"".join(_KEY + escape(raw) + encode(fields[name]) for raw, name in in_order) + _END
    raise invalid(f"A value of kind {kind or 'none'} cannot be stored or compared.")


def to_microseconds(value: Message) -> None:
    """Cut the timestamps in ``value`` to microseconds, as Firestore stores and compares them.

    https://firebase.google.com/docs/firestore/manage-data/data-types: "additional precision is rounded down".
    """
    kind = value.WhichOneof("value_type")
    if kind == "timestamp_value":
        value.timestamp_value.nanos -= value.timestamp_value.nanos % 1000
    elif kind == "array_value":
        for element in value.array_value.values:
            to_microseconds(element)
    elif kind == "map_value":
        for name in value.map_value.fields:
            to_microseconds(value.map_value.fields[name])


def field(fields: Fields, path: FieldPath) -> Message | None:
    """The value at ``path``, or None if the document has none."""
    for name in path[:-1]:
        if name not in fields:
            return None
        value = fields[name]
        if value.WhichOneof("value_type") != "map_value":
            return None
        fields = value.map_value.fields
    name = path[-1]
    return fields.get(name)


def set_field(fields: Fields, path: FieldPath, value: Message) -> None:
    """Set ``path`` to a copy of ``value``; values along the path that are not maps are replaced by maps."""
    for name in path[:-1]:
        step = fields[name]
        if step.WhichOneof("value_type") != "map_value":
            step.map_value.SetInParent()
        fields = step.map_value.fields
    fields[path[-1]].CopyFrom(value)


def delete_field(fields: Fields, path: FieldPath) -> None:
    """Delete the value at ``path``, if it exists; maps that become empty stay."""
    for name in path[:-1]:
        if name not in fields or fields[name].WhichOneof("value_type") != "map_value":
            return
        fields = fields[name].map_value.fields
    if path[-1] in fields:
        del fields[path[-1]]


def project(source: Message, paths: Iterable[FieldPath]) -> Message:
    """A copy of a document with its name, its times and the fields at ``paths``."""
    result = type(source)(name=source.name)
    for time in ("create_time", "update_time"):
        if source.HasField(time):
            getattr(result, time).CopyFrom(getattr(source, time))
    for path in paths:
        value = field(source.fields, path)
        if value is not None:
            set_field(result.fields, path, value)
    return result
