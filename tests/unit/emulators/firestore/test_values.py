"""Encodings of values: in Firestore's order, equal for equal values, and none a prefix of another."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.firestore_v1 import GeoPoint, _helpers
from google.cloud.firestore_v1.order import Order
from google.cloud.firestore_v1.vector import Vector
from hypothesis import given
from hypothesis import strategies as st

from photofinish_emulators.common.rpc_errors import Refused
from photofinish_emulators.firestore import values
from photofinish_emulators.firestore.paths import (
    Name,
    decode_key,
    document_name,
    format_field_path,
    name_key,
    parse_field_path,
)
from photofinish_emulators.firestore.protos import Document, Message, Value

TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.integers(2**53 - 3, 2**53 + 3)
    | st.floats()
    | st.integers(-4, 4).map(float)
    | st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
    | TEXT
    | st.binary(max_size=4)
    | st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180))
    | st.lists(st.floats(allow_nan=False), max_size=3).map(Vector)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=5
)


def encoded(value: Any) -> Message:
    return _helpers.encode_value(value)._pb


@given(VALUES, VALUES)
def test_bytes_are_in_the_order_of_values(left: Any, right: Any) -> None:
    left_value, right_value = encoded(left), encoded(right)
    left_bytes, right_bytes = values.encode(left_value), values.encode(right_value)
    expected = Order.compare(left_value, right_value)
    assert (left_bytes > right_bytes) - (left_bytes < right_bytes) == expected
    if left_bytes != right_bytes:
        assert not left_bytes.startswith(right_bytes)
        assert not right_bytes.startswith(left_bytes)
        reversed_order = values.complement(left_bytes) < values.complement(right_bytes)
        assert reversed_order == (left_bytes > right_bytes)


def test_types_are_in_the_documented_order() -> None:
    in_order = [
        None,
        False,
        True,
        math.nan,
        -math.inf,
        -(2**63),
        -1.5,
        0,
        2**53,
        2**53 + 1,
        2**63 - 1,
        float(2**63),
        math.inf,
        datetime(1999, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, tzinfo=UTC),
        "",
        "\x00",
        "A",
        "a",
        "ä",
        "🏃",
        b"",
        b"\x00",
        b"\xff",
        GeoPoint(-90, 180),
        GeoPoint(0, -1),
        [],
        [1],
        [1, None],
        [2],
        Vector([9.0]),
        Vector([1.0, 1.0]),
        {},
        {"a": 1},
        {"a": 1, "b": 0},
        {"a": 2},
        {"b": 0},
    ]
    keys = [values.encode(encoded(value)) for value in in_order]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(("left", "right"), [(3, 3.0), (0.0, -0.0), ([1, 2.0], [1.0, 2]), ({"a": 0}, {"a": -0.0})])
def test_equal_values_of_different_types_have_equal_bytes(left: Any, right: Any) -> None:
    assert values.encode(encoded(left)) == values.encode(encoded(right))


def test_references_sort_by_segment() -> None:
    root = "projects/p/databases/(default)/documents"
    in_order = [
        f"{root}/a/__id-5__",
        f"{root}/a/__id7__",
        f"{root}/a/b",
        f"{root}/a/b/c/d",
        f"{root}/a/b!",
        f"{root}/b/a",
    ]
    assert [values.encode(Value(reference_value=name)) for name in in_order] == sorted(
        values.encode(Value(reference_value=name)) for name in in_order
    )


SEGMENTS = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8).filter(
    lambda segment: segment not in (".", "..") and not (segment.startswith("__") and segment.endswith("__"))
) | st.integers(-(2**63), 2**63 - 1).map(lambda number: f"__id{number}__")


@given(st.lists(SEGMENTS, min_size=2, max_size=6).filter(lambda segments: len(segments) % 2 == 0))
def test_names_can_be_decoded_from_their_keys(segments: list[str]) -> None:
    name = Name("projects/p/databases/d", tuple(segments))
    assert decode_key(name_key(name)) == ["p", "d", *segments]
    assert document_name(str(name)) == name


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=6), min_size=1, max_size=4))
def test_formatted_field_paths_can_be_parsed(names: list[str]) -> None:
    assert parse_field_path(format_field_path(tuple(names))) == tuple(names)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a b", "a-b", "1a", "`a", "a`b`", "``"])
def test_invalid_field_paths_are_refused(text: str) -> None:
    with pytest.raises(Refused, match="Invalid property path"):
        parse_field_path(text)


@given(
    st.dictionaries(TEXT.filter(bool), VALUES, max_size=3), st.lists(TEXT.filter(bool), min_size=1, max_size=3), VALUES
)
def test_fields_are_set_found_and_deleted(data: dict[str, Any], names: list[str], value: Any) -> None:
    document, path = Document(), tuple(names)
    for name, one in data.items():
        document.fields[name].CopyFrom(encoded(one))
    values.set_field(document.fields, path, encoded(value))
    assert values.field(document.fields, path) == encoded(value) or value != value
    values.delete_field(document.fields, path)
    assert values.field(document.fields, path) is None
