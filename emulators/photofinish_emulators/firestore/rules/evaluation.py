"""Evaluates expressions of the rules' language.

A query is judged before its results are read, so values may be `Unknown`: an operation on one is unknown too, unless
the rest decides it (``false && unknown`` is false).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from photofinish_emulators.firestore.rules import syntax
from photofinish_emulators.firestore.rules.library import FUNCTIONS, NAMESPACES, call_function, call_method
from photofinish_emulators.firestore.rules.values import (
    TYPES,
    UNKNOWN,
    Duration,
    EvaluationError,
    PartialMap,
    Path,
    Timestamp,
    Unknown,
    Value,
    contains,
    equal,
    is_number,
    is_unknown,
    type_name,
)

MAX_CALL_DEPTH = 20
READERS = {"get": False, "exists": False, "getAfter": True, "existsAfter": True}
"""Functions that read a document; whether they see it as it is after the write."""
Lookup = Callable[[Path, bool], Value]
"""The resource at a path, None if there is none; and whether as it is after the write."""

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ORDERED = (str, bytes, Timestamp, Duration)


@dataclass(frozen=True, eq=False, slots=True)
class Scope:
    """Names that expressions may use: those of a ``match`` or of a function's call, and of what is around it."""

    variables: Mapping[str, Value]
    functions: Mapping[str, syntax.Function]
    outer: Scope | None = None

    def has(self, name: str) -> bool:
        return name in self.variables or (self.outer is not None and self.outer.has(name))

    def variable(self, name: str) -> Value:
        if name in self.variables:
            return self.variables[name]
        if self.outer is None:
            raise EvaluationError(f"{name} is not defined")
        return self.outer.variable(name)

    def function(self, name: str) -> tuple[syntax.Function, Scope] | None:
        """The function, and the scope that it belongs to."""
        if name in self.functions:
            return self.functions[name], self
        return None if self.outer is None else self.outer.function(name)


