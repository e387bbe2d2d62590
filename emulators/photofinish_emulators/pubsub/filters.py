"""The filter language of subscriptions, as documented.

::

    filter     = term { "AND" term } | term { "OR" term }       (to mix the two, use parentheses)
    term       = [ "NOT" | "-" ] ( comparison | "(" filter ")" )
    comparison = "attributes" ":" key                           the attribute exists
               | "attributes" "." key ( "=" | "!=" ) string     it exists, and its value is, or is not, this
               | "hasPrefix" "(" "attributes" "." key "," string ")"
    key        = identifier | string

Operators are upper case. A string is in double quotes, with ``\\"``, ``\\\\``, ``\\n``, ``\\r``, ``\\t``, ``\\xHH``,
``\\uHHHH``, ``\\UHHHHHHHH`` and octal ``\\OOO`` escapes. Every comparison, including ``!=``, is false if the message
lacks the attribute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

MAX_FILTER_BYTES = 256

Predicate = Callable[[Mapping[str, str]], bool]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<word>[A-Za-z_][A-Za-z0-9_\-]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<sign>!=|[=:.,()\-])
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[0-7]{3}|.)", re.DOTALL)
_SIMPLE_ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
    "?": "?",
    "`": "`",
}


class FilterError(ValueError):
    """The filter does not parse; the message says where and why."""


def parse_filter(text: str) -> Predicate:
    """Parse a filter into a predicate on a message's attributes.

    Raises:
        FilterError: ``text`` is too long or does not parse.
    """
    size = len(text.encode())
    if size > MAX_FILTER_BYTES:
        raise FilterError(f"it has {size} bytes, the limit is {MAX_FILTER_BYTES}")
    parser = _Parser(text)
    predicate = parser.expression()
    parser.end()
    return predicate


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str, int]] = []
        self._next = 0
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise FilterError(f"unexpected {text[position:].strip()[0]!r} at position {position}")
            kind = match.lastgroup
            assert kind is not None
            self._tokens.append((kind, match[kind], match.start(kind)))
            position = match.end()

    def expression(self) -> Predicate:
        terms = [self._term()]
        operator = self._peek("AND", "OR")
        if operator is None:
            return terms[0]
        while self._accept(operator):
            terms.append(self._term())
        if self._peek("AND", "OR"):
            raise FilterError("AND and OR are mixed: use parentheses")
        combine = all if operator == "AND" else any
        return lambda attributes: combine(term(attributes) for term in terms)

    def end(self) -> None:
        if self._next < len(self._tokens):
            raise self._unexpected("the end")

    def _term(self) -> Predicate:
        if self._accept("NOT") or self._accept("-"):
            negated = self._operand()
            return lambda attributes: not negated(attributes)
        return self._operand()

    def _operand(self) -> Predicate:
        if self._accept("("):
            inner = self.expression()
            self._expect(")")
            return inner
        if self._accept("hasPrefix"):
            self._expect("(")
            self._expect("attributes")
            self._expect(".")
            key = self._key()
            self._expect(",")
            prefix = self._string()
            self._expect(")")
            return lambda attributes: key in attributes and attributes[key].startswith(prefix)
        self._expect("attributes")
        if self._accept(":"):
            key = self._key()
            return lambda attributes: key in attributes
        self._expect(".")
        key = self._key()
        if self._accept("="):
            equal = self._string()
            return lambda attributes: key in attributes and attributes[key] == equal
        self._expect("!=")
        different = self._string()
        return lambda attributes: key in attributes and attributes[key] != different

    def _key(self) -> str:
        kind, token, _ = self._take("an attribute's key", "word", "string")
        return token if kind == "word" else _unquote(token)

    def _string(self) -> str:
        return _unquote(self._take("a string in double quotes", "string")[1])

    def _take(self, what: str, *kinds: str) -> tuple[str, str, int]:
        if self._next == len(self._tokens) or self._tokens[self._next][0] not in kinds:
            raise self._unexpected(what)
        self._next += 1
        return self._tokens[self._next - 1]

    def _peek(self, *tokens: str) -> str | None:
        if self._next < len(self._tokens):
            kind, token, _ = self._tokens[self._next]
            if kind != "string" and token in tokens:
                return token
        return None

    def _accept(self, token: str) -> bool:
        if self._peek(token) is None:
            return False
        self._next += 1
        return True

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise self._unexpected(repr(token))

    def _unexpected(self, expected: str) -> FilterError:
        if self._next == len(self._tokens):
            return FilterError(f"expected {expected} at its end")
        _, token, position = self._tokens[self._next]
        return FilterError(f"expected {expected} at position {position}, found {token!r}")


def _unquote(literal: str) -> str:
    def character(match: re.Match[str]) -> str:
        escape = match[1]
        if escape[0] in "xuU" and len(escape) > 1:
            return _chr(int(escape[1:], 16), literal)
        if len(escape) == 3:
            return _chr(int(escape, 8), literal)
        if escape not in _SIMPLE_ESCAPES:
            raise FilterError(f"unknown escape \\{escape} in {literal}")
        return _SIMPLE_ESCAPES[escape]

    return _ESCAPE.sub(character, literal[1:-1])


def _chr(code: int, literal: str) -> str:
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise FilterError(f"no such character in {literal}")
    return chr(code)
