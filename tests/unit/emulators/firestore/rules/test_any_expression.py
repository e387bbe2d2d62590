"""No condition makes the server fail, and what a query leaves open allows only what every value would allow."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish_emulators.firestore.rules import syntax
from photofinish_emulators.firestore.rules.evaluation import Evaluator, Scope
from photofinish_emulators.firestore.rules.library import METHOD_NAMES
from photofinish_emulators.firestore.rules.parsing import parse
from photofinish_emulators.firestore.rules.values import (
    TYPES,
    UNKNOWN,
    EvaluationError,
    LatLng,
    PartialMap,
    Path,
    Set,
    Timestamp,
    Unknown,
    Value,
)
from support.examples import examples

KNOWN = {
    "text": "a,b",
    "whole": 3,
    "half": 0.5,
    "list": [1, "a", None],
    "map": {"a": 1, "b": {"c": [True]}},
    "set": Set(("a", 1)),
    "time": Timestamp(1_709_208_000_000_000),
    "place": LatLng(1.0, 2.0),
    "path": Path(("a", "b")),
}
OPEN = {"open": UNKNOWN, "more": Unknown([(">", 3)]), "partial": PartialMap({"a": 1})}
SIGNS = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"]


def expressions(names: list[str]) -> st.SearchStrategy[str]:
    atoms = st.sampled_from([*names, "1", "0", "-2", "1.5", "'a'", "''", "true", "null", "[]", "{}", "(/a/b)", "b'x'"])

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        lists = st.lists(inner, max_size=2).map(", ".join)
        return st.one_of(
            st.tuples(inner, st.sampled_from(SIGNS), inner).map(lambda parts: f"({' '.join(parts)})"),
            inner.map(lambda one: f"!({one})"),
            inner.map(lambda one: f"(-({one}))"),
            st.tuples(inner, st.sampled_from(sorted(METHOD_NAMES)), lists).map(lambda p: f"({p[0]}).{p[1]}({p[2]})"),
            st.tuples(inner, st.sampled_from("ab")).map(lambda parts: f"({parts[0]}).{parts[1]}"),
            st.tuples(inner, inner).map(lambda parts: f"({parts[0]})[{parts[1]}]"),
            st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]})[{parts[1]}:{parts[2]}]"),
            st.tuples(inner, inner, inner).map(lambda parts: f"(({parts[0]}) ? {parts[1]} : {parts[2]})"),
            st.tuples(inner, st.sampled_from(sorted(TYPES))).map(lambda parts: f"(({parts[0]}) is {parts[1]})"),
            st.tuples(st.sampled_from(["int", "float", "string", "bool", "path", "exists"]), inner).map(
                lambda parts: f"{parts[0]}({parts[1]})"
            ),
            lists.map(lambda items: f"[{items}]"),
            st.tuples(inner, inner).map(lambda parts: f"{{{parts[0]}: {parts[1]}}}"),
            inner.map(lambda one: f"(/a/$({one}))"),
        )

    return st.recursive(atoms, larger, max_leaves=6)


def evaluated(text: str, names: dict[str, Value]) -> bool | Unknown | None:
    """The condition's truth; None if it has none."""
    service = parse(f"rules_version = '2'; service cloud.firestore {{ match /a/{{b}} {{ allow get: if {text}; }} }}")
    condition: syntax.Expression | None = service.matches[0].allows[0].condition
    assert condition is not None
    with suppress(EvaluationError):
        return Evaluator(lambda path, after: None).truth(condition, Scope(names, {}))
    return None


@settings(max_examples=examples(300))
@given(expressions([*KNOWN, *OPEN]))
def test_any_condition_is_true_false_open_or_an_error(text: str) -> None:
    found = evaluated(text, KNOWN | OPEN)
    assert found in (True, False, None) or isinstance(found, Unknown), text


@settings(max_examples=examples(300))
@given(expressions(["open", "open"]), st.sampled_from([None, True, False, 1, "a", [1], {"a": 1}]))
def test_what_is_open_allows_only_what_every_value_allows(text: str, value: Value) -> None:
    """ "True" for an unknown value holds for each value it could have, unless that has no truth at all."""
    if evaluated(text, {"open": UNKNOWN}) is True:
        assert evaluated(text, {"open": value}) in (True, None), text
