"""Parses a file of rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import VisitError
from lark.visitors import v_args

from photofinish_emulators.firestore.rules import syntax

_GRAMMAR = Path(__file__).with_name("grammar.lark")
SERVICE = "cloud.firestore"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"', "`": "`"}


class InvalidRules(Exception):
    """The rules cannot be used: line and reason."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")


def parse(text: str) -> syntax.Match:
    """The service of a file of rules.

    Raises:
        InvalidRules: the syntax is wrong, or the file is for another version or service.
    """
    try:
        tree = _parser().parse(text)
        parsed: syntax.Match = _Build().transform(tree)
    except UnexpectedInput as error:
        expected = getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
        found = repr(str(error.token)) if hasattr(error, "token") else "this character"
        hint = f"; expected one of {', '.join(sorted(expected))}" if expected else ""
        raise InvalidRules(error.line, f"{found} is not expected here{hint}") from None
    except VisitError as error:
        if isinstance(error.orig_exc, InvalidRules):
            raise error.orig_exc from None
        raise
    return parsed


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR.read_text(), parser="lalr", propagate_positions=True, maybe_placeholders=False)


def _text(token: str) -> str | bytes:
    """The value of a string or of bytes (``b'…'``); only known escapes are replaced."""
    text = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), token.removeprefix("b")[1:-1])
    return text.encode() if token.startswith("b") else text


def _binary(line: int, children: list[Any]) -> syntax.Binary:
    left, operator, right = children
    return syntax.Binary(line, str(operator), left, right)


def _at_line(build: Callable[[int, list[Any]], Any]) -> Any:
    @v_args(meta=True)
    def method(_: _Build, meta: Any, children: list[Any]) -> Any:
        return build(getattr(meta, "line", 0), children)

    return method


class _Build(Transformer[Token, Any]):
    """From the parser's tree to `syntax`; each method has the name of a rule of the grammar."""

    name = _at_line(lambda line, children: syntax.Variable(line, str(children[0])))
    constant = _at_line(lambda line, c: syntax.Literal(line, {"true": True, "false": False, "null": None}[str(c[0])]))
    number = _at_line(lambda line, c: syntax.Literal(line, int(c[0]) if str(c[0]).isdecimal() else float(c[0])))
    string = _at_line(lambda line, c: syntax.Literal(line, _text(str(c[0]))))
    list_ = _at_line(lambda line, c: syntax.ListOf(line, tuple(c)))
    map_ = _at_line(lambda line, c: syntax.MapOf(line, tuple(c)))
    pair = _at_line(lambda _, c: tuple(c))
    path = _at_line(lambda line, c: syntax.PathOf(line, tuple(part for part in c if not _is_slash(part))))
    literal_part = _at_line(lambda _, c: str(c[0]))
    computed_part = _at_line(lambda _, c: c[0])
    wildcard = _at_line(lambda _, c: syntax.Wildcard(str(c[0]), rest=False))
    rest = _at_line(lambda _, c: syntax.Wildcard(str(c[0]), rest=True))
    pattern = _at_line(lambda _, c: tuple(part for part in c if not _is_slash(part)))

    not_ = _at_line(lambda line, c: syntax.Unary(line, "!", c[-1]))
    negative = _at_line(lambda line, c: syntax.Unary(line, "-", c[-1]))
    or_ = _at_line(lambda line, c: syntax.Binary(line, "||", *c))
    and_ = _at_line(lambda line, c: syntax.Binary(line, "&&", *c))
    equality = relation = sum_ = product = _at_line(_binary)
    is_ = _at_line(lambda line, c: syntax.Is(line, c[0], str(c[1])))
    conditional = _at_line(lambda line, c: syntax.Conditional(line, *c))
    member = _at_line(lambda line, c: syntax.Member(line, c[0], str(c[1])))
    index = _at_line(lambda line, c: syntax.Index(line, *c))
    slice = _at_line(lambda line, c: syntax.Slice(line, *c))
    arguments = _at_line(lambda _, c: tuple(c))
    parameters = _at_line(lambda _, c: tuple(map(str, c)))
    let = _at_line(lambda _, c: (str(c[0]), c[1]))

    @v_args(meta=True)
    def call(self, meta: Any, children: list[Any]) -> syntax.Call:
        called, arguments = children
        if isinstance(called, syntax.Variable):
            return syntax.Call(meta.line, None, called.name, arguments)
        if isinstance(called, syntax.Member):
            return syntax.Call(meta.line, called.target, called.name, arguments)
        raise InvalidRules(meta.line, "only functions and methods can be called")

    @v_args(meta=True)
    def function(self, meta: Any, children: list[Any]) -> syntax.Function:
        name, parameters, *lets, result = children
        return syntax.Function(meta.line, str(name), parameters, tuple(lets), result)

    @v_args(meta=True)
    def allow(self, meta: Any, children: list[Any]) -> syntax.Allow:
        words = [child for child in children if isinstance(child, Token)]
        condition = next((child for child in children if not isinstance(child, Token)), None)
        unknown = [str(word) for word in words if word not in syntax.METHODS]
        if unknown:
            raise InvalidRules(meta.line, f"{unknown[0]!r} cannot be allowed, only {', '.join(syntax.METHODS)}")
        methods = frozenset(method for word in words for method in syntax.METHODS[word])
        return syntax.Allow(meta.line, methods, condition)

    @v_args(meta=True)
    def match(self, meta: Any, children: list[Any]) -> syntax.Match:
        pattern, *members = children
        return _match(meta.line, pattern, members)

    @v_args(meta=True)
    def service(self, meta: Any, children: list[Any]) -> syntax.Match:
        name = ".".join(str(child) for child in children if isinstance(child, Token))
        if name != SERVICE:
            raise InvalidRules(meta.line, f"these are rules of {name}, not of {SERVICE}")
        return _match(meta.line, (), [child for child in children if not isinstance(child, Token)])

    @v_args(meta=True)
    def version(self, meta: Any, children: list[Any]) -> str:
        if _text(str(children[0])) != "2":
            raise InvalidRules(meta.line, "only version 2 of the language is supported: rules_version = '2';")
        return "2"

    def start(self, children: list[Any]) -> syntax.Match:
        if len(children) < 2:
            raise InvalidRules(1, "without rules_version = '2'; these are rules of version 1, which is not supported")
        service: syntax.Match = children[1]
        return service


def _is_slash(part: Any) -> bool:
    return isinstance(part, Token) and part.type == "SLASH"


def _match(line: int, pattern: tuple[str | syntax.Wildcard, ...], members: list[Any]) -> syntax.Match:
    return syntax.Match(
        line,
        pattern,
        tuple(member for member in members if isinstance(member, syntax.Match)),
        tuple(member for member in members if isinstance(member, syntax.Allow)),
        tuple(member for member in members if isinstance(member, syntax.Function)),
    )
