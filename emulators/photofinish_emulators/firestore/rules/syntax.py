"""The parts of a file of rules, as the parser builds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

METHODS = {
    "get": ("get",),
    "list": ("list",),
    "create": ("create",),
    "update": ("update",),
    "delete": ("delete",),
    "read": ("get", "list"),
    "write": ("create", "update", "delete"),
}
"""What each word of an ``allow`` statement stands for."""


@dataclass(frozen=True, slots=True)
class Literal:
    line: int
    value: bool | int | float | str | bytes | None


@dataclass(frozen=True, slots=True)
class Variable:
    line: int
    name: str


@dataclass(frozen=True, slots=True)
class ListOf:
    line: int
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class MapOf:
    line: int
    pairs: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True)
class PathOf:
    """``/users/$(id)``: segments, and expressions whose values are segments or paths."""

    line: int
    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    line: int
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    line: int
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Is:
    line: int
    operand: Expression
    type_name: str


@dataclass(frozen=True, slots=True)
class Conditional:
    line: int
    condition: Expression
    yes: Expression
    no: Expression


@dataclass(frozen=True, slots=True)
class Member:
    line: int
    target: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    line: int
    target: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Slice:
    line: int
    target: Expression
    first: Expression
    last: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """A function, or with ``target`` a method of a value (or of a namespace such as ``math``)."""

    line: int
    target: Expression | None
    name: str
    arguments: tuple[Expression, ...]


Expression: TypeAlias = (
    Literal | Variable | ListOf | MapOf | PathOf | Unary | Binary | Is | Conditional | Member | Index | Slice | Call
)


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``{name}``, or ``{name=**}``, which stands for the rest of a path, or for any part of it."""

    name: str
    rest: bool


@dataclass(frozen=True, slots=True)
class Function:
    line: int
    name: str
    parameters: tuple[str, ...]
    lets: tuple[tuple[str, Expression], ...]
    result: Expression


@dataclass(frozen=True, slots=True)
class Allow:
    line: int
    methods: frozenset[str]
    condition: Expression | None


@dataclass(frozen=True, slots=True)
class Match:
    """A ``match`` statement; the outermost one is the service, with an empty pattern."""

    line: int
    pattern: tuple[str | Wildcard, ...]
    matches: tuple[Match, ...]
    allows: tuple[Allow, ...]
    functions: tuple[Function, ...]
