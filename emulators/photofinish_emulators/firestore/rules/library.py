"""The functions and methods of the language, for values that are known.

https://firebase.google.com/docs/reference/rules/rules; what is missing here is refused when the file is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from photofinish_emulators.firestore.rules.values import (
    Duration,
    EvaluationError,
    MapDiff,
    Path,
    Set,
    Timestamp,
    Value,
    contains,
    equal,
    is_number,
    type_name,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS_US = {
    "w": 604_800_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
}


def _integer(value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise EvaluationError(f"int() of a {type_name(value)}")
    try:
        return int(value)
    except (ValueError, OverflowError) as error:
        raise EvaluationError(str(error)) from None


def _float(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise EvaluationError(f"float() of a {type_name(value)}")
    try:
        return float(value)
    except ValueError as error:
        raise EvaluationError(str(error)) from None


def _string(value: Value) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, str | int | float | Path):
        return str(value)
    raise EvaluationError(f"string() of a {type_name(value)}")


def _boolean(value: Value) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise EvaluationError(f"bool() of {value!r}")


def _path(value: Value) -> Path:
    if not isinstance(value, str):
        raise EvaluationError(f"path() of a {type_name(value)}")
    return Path(tuple(filter(None, value.split("/"))))


def _duration(amount: Value, unit: Value) -> Duration:
    if unit not in _UNITS_US or not is_number(amount):
        raise EvaluationError(f"duration.value({amount!r}, {unit!r}): units are {', '.join(_UNITS_US)}")
    return Duration(int(amount * _UNITS_US[unit]))


def _date(year: int, month: int, day: int) -> Timestamp:
    return Timestamp(int((datetime(year, month, day, tzinfo=UTC) - _EPOCH).total_seconds()) * 1_000_000)


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "bool": _boolean,
    "debug": lambda value: value,
    "float": _float,
    "int": _integer,
    "path": _path,
    "string": _string,
}
NAMESPACES: dict[str, dict[str, Callable[..., Value]]] = {
    "duration": {"value": _duration},
    "math": {
        "abs": abs,
        "ceil": math.ceil,
        "floor": math.floor,
        "isInfinite": math.isinf,
        "isNaN": math.isnan,
        "pow": math.pow,
        "round": lambda value: math.floor(value + 0.5),
        "sqrt": math.sqrt,
    },
    "timestamp": {"date": _date, "value": lambda ms: Timestamp(ms * 1000)},
}


def _matches(text: str, pattern: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error as error:
        raise EvaluationError(f"{pattern!r} is not a regular expression: {error}") from None


def _get(values: dict[str, Value], key: Value, default: Value) -> Value:
    """The value at a key, or at a path of keys."""
    found: Value = values
    for name in key if isinstance(key, list) else [key]:
        if not isinstance(found, dict) or name not in found:
            return default
        found = found[name]
    return found


def _all(values: Value, others: Value) -> Value:
    return all(contains(values, other) is True for other in others)


def _any(values: Value, others: Value) -> Value:
    return any(contains(values, other) is True for other in others)


def _only(values: Value, others: Value) -> Value:
    return _all(values, others) and _all(Set.of(others), values)


def _join(items: list[Value], separator: str) -> str:
    return separator.join(map(_string, items))


def _time(timestamp: Timestamp) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=timestamp.us)
    except OverflowError:
        raise EvaluationError("the time is outside the years 1 to 9999") from None


def _without(items: list[Value], others: list[Value]) -> list[Value]:
    return [item for item in items if contains(others, item) is not True]


_TEXT: dict[str, Callable[..., Value]] = {
    "lower": str.lower,
    "matches": _matches,
    "replace": lambda text, pattern, new: re.sub(pattern, new, text),
    "size": len,
    "split": lambda text, pattern: re.split(pattern, text),
    "toUtf8": lambda text: text.encode(),
    "trim": lambda text: text.strip(),
    "upper": str.upper,
}
_LIST: dict[str, Callable[..., Value]] = {
    "concat": list.__add__,
    "hasAll": _all,
    "hasAny": _any,
    "hasOnly": _only,
    "join": _join,
    "removeAll": _without,
    "size": len,
    "toSet": Set.of,
}
_MAP: dict[str, Callable[..., Value]] = {
    "diff": MapDiff,
    "get": _get,
    "keys": Set.of,
    "size": len,
    "values": lambda values: list(values.values()),
}
_SET: dict[str, Callable[..., Value]] = {
    "difference": lambda values, others: Set(tuple(item for item in values if contains(others, item) is not True)),
    "hasAll": _all,
    "hasAny": _any,
    "hasOnly": _only,
    "intersection": lambda values, others: Set(tuple(item for item in values if contains(others, item) is True)),
    "size": lambda values: len(values.items),
    "union": lambda values, others: Set.of((*values, *others)),
}
_DIFF: dict[str, Callable[..., Value]] = {
    "addedKeys": lambda diff: Set(tuple(diff.after.keys() - diff.before.keys())),
    "affectedKeys": lambda diff: Set(tuple(key for key in diff.after | diff.before if _differs(diff, key))),
    "changedKeys": lambda diff: Set(
        tuple(key for key in diff.after.keys() & diff.before.keys() if _differs(diff, key))
    ),
    "removedKeys": lambda diff: Set(tuple(diff.before.keys() - diff.after.keys())),
    "unchangedKeys": lambda diff: Set(tuple(key for key in diff.after if not _differs(diff, key))),
}
_TIME: dict[str, Callable[..., Value]] = {
    "day": lambda time: _time(time).day,
    "dayOfWeek": lambda time: _time(time).isoweekday(),
    "dayOfYear": lambda time: _time(time).timetuple().tm_yday,
    "hours": lambda time: _time(time).hour,
    "minutes": lambda time: _time(time).minute,
    "month": lambda time: _time(time).month,
    "nanos": lambda time: time.us % 1_000_000 * 1000,
    "seconds": lambda time: _time(time).second,
    "toMillis": lambda time: time.us // 1000,
    "year": lambda time: _time(time).year,
}
_DURATION: dict[str, Callable[..., Value]] = {
    "nanos": lambda duration: duration.us % 1_000_000 * 1000,
    "seconds": lambda duration: duration.us // 1_000_000,
}
_METHODS: tuple[tuple[type, dict[str, Callable[..., Value]]], ...] = (
    (str, _TEXT),
    (bytes, {"size": len, "toHexString": lambda value: value.hex()}),
    (list, _LIST),
    (dict, _MAP),
    (Set, _SET),
    (MapDiff, _DIFF),
    (Timestamp, _TIME),
    (Duration, _DURATION),
)
METHOD_NAMES = frozenset(name for _, methods in _METHODS for name in methods)


def _differs(diff: MapDiff, key: str) -> bool:
    if key not in diff.after or key not in diff.before:
        return True
    return equal(diff.after[key], diff.before[key]) is not True


def call_function(function: Callable[..., Value], arguments: list[Value]) -> Value:
    """
    Raises:
        EvaluationError: the arguments are not those of the function.
    """
    try:
        return function(*arguments)
    except (TypeError, ValueError, AttributeError, OverflowError, re.error) as error:
        raise EvaluationError(str(error)) from None


def call_method(target: Value, name: str, arguments: list[Value]) -> Value:
    """
    Raises:
        EvaluationError: the value has no such method, or the arguments are not those of the method.
    """
    for kind, methods in _METHODS:
        if isinstance(target, kind) and name in methods:
            return call_function(methods[name], [target, *arguments])
    raise EvaluationError(f"a {type_name(target)} has no method {name}")
