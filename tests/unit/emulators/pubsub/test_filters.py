"""The filter language, compared with predicates built alongside, and its errors."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish_emulators.pubsub.filters import FilterError, parse_filter

KEYS = ["a", "b", "_x-1", "iana.org/tag", 'q"uote', "Ünï", "AND", "attributes"]
VALUES = ["", "com", "common", "c", 'say "hi"', "back\\slash", "new\nline", "ключ", "\x01"]
attributes = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))


@dataclass(frozen=True)
class Expression:
    """An expression as text, and as a predicate on attributes that does not parse the text."""

    text: str
    holds: object  # Callable[[dict[str, str]], bool]

    def __call__(self, values: dict[str, str]) -> bool:
        return bool(self.holds(values))  # type: ignore[operator]


def quoted(text: str) -> str:
    """A string literal, with escapes where needed."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\x01": "\\x01"}
    return '"' + "".join(escapes.get(c, c) for c in text) + '"'


def written_key(key: str) -> st.SearchStrategy[str]:
    bare = key.isascii() and key.replace("-", "_").isidentifier()
    return st.sampled_from([key, quoted(key)] if bare else [quoted(key)])


@st.composite
def comparisons(draw: st.DrawFn) -> Expression:
    key, value = draw(st.sampled_from(KEYS)), draw(st.sampled_from(VALUES))
    name, literal = draw(written_key(key)), quoted(value)
    space = draw(st.sampled_from(["", " "]))
    return draw(
        st.sampled_from(
            [
                Expression(f"attributes:{name}", lambda a: key in a),
                Expression(f"attributes.{name}{space}={space}{literal}", lambda a: a.get(key) == value),
                Expression(f"attributes.{name}{space}!={space}{literal}", lambda a: a.get(key, value) != value),
                Expression(
                    f"hasPrefix(attributes.{name},{space}{literal})", lambda a: key in a and a[key].startswith(value)
                ),
            ]
        )
    )


def combined(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    @st.composite
    def negation(draw: st.DrawFn) -> Expression:
        child, operator = draw(children), draw(st.sampled_from(["NOT ", "-"]))
        return Expression(f"{operator}({child.text})", lambda a: not child(a))

    @st.composite
    def junction(draw: st.DrawFn) -> Expression:
        parts = draw(st.lists(children, min_size=2, max_size=3))
        operator, combine = draw(st.sampled_from([("AND", all), ("OR", any)]))
        text = f" {operator} ".join(f"({part.text})" for part in parts)
        return Expression(text, lambda a: combine(part(a) for part in parts))

    return negation() | junction()


expressions = st.recursive(comparisons(), combined, max_leaves=4).filter(lambda e: len(e.text.encode()) <= 256)


@given(expressions, attributes)
def test_an_expression_agrees_with_its_predicate(expression: Expression, values: dict[str, str]) -> None:
    assert parse_filter(expression.text)(values) == expression(values), expression.text


@given(st.text(alphabet='atribues.:="!ANDORT-()\\ x,hP', max_size=40))
def test_any_text_either_parses_or_is_refused_with_a_reason(text: str) -> None:
    try:
        matches = parse_filter(text)
    except FilterError as error:
        reason = str(error)
    else:
        matches({})
        return
    assert reason


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("attributes:domain", {"domain": ""}, True),
        ('attributes.domain = "com"', {"domain": "com"}, True),
        ('attributes.domain = "com"', {"domain": "COM"}, False),
        ('attributes.domain != "com"', {}, False),
        ('attributes.domain != "com"', {"domain": "org"}, True),
        ('NOT attributes.domain = "com"', {}, True),
        ("-attributes:domain", {}, True),
        ('attributes:"iana.org/language_tag" AND NOT attributes:b', {"iana.org/language_tag": "en"}, True),
        ('attributes:a AND (attributes.n = "1" OR attributes.n = "2")', {"a": "", "n": "2"}, True),
        ('attributes.a = "\\u00e9\\U0001F600\\x41\\101"', {"a": "é😀AA"}, True),
    ],
)
def test_documented_examples(text: str, values: dict[str, str], expected: bool) -> None:
    assert parse_filter(text)(values) is expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "at its end"),
        ("attributes", "expected '.'"),
        ("attributes:", "key at its end"),
        ("attributes.a", "'!='"),
        ("attributes.a = 'x'", "unexpected"),
        ("attributes.a = x", "double quotes"),
        ('attributes.a > "x"', "unexpected '>'"),
        ('attributes.a = "x', "unexpected"),
        ('data = "x"', "'attributes'"),
        ("(attributes:a", "')'"),
        ("attributes:a)", "the end"),
        ("attributes:a and attributes:b", "the end"),
        ("attributes:a AND", "at its end"),
        ("attributes:a AND attributes:b OR attributes:c", "parentheses"),
        ("NOT NOT attributes:a", "'attributes'"),
        ('hasPrefix(attributes:a, "x")', "'.'"),
        ('attributes.a = "\\q"', "unknown escape"),
        ('attributes.a = "\\uD800"', "no such character"),
        ("attributes:" + "a" * 246, "257 bytes"),
    ],
)
def test_invalid_filters_are_refused(text: str, reason: str) -> None:
    with pytest.raises(FilterError, match=re.escape(reason)):
        parse_filter(text)
