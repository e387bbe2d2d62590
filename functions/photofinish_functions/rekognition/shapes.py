"""The service model's constraints on requests, and the check of a value against them.

SDKs check only required members and minimum lengths, so everything is checked here. A value of the wrong JSON type is a
SerializationException. One that violates constraints is an InvalidParameterException, with its violations in one
message, in AWS's words and order. A list that is too long is not read, and a message tells at most `MAX_TOLD`
violations, so that a bad request costs no more than a good one.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from photofinish_functions.rekognition.errors import invalid_parameter, serialization

MAX_TOLD = 20
_MAX_ITEMS = 4096
"""Of lists for which the service model has no maximum; the longest that it has."""
_SHOWN_CHARS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    min: int | None = None
    max: int | None = None
    pattern: str | None = None
    """As in the service model; messages quote it."""
    enum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    min: float | None = None
    max: float | None = None
    integer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes, base64 in JSON."""

    min: int | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class List:
    of: Shape
    min: int | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    key: Text
    value: Text
    min: int | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    members: Mapping[str, Shape]
    required: frozenset[str] = field(default=frozenset())


Shape = Text | Number | Blob | List | Map | Structure

_SPACES = "\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# Python's `re` lacks \p{…}: \p{L} and \p{N} are `\w` without the underscore, which this class contains as well.
_TRANSLATED = {r"\p{L}\p{Z}\p{N}_": rf"\w{_SPACES}"}


def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern of the service model as a Python expression."""
    for theirs, ours in _TRANSLATED.items():
        pattern = pattern.replace(theirs, ours)
    return re.compile(pattern)


def read(value: Any, shape: Structure) -> dict[str, Any]:
    """Check `value`, decoded JSON, against `shape`, and return it with blobs as bytes and without unknown members.

    As in AWS, members that are null count as absent.

    Raises:
        RekognitionError: SerializationException or InvalidParameterException.
    """
    violations: list[str] = []
    found = _read(value, shape, "", violations)
    if violations:
        count = len(violations)
        more = [f"and {count - MAX_TOLD} more"] if count > MAX_TOLD else []
        told = "; ".join(violations[:MAX_TOLD] + more)
        raise invalid_parameter(f"{count} validation error{'s' if count > 1 else ''} detected: {told}")
    result: dict[str, Any] = found
    return result


def _read(value: Any, shape: Shape, path: str, violations: list[str]) -> Any:
    match shape:
        case Structure():
            if not isinstance(value, dict):
                raise _wrong_type(path, "a structure")
            result = {}
            for name, member in shape.members.items():
                inner = f"{path}.{_lower_first(name)}".lstrip(".")
                if value.get(name) is not None:
                    result[name] = _read(value[name], member, inner, violations)
                elif name in shape.required:
                    violations.append(f"Value null at '{inner}' failed to satisfy constraint: Member must not be null")
            return result
        case List():
            if not isinstance(value, list):
                raise _wrong_type(path, "a list")
            longest = _MAX_ITEMS if shape.max is None else shape.max
            _note(violations, value, path, _length_problems(len(value), replace(shape, max=longest)))
            if len(value) > longest:
                return []
            return [_read(item, shape.of, f"{path}.{at}.member", violations) for at, item in enumerate(value, 1)]
        case Map():
            if not isinstance(value, dict):
                raise _wrong_type(path, "a map")
            _note(violations, value, path, _length_problems(len(value), shape))
            if shape.max is not None and len(value) > shape.max:
                return {}
            for key, item in value.items():
                _read(key, shape.key, path, violations)
                _read(item, shape.value, f"{path}.{key[:_SHOWN_CHARS]}.member", violations)
            return value
        case Text():
            if not isinstance(value, str):
                raise _wrong_type(path, "a string")
            _note(violations, value, path, _text_problems(value, shape))
            return value
        case Number():
            return _read_number(value, shape, path, violations)
        case Blob():
            content = _decoded(value, path)
            _note(violations, content, path, _length_problems(len(content), shape))
            return content


def _read_number(value: Any, shape: Number, path: str, violations: list[str]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(path, "a number")
    if not math.isfinite(value) or (shape.integer and value != int(value)):
        raise _wrong_type(path, "an integer" if shape.integer else "a finite number")
    problems = []
    if shape.min is not None and value < shape.min:
        problems.append(f"Member must have value greater than or equal to {shape.min:g}")
    if shape.max is not None and value > shape.max:
        problems.append(f"Member must have value less than or equal to {shape.max:g}")
    _note(violations, value, path, problems)
    return int(value) if shape.integer else float(value)


def _decoded(value: Any, path: str) -> bytes:
    if not isinstance(value, str):
        raise _wrong_type(path, "base64 text")
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise _wrong_type(path, "base64 text") from None


def _text_problems(value: str, shape: Text) -> Iterator[str]:
    yield from _length_problems(len(value), shape)
    if shape.pattern is not None and not compiled(shape.pattern).fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {shape.pattern}"
    if shape.enum and value not in shape.enum:
        yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def _length_problems(length: int, shape: Text | Blob | List | Map) -> Iterator[str]:
    if shape.min is not None and length < shape.min:
        yield f"Member must have length greater than or equal to {shape.min}"
    if shape.max is not None and length > shape.max:
        yield f"Member must have length less than or equal to {shape.max}"


def _note(violations: list[str], value: Any, path: str, problems: Iterator[str] | list[str]) -> None:
    shown = "" if isinstance(value, bytes | dict | list) else f" '{str(value)[:_SHOWN_CHARS]}'"
    violations += [f"Value{shown} at '{path}' failed to satisfy constraint: {problem}" for problem in problems]


def _wrong_type(path: str, expected: str) -> Exception:
    return serialization(f"The value at '{path}' is not {expected}" if path else f"The body is not {expected}")


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
