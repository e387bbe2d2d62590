"""What a file of rules allows: finds the ``match`` statements of a path, and evaluates their conditions.

https://firebase.google.com/docs/firestore/security/rules-structure
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

from photofinish_emulators.common.state_dir import CannotServe
from photofinish_emulators.firestore.rules import syntax
from photofinish_emulators.firestore.rules.checking import check
from photofinish_emulators.firestore.rules.evaluation import Evaluator, Lookup, Scope
from photofinish_emulators.firestore.rules.parsing import InvalidRules, parse
from photofinish_emulators.firestore.rules.values import AnyDepth, EvaluationError, Path, Unknown, Value

Segments = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One access to documents."""

    method: str
    """``get``, ``list``, ``create``, ``update`` or ``delete``."""
    path: Segments
    """From ``databases`` on; what a query leaves open is `Unknown` or `ANY_DEPTH`."""
    variable: Mapping[str, Value]
    """``request`` in the rules."""
    resource: Value
    lookup: Lookup


class Ruleset:
    def __init__(self, service: syntax.Match) -> None:
        self._service = service

    def refusal(self, request: Request) -> str | None:
        """Why no statement allows the request; None if one does."""
        reasons = []
        scope = Scope({"request": request.variable, "resource": request.resource}, {})
        for allow, inner in _statements(self._service, request.path, scope):
            if request.method not in allow.methods:
                continue
            if allow.condition is None:
                return None
            try:
                answer = Evaluator(request.lookup).truth(allow.condition, inner)
            except EvaluationError as error:
                reasons.append(f"line {allow.line}: {error}")
                continue
            if answer is True:
                return None
            reasons.append(
                f"line {allow.line}: depends on fields that the query does not restrict"
                if isinstance(answer, Unknown)
                else f"line {allow.line}: false"
            )
        return "; ".join(reasons) or "no statement allows it"


def load(path: FilePath) -> Ruleset:
    """
    Raises:
        CannotServe: the file cannot be read, or uses what is not supported; with the line.
    """
    try:
        return parse_ruleset(path.read_text())
    except OSError as error:
        raise CannotServe(f"{path} cannot be read: {error.strerror}") from error
    except (InvalidRules, UnicodeDecodeError) as error:
        raise CannotServe(f"{path}: {error}") from error


def parse_ruleset(text: str) -> Ruleset:
    """
    Raises:
        InvalidRules: with the line.
    """
    service = parse(text)
    check(service)
    return Ruleset(service)


def _statements(match: syntax.Match, path: Segments, outer: Scope) -> Iterator[tuple[syntax.Allow, Scope]]:
    """The ``allow`` statements for ``path``, in this ``match`` and those inside it."""
    for variables, rest in _bindings(match.pattern, path):
        scope = Scope(variables, {function.name: function for function in match.functions}, outer)
        if not rest:
            for allow in match.allows:
                yield allow, scope
        for inner in match.matches:
            yield from _statements(inner, rest, scope)


def _bindings(
    pattern: tuple[str | syntax.Wildcard, ...], path: Segments
) -> Iterator[tuple[dict[str, Value], Segments]]:
    """The ways in which the pattern fits the beginning of the path: the wildcards' values, and the rest of the path.

    A literal segment does not fit one that is not known: then it would not fit every document of a query.
    """
    if not pattern:
        yield {}, path
        return
    part, *others = pattern
    if isinstance(part, syntax.Wildcard) and part.rest:
        for length in range(len(path) + 1):
            for variables, rest in _bindings(tuple(others), path[length:]):
                yield {part.name: Path(path[:length]), **variables}, rest
        return
    if not path or isinstance(path[0], AnyDepth) or (isinstance(part, str) and path[0] != part):
        return
    for variables, rest in _bindings(tuple(others), path[1:]):
        yield ({part.name: path[0]} if isinstance(part, syntax.Wildcard) else {}) | variables, rest
