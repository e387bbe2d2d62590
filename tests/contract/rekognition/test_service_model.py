"""Our shapes and operations compared with the service model in botocore."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.model import Shape
from hypothesis import given
from hypothesis import strategies as st

from photofinish_functions.rekognition import shapes
from photofinish_functions.rekognition.errors import RekognitionError
from photofinish_functions.rekognition.requests import REQUESTS
from photofinish_functions.rekognition.shapes import Blob, List, Map, Number, Structure, Text
from support.rekognition_model import requests_of, service_model

_LIMITS = ("min", "max", "pattern", "enum")


def ours_as_model(shape: shapes.Shape) -> dict[str, Any]:
    """One of our shapes in the model's terms: type, limits, and the same for nested shapes."""
    limits = {name: getattr(shape, name) for name in _LIMITS if getattr(shape, name, None) not in (None, ())}
    match shape:
        case Structure():
            return {
                "type": "structure",
                "required": sorted(shape.required),
                "members": {name: ours_as_model(member) for name, member in shape.members.items()},
            }
        case List():
            return {"type": "list", "of": ours_as_model(shape.of), **limits}
        case Map():
            return {"type": "map", "key": ours_as_model(shape.key), "value": ours_as_model(shape.value), **limits}
        case Number():
            return {"type": "integer" if shape.integer else "float", **limits}
        case Blob():
            return {"type": "blob", **limits}
        case Text():
            return {"type": "string", **limits}


def theirs_as_model(shape: Any) -> dict[str, Any]:
    limits = {name: value for name, value in shape.metadata.items() if name in _LIMITS}
    if "enum" in limits:
        limits["enum"] = tuple(limits["enum"])
    match shape.type_name:
        case "structure":
            return {
                "type": "structure",
                "required": sorted(shape.required_members),
                "members": {name: theirs_as_model(member) for name, member in shape.members.items()},
            }
        case "list":
            return {"type": "list", "of": theirs_as_model(shape.member), **limits}
        case "map":
            return {"type": "map", "key": theirs_as_model(shape.key), "value": theirs_as_model(shape.value), **limits}
        case name:
            return {"type": name, **limits}


@pytest.mark.parametrize("operation", sorted(REQUESTS))
def test_input_shapes_equal_the_service_model(operation: str) -> None:
    theirs: Shape = service_model().operation_model(operation).input_shape
    assert ours_as_model(REQUESTS[operation]) == theirs_as_model(theirs)


def test_every_pattern_of_the_model_can_be_checked_here() -> None:
    patterns = set(re.findall(r"'pattern': '([^']+)'", repr([ours_as_model(shape) for shape in REQUESTS.values()])))
    assert len(patterns) == 7
    for pattern in patterns:
        shapes.compiled(pattern.replace("\\\\", "\\"))


@pytest.mark.parametrize(
    ("tags", "allowed"),
    [
        ({"team": "Läufer 7"}, True),
        ({"a/b:c=d+e-f@g": ""}, True),
        ({"Größe\u00a0x": "日本"}, True),
        ({"aws:owner": "x"}, False),
        ({"tab\there": "x"}, False),
        ({"key": "semi;colon"}, False),
        ({"": "x"}, False),
        ({"k" * 129: "x"}, False),
        ({str(number): "" for number in range(201)}, False),
    ],
)
def test_tags_follow_the_unicode_pattern_of_the_model(tags: dict[str, str], allowed: bool) -> None:
    request = {"CollectionId": "c", "Tags": tags}
    if allowed:
        assert shapes.read(request, REQUESTS["CreateCollection"]) == request
    else:
        with pytest.raises(RekognitionError, match="validation error"):
            shapes.read(request, REQUESTS["CreateCollection"])


def test_all_violations_are_reported_at_once_in_the_words_of_aws() -> None:
    with pytest.raises(RekognitionError) as caught:
        shapes.read({"MaxFaces": 5000, "FaceId": "x" * 500, "CollectionId": None}, REQUESTS["SearchFaces"])
    assert caught.value.code == "InvalidParameterException"
    assert caught.value.message == (
        "3 validation errors detected: "
        "Value null at 'collectionId' failed to satisfy constraint: Member must not be null; "
        f"Value '{'x' * 100}' at 'faceId' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}; "
        "Value '5000' at 'maxFaces' failed to satisfy constraint: Member must have value less than or equal to 4096"
    )


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"CollectionId": 7},
        {"CollectionId": "c", "Image": "x"},
        {"CollectionId": "c", "Image": {"Bytes": "no base64!"}},
        {"CollectionId": "c", "Image": {"Bytes": 7}},
        {"CollectionId": "c", "MaxFaces": "many"},
        {"CollectionId": "c", "MaxFaces": 1.5},
        {"CollectionId": "c", "MaxFaces": True},
        {"CollectionId": "c", "DetectionAttributes": "ALL"},
    ],
)
def test_a_value_of_the_wrong_type_cannot_be_read(body: Any) -> None:
    with pytest.raises(RekognitionError) as caught:
        shapes.read(body, REQUESTS["IndexFaces"])
    assert caught.value.code == "SerializationException"


def test_unknown_members_are_ignored_as_aws_ignores_them() -> None:
    assert shapes.read({"CollectionId": "c", "Newer": 1}, REQUESTS["DescribeCollection"]) == {"CollectionId": "c"}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.data(), st.sampled_from(sorted(REQUESTS)))
def test_any_json_is_accepted_or_refused_with_an_error(data: st.DataObject, operation: str) -> None:
    shape = REQUESTS[operation]
    body = data.draw(_json | st.fixed_dictionaries({}, optional=dict.fromkeys(shape.members, _json)))
    try:
        known = shapes.read(body, shape).keys() <= shape.members.keys()
    except RekognitionError as refusal:
        known = refusal.code in {"InvalidParameterException", "SerializationException"}
    assert known


@given(st.data(), st.sampled_from(sorted(REQUESTS)))
def test_an_allowed_request_is_read_unchanged(data: st.DataObject, operation: str) -> None:
    body = data.draw(requests_of(operation, known={}))
    without_blobs = {name: value for name, value in body.items() if not name.endswith("Image")}
    read = shapes.read(body, REQUESTS[operation])
    assert {name: read[name] for name in without_blobs} == without_blobs
