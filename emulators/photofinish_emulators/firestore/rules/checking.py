"""Finds what a file of rules uses and this server does not have, so that it is refused before the first request."""

from __future__ import annotations

from collections.abc import Iterator

from photofinish_emulators.firestore.rules import syntax
from photofinish_emulators.firestore.rules.evaluation import READERS
from photofinish_emulators.firestore.rules.library import FUNCTIONS, METHOD_NAMES, NAMESPACES
from photofinish_emulators.firestore.rules.parsing import InvalidRules
from photofinish_emulators.firestore.rules.values import TYPES

REQUEST = {"auth", "method", "path", "query", "resource", "time"}
QUERY = {"limit", "offset"}
Names = frozenset[str]
Functions = dict[str, int]
"""The number of parameters of each function."""


def check(service: syntax.Match) -> None:
    """
    Raises:
        InvalidRules: a name is not defined, or a part of the language is not supported.
    """
    _check_match(service, frozenset({"request", "resource"}), {})


def _check_match(match: syntax.Match, names: Names, functions: Functions) -> None:
    names |= {part.name for part in match.pattern if isinstance(part, syntax.Wildcard)}
    functions = functions | {function.name: len(function.parameters) for function in match.functions}
    for function in match.functions:
        known = names | set(function.parameters)
        for name, expression in function.lets:
            _check(expression, known, functions)
            known |= {name}
        _check(function.result, known, functions)
    for allow in match.allows:
        if allow.condition is not None:
            _check(allow.condition, names, functions)
    for inner in match.matches:
        _check_match(inner, names, functions)


def _check(node: syntax.Expression, names: Names, functions: Functions) -> None:
    for part in _parts(node, names):
        _check(part, names, functions)
    match node:
        case syntax.Variable() if node.name not in names:
            raise InvalidRules(node.line, f"{node.name} is not defined")
        case syntax.Is() if node.type_name not in TYPES:
            raise InvalidRules(node.line, f"{node.type_name} is not a type, only {', '.join(TYPES)} are")
        case syntax.Member(target=syntax.Variable(name="request")) if node.name not in REQUEST:
            raise InvalidRules(node.line, f"request.{node.name} is not supported, only {', '.join(sorted(REQUEST))}")
        case syntax.Member(target=syntax.Member(target=syntax.Variable(name="request"), name="query")):
            if node.name not in QUERY:
                raise InvalidRules(node.line, f"request.query.{node.name} is not supported, only {', '.join(QUERY)}")
        case syntax.Call():
            _check_call(node, names, functions)


def _check_call(node: syntax.Call, names: Names, functions: Functions) -> None:
    count = len(node.arguments)
    if node.target is None:
        if node.name in functions and functions[node.name] != count:
            raise InvalidRules(node.line, f"{node.name} has {functions[node.name]} parameters, not {count}")
        if node.name in READERS and count != 1:
            raise InvalidRules(node.line, f"{node.name} has one parameter, a path, not {count}")
        if node.name not in functions and node.name not in FUNCTIONS and node.name not in READERS:
            raise InvalidRules(node.line, f"the function {node.name}() is not defined or not supported")
    elif _is_namespace(node.target, names):
        assert isinstance(node.target, syntax.Variable)
        if node.name not in NAMESPACES[node.target.name]:
            raise InvalidRules(node.line, f"{node.target.name}.{node.name}() is not supported")
    elif node.name not in METHOD_NAMES:
        raise InvalidRules(node.line, f"the method {node.name}() does not exist or is not supported")


def _is_namespace(node: syntax.Expression, names: Names) -> bool:
    return isinstance(node, syntax.Variable) and node.name in NAMESPACES and node.name not in names


def _parts(node: syntax.Expression, names: Names) -> Iterator[syntax.Expression]:
    """The expressions inside an expression."""
    match node:
        case syntax.ListOf():
            yield from node.items
        case syntax.MapOf():
            for pair in node.pairs:
                yield from pair
        case syntax.PathOf():
            yield from (part for part in node.parts if not isinstance(part, str))
        case syntax.Unary() | syntax.Is():
            yield node.operand
        case syntax.Binary():
            yield from (node.left, node.right)
        case syntax.Conditional():
            yield from (node.condition, node.yes, node.no)
        case syntax.Member():
            yield node.target
        case syntax.Index():
            yield from (node.target, node.key)
        case syntax.Slice():
            yield from (node.target, node.first, node.last)
        case syntax.Call():
            if node.target is not None and not _is_namespace(node.target, names):
                yield node.target
            yield from node.arguments
