"""Checks answers against botocore's service model, and generates requests from it."""

from __future__ import annotations

import base64
import functools
import json
import re
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape
from hypothesis import strategies as st

# Errors that AWS answers before an operation begins; the model does not list them.
COMMON_ERRORS = {
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestEntityTooLargeException",
    "SerializationException",
    "UnknownOperationException",
    "UnrecognizedClientException",
}
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "timestamp": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


@functools.cache
def service_model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("rekognition")


def check_answer(operation_model: OperationModel, response_dict: dict[str, Any], **_: Any) -> None:
    """Handle botocore's event ``before-parse``: fail if the answer does not conform to the model."""
    body = json.loads(response_dict["body"])
    operation = operation_model.name
    if response_dict["status_code"] != 200:
        listed = {shape.name for shape in operation_model.error_shapes} | COMMON_ERRORS
        assert body["__type"] in listed, f"{operation} does not have the error {body['__type']}: {body['Message']}"
        return
    output = operation_model.output_shape
    assert output is not None
    problems = list(_problems(body, output, operation))
    assert not problems, problems
    missing_lists = [name for name, shape in output.members.items() if shape.type_name == "list" and name not in body]
    assert not missing_lists, f"{operation} leaves out empty lists: {missing_lists}"


def _problems(value: Any, shape: Any, path: str) -> Any:
    if not isinstance(value, _JSON_TYPES[shape.type_name]) or (
        isinstance(value, bool) != (shape.type_name == "boolean")
    ):
        yield f"{path} is a {type(value).__name__}, not a {shape.type_name}"
        return
    limits = shape.metadata
    size = value if isinstance(value, int | float) else len(value)
    # A list in an answer may be empty although the model gives it the shape of a request, which may not.
    least = size if shape.type_name == "list" else limits.get("min", size)
    if size < least or size > limits.get("max", size):
        yield f"{path} is outside {limits}: {size}"
    if isinstance(value, str) and "pattern" in limits and not re.fullmatch(limits["pattern"], value):
        yield f"{path} does not match {limits['pattern']}: {value}"
    if limits.get("enum") and value not in limits["enum"]:
        yield f"{path} is not one of {limits['enum']}: {value}"
    if shape.type_name == "structure":
        yield from (f"{path}.{name} is unknown to the model" for name in value.keys() - shape.members.keys())
        for name in value.keys() & shape.members.keys():
            yield from _problems(value[name], shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for item in value:
            yield from _problems(item, shape.member, f"{path}[]")


def requests_of(operation: str, *, known: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that the model allows, with made-up values and those of `known` (by member)."""
    shape = service_model().operation_model(operation).input_shape
    assert shape is not None
    result: st.SearchStrategy[dict[str, Any]] = _values(shape, "", known)
    return result


def _values(shape: Any, name: str, known: dict[str, list[Any]]) -> st.SearchStrategy[Any]:
    made_up = _made_up(shape, known)
    return st.sampled_from(known[name]) | made_up if name in known else made_up


def _made_up(shape: Any, known: dict[str, list[Any]]) -> st.SearchStrategy[Any]:
    limits = shape.metadata
    match shape.type_name:
        case "structure":
            members = {name: _values(member, name, known) for name, member in shape.members.items()}
            required = {name: members.pop(name) for name in shape.required_members}
            return st.fixed_dictionaries(required, optional=members)
        case "list":
            longest = min(limits.get("max", 3), 3)
            return st.lists(_values(shape.member, "", known), min_size=limits.get("min", 0), max_size=longest)
        case "map":
            return st.dictionaries(_text(shape.key), _text(shape.value), max_size=3)
        case "blob":
            return st.binary(min_size=1, max_size=50).map(lambda content: base64.b64encode(content).decode())
        case "integer":
            return st.integers(int(limits.get("min", -10)), int(limits.get("max", 2**40)))
        case "float":
            return st.floats(limits.get("min", -10), limits.get("max", 10), width=32)
        case "string":
            return _text(shape)
        case other:
            raise AssertionError(f"no requests hold a {other}")


def _text(shape: Shape) -> st.SearchStrategy[str]:
    limits = shape.metadata
    if limits.get("enum"):
        return st.sampled_from(limits["enum"])
    if r"\p{" in limits.get("pattern", ""):
        return st.text("abcäß日7 _.:/=+-@", min_size=limits["min"], max_size=20)
    if "pattern" in limits:
        matching = st.from_regex(limits["pattern"], fullmatch=True)
        return matching.filter(lambda text: len(text) >= limits.get("min", 0)).map(lambda text: text[:60])
    return st.text(min_size=limits.get("min", 0), max_size=40)
