"""Applying one write to one document."""

from __future__ import annotations

import math
from typing import Any

import pytest
from google.cloud.firestore_v1 import _helpers

from photofinish_emulators.common.rpc_errors import Refused
from photofinish_emulators.firestore import limits
from photofinish_emulators.firestore.protos import Document, Message, Value, Write
from photofinish_emulators.firestore.writes import apply_write, parse_write

DATABASE = "projects/p/databases/(default)"
NAME = f"{DATABASE}/documents/albums/spring"
MAX_INT = 2**63 - 1


def document(data: dict[str, Any]) -> Message:
    return Document(name=NAME, fields={key: _helpers.encode_value(value)._pb for key, value in data.items()})


def transformed(current: dict[str, Any], kind: str, operand: Any) -> Any:
    """The field ``f`` after a transform."""
    write = Write(update=document({}))
    write.update_mask.SetInParent()
    transform = write.update_transforms.add(field_path="f")
    target = getattr(transform, kind)
    value = _helpers.encode_value(operand)._pb
    target.CopyFrom(value.array_value if kind.endswith(("elements", "array")) else value)
    effect = apply_write(parse_write(write, DATABASE), document(current).fields, 0)
    assert effect.fields is not None
    return _helpers.decode_dict(effect.fields, None)["f"]


@pytest.mark.parametrize(
    ("kind", "current", "operand", "expected"),
    [
        ("increment", 1, 2, 3),
        ("increment", 1, 0.5, 1.5),
        ("increment", "text", 2, 2),
        ("increment", MAX_INT, 1, MAX_INT),
        ("increment", -MAX_INT - 1, -1, -MAX_INT - 1),
        ("maximum", 3, 3.0, 3),
        ("maximum", 3.0, 3, 3.0),
        ("maximum", 0.0, 0, 0.0),
        ("maximum", 3, 4.5, 4.5),
        ("maximum", 3, math.nan, math.nan),
        ("maximum", None, 1, 1),
        ("minimum", 3, 3.0, 3),
        ("minimum", 3, -math.inf, -math.inf),
        ("minimum", math.nan, 1, math.nan),
        ("append_missing_elements", [1], [1.0, 2, 2, None], [1, 2, None]),
        ("append_missing_elements", "text", ["a"], ["a"]),
        ("append_missing_elements", [math.nan], [math.nan], [math.nan]),
        ("remove_all_from_array", [1, 1.0, 2, None], [1, None], [2]),
        ("remove_all_from_array", 5, [5], []),
    ],
)
def test_transforms_of_a_value(kind: str, current: Any, operand: Any, expected: Any) -> None:
    result = transformed({"f": current}, kind, operand)
    assert repr(result) == repr(expected), "also of the same type"


@pytest.mark.parametrize("kind", ["increment", "maximum", "minimum"])
def test_a_transform_of_a_missing_field_sets_it(kind: str) -> None:
    assert transformed({}, kind, 7) == 7


def test_neither_the_current_document_nor_the_request_is_changed() -> None:
    current = document({"a": {"b": 1}, "tags": [1]})
    write = Write(update=document({"a": {"c": 2}}))
    write.update_mask.field_paths.extend(["a.c", "gone"])
    write.update_transforms.add(field_path="tags").append_missing_elements.values.add(integer_value=2)
    before = current.SerializeToString(deterministic=True), write.SerializeToString(deterministic=True)
    effect = apply_write(parse_write(write, DATABASE), current.fields, 0)
    assert effect.fields is not None
    assert _helpers.decode_dict(effect.fields, None) == {"a": {"b": 1, "c": 2}, "tags": [1, 2]}
    assert (current.SerializeToString(deterministic=True), write.SerializeToString(deterministic=True)) == before


@pytest.mark.parametrize(("paths", "reason"), [(["a", "a"], "twice"), (["__name__"], "cannot contain")])
def test_inconsistent_masks_are_refused(paths: list[str], reason: str) -> None:
    write = Write(update=document({"a": 1}))
    write.update_mask.field_paths.extend(paths)
    with pytest.raises(Refused, match=reason):
        parse_write(write, DATABASE)


@pytest.mark.parametrize("paths", [["owner", "owner.name"], ["owner.name", "owner"]])
def test_a_mask_may_name_a_field_and_one_inside_it(paths: list[str]) -> None:
    write = Write(update=document({"owner": {"name": "Ada"}}))
    write.update_mask.field_paths.extend(paths)
    current = document({"owner": {"name": "Bo", "age": 5}, "kept": 1})
    effect = apply_write(parse_write(write, DATABASE), current.fields, 0)
    assert effect.fields is not None
    assert _helpers.decode_dict(effect.fields, None) == {"owner": {"name": "Ada"}, "kept": 1}


def test_timestamps_are_stored_in_microseconds() -> None:
    write = Write(update=document({}))
    for value in (
        write.update.fields["at"],
        write.update.fields["list"].array_value.values.add(),
        write.update.fields["map"].map_value.fields["at"],
        write.update_transforms.add(field_path="added").append_missing_elements.values.add(),
    ):
        value.timestamp_value.seconds, value.timestamp_value.nanos = 5, 123_456_789
    fields = apply_write(parse_write(write, DATABASE), None, 0).fields
    assert fields is not None
    stored = (
        fields["at"],
        fields["list"].array_value.values[0],
        fields["map"].map_value.fields["at"],
        fields["added"].array_value.values[0],
    )
    assert [value.timestamp_value.nanos for value in stored] == [123_456_000] * 4
    assert write.update.fields["at"].timestamp_value.nanos == 123_456_789, "the request is not changed"


def test_a_write_without_operation_or_to_another_database_is_refused() -> None:
    with pytest.raises(Refused, match="operation"):
        parse_write(Write(), DATABASE)
    with pytest.raises(Refused, match="is not in database"):
        parse_write(Write(delete=NAME), "projects/p/databases/other")


def test_the_documented_example_of_a_document_size() -> None:
    # https://firebase.google.com/docs/firestore/storage-size: users/jeff/tasks/my_task_id has 147 bytes
    fields = document({"type": "Personal", "done": False, "priority": 1, "description": "Learn Cloud Firestore"}).fields
    name = limits.name_bytes(("users", "jeff", "tasks", "my_task_id"))
    assert name == 44
    assert name + limits._map_bytes(fields, 1) + 32 == 147


@pytest.mark.parametrize("seconds", [-62_135_596_800, 0, 253_402_300_799])
def test_timestamps_of_the_years_1_to_9999_can_be_stored(seconds: int) -> None:
    value = Value()
    value.timestamp_value.seconds = seconds
    limits.check_value(value)


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(-62_135_596_801, 0), (253_402_300_800, 0), (2**60, 0), (0, -1), (0, 10**9)]
)
def test_other_timestamps_are_refused(seconds: int, nanos: int) -> None:
    """They have no JSON form: one of them would break every web page that listens to its collection."""
    value = Value()
    value.timestamp_value.seconds, value.timestamp_value.nanos = seconds, nanos
    with pytest.raises(Refused, match="outside the years 1 to 9999"):
        limits.check_value(value)
