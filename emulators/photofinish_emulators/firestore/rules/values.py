"""Values of the rules' language: Python's, and types that it does not have; what is not known about a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from photofinish_emulators.firestore.protos import Fields, Message, micros

Value: TypeAlias = Any
"""None, bool, int, float, str, bytes, list, dict, and the classes of this module."""


class EvaluationError(Exception):
    """An expression has no value: a missing field, a wrong type. A condition with such an error does not allow."""


@dataclass(frozen=True, slots=True)
class Path:
    """``/databases/(default)/documents/…``"""

    segments: tuple[Value, ...]

    def __str__(self) -> str:
        return "/" + "/".join(map(str, self.segments))


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    us: int


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    us: int


@dataclass(frozen=True, slots=True)
class LatLng:
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Set:
    items: tuple[Value, ...]

    @classmethod
    def of(cls, items: Iterable[Value]) -> Set:
        kept: list[Value] = []
        for item in items:
            if not any(equal(item, one) is True for one in kept):
                kept.append(item)
        return cls(tuple(kept))

    def __iter__(self) -> Iterator[Value]:
        return iter(self.items)


@dataclass(frozen=True, slots=True)
class MapDiff:
    """``after.diff(before)``"""

    after: Mapping[str, Value]
    before: Mapping[str, Value]


class Unknown:
    """A value that the query leaves open: what depends on it is not known either.

    ``conditions`` hold for it, as pairs of an operator (``==``, ``<``, ``array-contains``, …) and a value.
    """

    def __init__(self, conditions: Iterable[tuple[str, Value]] = ()) -> None:
        self.conditions = tuple(conditions)

    def proves(self, operator: str, other: Value) -> bool | None:
        """Whether ``self operator other`` is true or false in all cases; None if that depends."""
        for known, operand in self.conditions:
            found = _IMPLIED.get((known, operator))
            if found is not None and type(operand) is type(other):
                answer = found(operand, other)
                if answer is not None:
                    return answer
        return None


class AnyDepth(Unknown):
    """In the path of a query over a collection group: segments that are not known, and not how many."""


UNKNOWN = Unknown()
ANY_DEPTH = AnyDepth()


class PartialMap:
    """A map of which only some fields are known, such as the documents that a query could return."""

    def __init__(self, known: dict[str, Value]) -> None:
        self.known = known

    def get(self, name: str) -> Value:
        return self.known.get(name, UNKNOWN)


def _true_if(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | None]:
    return lambda known, asked: True if test(known, asked) else None


def _false_if(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | None]:
    return lambda known, asked: False if test(known, asked) else None


# What a condition of a query (known) says about a comparison in a rule (asked).
_IMPLIED: dict[tuple[str, str], Callable[[Any, Any], bool | None]] = {
    ("!=", "=="): _false_if(lambda known, asked: known == asked),
    ("!=", "!="): _true_if(lambda known, asked: known == asked),
    ("<", "<"): _true_if(lambda known, asked: known <= asked),
    ("<", "<="): _true_if(lambda known, asked: known <= asked),
    ("<=", "<"): _true_if(lambda known, asked: known < asked),
    ("<=", "<="): _true_if(lambda known, asked: known <= asked),
    (">", ">"): _true_if(lambda known, asked: known >= asked),
    (">", ">="): _true_if(lambda known, asked: known >= asked),
    (">=", ">"): _true_if(lambda known, asked: known > asked),
    (">=", ">="): _true_if(lambda known, asked: known >= asked),
    ("array-contains", "contains"): _true_if(lambda known, asked: known == asked),
}


def is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_unknown(value: Value) -> bool:
    """Whether the value is not completely known."""
    if isinstance(value, Unknown | PartialMap):
        return True
    if isinstance(value, Path):
        return any(map(is_unknown, value.segments))
    if isinstance(value, list | Set):
        return any(map(is_unknown, value))
    return isinstance(value, dict) and any(map(is_unknown, value.values()))


def equal(left: Value, right: Value) -> bool | Unknown:
    """Whether two values are equal; numbers of both types compare by value."""
    if isinstance(left, Unknown):
        return _known(left.proves("==", right))
    if isinstance(right, Unknown):
        return equal(right, left)
    if isinstance(left, PartialMap) or isinstance(right, PartialMap):
        return UNKNOWN
    if is_number(left) and is_number(right):
        return bool(left == right)
    if type(left) is not type(right):
        return False
    if isinstance(left, Path):
        if ANY_DEPTH in (*left.segments, *right.segments):
            return UNKNOWN
        return equal(list(left.segments), list(right.segments))
    if isinstance(left, Set):
        return len(left.items) == len(right.items) and all_of(contains(right, item) for item in left)
    if isinstance(left, list):
        return len(left) == len(right) and all_of(map(equal, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all_of(equal(left[key], right[key]) for key in left)
    return bool(left == right)


def contains(container: Value, item: Value) -> bool | Unknown:
    """``item in container``

    Raises:
        EvaluationError: ``container`` is none.
    """
    if isinstance(container, Unknown):
        return _known(container.proves("contains", item))
    if isinstance(container, PartialMap):
        return True if isinstance(item, str) and item in container.known else UNKNOWN
    if isinstance(container, dict):
        return UNKNOWN if is_unknown(item) else isinstance(item, str) and item in container
    if isinstance(container, list | Set):
        return any_of(equal(one, item) for one in container)
    raise EvaluationError(f"a {type_name(container)} contains nothing")


def all_of(answers: Iterable[bool | Unknown]) -> bool | Unknown:
    found: bool | Unknown = True
    for answer in answers:
        if answer is False:
            return False
        if answer is not True:
            found = answer
    return found


def any_of(answers: Iterable[bool | Unknown]) -> bool | Unknown:
    found: bool | Unknown = False
    for answer in answers:
        if answer is True:
            return True
        if answer is not False:
            found = answer
    return found


def _known(answer: bool | None) -> bool | Unknown:
    return UNKNOWN if answer is None else answer


TYPES: dict[str, Callable[[Value], bool]] = {
    "bool": lambda value: isinstance(value, bool),
    "bytes": lambda value: isinstance(value, bytes),
    "duration": lambda value: isinstance(value, Duration),
    "float": lambda value: isinstance(value, float),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "latlng": lambda value: isinstance(value, LatLng),
    "list": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict),
    "map_diff": lambda value: isinstance(value, MapDiff),
    "number": is_number,
    "path": lambda value: isinstance(value, Path),
    "set": lambda value: isinstance(value, Set),
    "string": lambda value: isinstance(value, str),
    "timestamp": lambda value: isinstance(value, Timestamp),
}


def type_name(value: Value) -> str:
    """The type's name in the language."""
    if value is None:
        return "null"
    return next((name for name, test in TYPES.items() if test(value)), "value")


def from_fields(fields: Fields) -> dict[str, Value]:
    """The fields of a document, or of a map in it."""
    return {name: from_message(fields[name]) for name in fields}


def from_message(value: Message) -> Value:
    """A ``google.firestore.v1.Value``."""
    kind = value.WhichOneof("value_type")
    if kind == "map_value":
        return from_fields(value.map_value.fields)
    if kind == "array_value":
        return [from_message(element) for element in value.array_value.values]
    if kind == "timestamp_value":
        return Timestamp(micros(value.timestamp_value))
    if kind == "reference_value":
        return Path(tuple(value.reference_value.split("/")[2:]))
    if kind == "geo_point_value":
        return LatLng(value.geo_point_value.latitude, value.geo_point_value.longitude)
    return None if kind == "null_value" else getattr(value, kind)