class Evaluator:
    """Evaluates the conditions of one request."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._depth = 0

    def truth(self, expression: syntax.Expression, scope: Scope) -> bool | Unknown:
        """
        Raises:
            EvaluationError: the expression has no value, or it is not a bool.
        """
        found = self.value(expression, scope)
        if isinstance(found, bool | Unknown):
            return found
        raise EvaluationError(f"line {expression.line}: a {type_name(found)} where a bool is needed")

    def value(self, node: syntax.Expression, scope: Scope) -> Value:
        """
        Raises:
            EvaluationError: the expression has no value.
        """
        match node:
            case syntax.Literal():
                return node.value
            case syntax.Variable():
                return scope.variable(node.name)
            case syntax.ListOf():
                return [self.value(item, scope) for item in node.items]
            case syntax.MapOf():
                pairs = [(self.value(key, scope), self.value(item, scope)) for key, item in node.pairs]
                if any(is_unknown(key) for key, _ in pairs):
                    return UNKNOWN
                if not all(isinstance(key, str) for key, _ in pairs):
                    raise EvaluationError(f"line {node.line}: the keys of a map must be strings")
                return dict(pairs)
            case syntax.PathOf():
                return self._path(node, scope)
            case syntax.Unary():
                return self._unary(node, scope)
            case syntax.Binary():
                return self._binary(node, scope)
            case syntax.Is():
                operand = self.value(node.operand, scope)
                return UNKNOWN if isinstance(operand, Unknown | PartialMap) else TYPES[node.type_name](operand)
            case syntax.Conditional():
                condition = self.truth(node.condition, scope)
                if isinstance(condition, Unknown):
                    return UNKNOWN
                return self.value(node.yes if condition else node.no, scope)
            case syntax.Member():
                return _member(self.value(node.target, scope), node.name)
            case syntax.Index():
                return _item(self.value(node.target, scope), self.value(node.key, scope))
            case syntax.Slice():
                parts = [self.value(part, scope) for part in (node.target, node.first, node.last)]
                return UNKNOWN if any(map(is_unknown, parts)) else _slice(*parts)
            case syntax.Call():
                return self._call(node, scope)

    def _path(self, node: syntax.PathOf, scope: Scope) -> Path:
        segments: list[Value] = []
        for part in node.parts:
            found = part if isinstance(part, str) else self.value(part, scope)
            if isinstance(found, Path):
                segments.extend(found.segments)
            elif isinstance(found, str | Unknown):
                segments.append(found)
            else:
                raise EvaluationError(f"line {node.line}: a {type_name(found)} cannot be part of a path")
        return Path(tuple(segments))

    def _unary(self, node: syntax.Unary, scope: Scope) -> Value:
        if node.operator == "!":
            answer = self.truth(node.operand, scope)
            return answer if isinstance(answer, Unknown) else not answer
        operand = self.value(node.operand, scope)
        if isinstance(operand, Unknown):
            return UNKNOWN
        if not is_number(operand):
            raise EvaluationError(f"line {node.line}: - of a {type_name(operand)}")
        return -operand

    def _binary(self, node: syntax.Binary, scope: Scope) -> Value:
        if node.operator in ("&&", "||"):
            return self._logic(node, scope, decisive=node.operator == "||")
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        if node.operator in ("==", "!="):
            same = equal(left, right)
            return same if isinstance(same, Unknown) or node.operator == "==" else not same
        if node.operator == "in":
            return contains(right, left)
        if node.operator in _COMPARISONS:
            return _compare(node.operator, left, right)
        return UNKNOWN if is_unknown(left) or is_unknown(right) else _arithmetic(node.operator, left, right)

    def _logic(self, node: syntax.Binary, scope: Scope, decisive: bool) -> bool | Unknown:
        """One decisive side decides, even where the other is unknown or an error."""
        failed: EvaluationError | None = None
        answers = []
        for side in (node.left, node.right):
            try:
                answer = self.truth(side, scope)
            except EvaluationError as error:
                failed = failed or error
                continue
            if answer is decisive:
                return decisive
            answers.append(answer)
        if failed is not None:
            raise failed
        return next((answer for answer in answers if isinstance(answer, Unknown)), not decisive)

    def _call(self, node: syntax.Call, scope: Scope) -> Value:
        arguments = [self.value(argument, scope) for argument in node.arguments]
        if node.target is None:
            found = scope.function(node.name)
            if found is not None:
                return self._call_own(*found, arguments, node.line)
            if node.name in READERS:
                return self._read(node.name, arguments)
            return UNKNOWN if any(map(is_unknown, arguments)) else call_function(FUNCTIONS[node.name], arguments)
        if (
            isinstance(node.target, syntax.Variable)
            and node.target.name in NAMESPACES
            and not scope.has(node.target.name)
        ):
            if any(map(is_unknown, arguments)):
                return UNKNOWN
            return call_function(NAMESPACES[node.target.name][node.name], arguments)
        target = self.value(node.target, scope)
        if isinstance(target, PartialMap) and node.name == "get" and len(arguments) == 2:
            return _partial_get(target, arguments[0])
        return UNKNOWN if any(map(is_unknown, (target, *arguments))) else call_method(target, node.name, arguments)

    def _call_own(self, function: syntax.Function, owner: Scope, arguments: list[Value], line: int) -> Value:
        if self._depth >= MAX_CALL_DEPTH:
            raise EvaluationError(f"line {line}: functions call each other more than {MAX_CALL_DEPTH} levels deep")
        variables = dict(zip(function.parameters, arguments, strict=True))
        scope = Scope(variables, {}, owner)
        self._depth += 1
        try:
            for name, expression in function.lets:
                variables[name] = self.value(expression, scope)
            return self.value(function.result, scope)
        finally:
            self._depth -= 1

    def _read(self, name: str, arguments: list[Value]) -> Value:
        (path,) = arguments
        if is_unknown(path):
            return UNKNOWN
        if not isinstance(path, Path):
            raise EvaluationError(f"{name}() of a {type_name(path)}")
        found = self._lookup(path, READERS[name])
        return found is not None if name.startswith("exists") else found


def _member(target: Value, name: str) -> Value:
    if isinstance(target, Unknown):
        return UNKNOWN
    if isinstance(target, PartialMap):
        return target.get(name)
    if isinstance(target, dict) and name in target:
        return target[name]
    raise EvaluationError(f"{name} is undefined: the value is {'a ' if target is not None else ''}{type_name(target)}")


def _item(target: Value, key: Value) -> Value:
    if isinstance(target, Unknown) or is_unknown(key):
        return UNKNOWN
    if isinstance(target, dict | PartialMap) and isinstance(key, str):
        return _member(target, key)
    if isinstance(target, list) and isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(target):
        return target[key]
    raise EvaluationError(f"a {type_name(target)} has no element {key!r}")


def _slice(target: Value, first: Value, last: Value) -> Value:
    if isinstance(target, list | str) and type(first) is type(last) is int and 0 <= first <= last <= len(target):
        return target[first:last]
    raise EvaluationError(f"a {type_name(target)} has no part [{first!r}:{last!r}]")


def _partial_get(target: PartialMap, key: Value) -> Value:
    found: Value = target
    for name in key if isinstance(key, list) else [key]:
        found = _item(found, name)
    return found


def _compare(sign: str, left: Value, right: Value) -> bool | Unknown:
    if isinstance(left, Unknown):
        answer = left.proves(sign, right)
        return UNKNOWN if answer is None else answer
    if isinstance(right, Unknown):
        return _compare(_FLIPPED[sign], right, left)
    if (is_number(left) and is_number(right)) or (type(left) is type(right) and isinstance(left, _ORDERED)):
        return _COMPARISONS[sign](left, right)
    raise EvaluationError(f"a {type_name(left)} {sign} a {type_name(right)}")


def _arithmetic(sign: str, left: Value, right: Value) -> Value:
    if is_number(left) and is_number(right):
        return _calculate(sign, left, right)
    match sign, left, right:
        case "+", str(), str():
            return left + right
        case "+", Timestamp(), Duration():
            return Timestamp(left.us + right.us)
        case "-", Timestamp(), Duration():
            return Timestamp(left.us - right.us)
        case "-", Timestamp(), Timestamp():
            return Duration(left.us - right.us)
        case "+", Duration(), Duration():
            return Duration(left.us + right.us)
    raise EvaluationError(f"a {type_name(left)} {sign} a {type_name(right)}")


def _calculate(sign: str, left: Any, right: Any) -> Value:
    if sign in ("/", "%") and right == 0:
        raise EvaluationError("division by zero")
    whole = isinstance(left, int) and isinstance(right, int)
    if sign == "/" and whole:  # rounds towards zero
        return int(abs(left) // abs(right)) * (1 if (left < 0) == (right < 0) else -1)
    if sign == "%":
        return left - right * _calculate("/", left, right) if whole else left % right
    return {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}[sign](left, right)
