"""Lines of JSON between a confined process and this one.

The process may have been taken over, so its lines are checked like any other input: what does not fit raises
MalformedAnswer.
"""

from __future__ import annotations

import json
from typing import Any

MAX_TEXT = 2_000


class MalformedAnswer(ValueError):
    """A confined process answered what none says."""


def json_line(said: dict[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"


def parsed_json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer("no JSON") from error


def fields(said: Any, *names: str) -> list[Any]:
    if not isinstance(said, dict) or set(said) != set(names):
        raise MalformedAnswer(f"not the fields {', '.join(names)}")
    return [said[name] for name in names]


def listed(said: Any, length: int | None = None) -> list[Any]:
    if not isinstance(said, list) or (length is not None and len(said) != length):
        raise MalformedAnswer("no list, or one of another length")
    return said


def number(said: Any) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or not 0 <= said < 2**40:
        raise MalformedAnswer("no number")
    return said


def decimal(said: Any, least: float, most: float) -> float:
    if not isinstance(said, int | float) or isinstance(said, bool) or not least <= said <= most:
        raise MalformedAnswer("no number, or one out of bounds")
    return float(said)


def text(said: Any, longest: int = MAX_TEXT) -> str:
    if not isinstance(said, str) or len(said) > longest:
        raise MalformedAnswer("no text, or a long one")
    try:
        said.encode()
    except UnicodeEncodeError as error:  # half of a pair, which no store takes
        raise MalformedAnswer("text that is not Unicode") from error
    return said
