"""Finds in logs what must never be in one: vectors, pictures, keys, and given names and secrets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

_NUMBER = rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_NEWLINE = b"\n"
_FORBIDDEN = {
    "a vector": re.compile(rb"(?:" + _NUMBER + rb"\s*,\s*){31}" + _NUMBER),
    "a Base64 text as long as a vector": re.compile(rb"[A-Za-z0-9+/]{300,}"),
    "an API key": re.compile(rb"pf_[a-z2-7]{16}_[a-z2-7]{52}"),
    "a JPEG": re.compile(rb"\xff\xd8\xff|\\\\?xff\\\\?xd8\\\\?xff"),
    "a PNG": re.compile(rb"\x89PNG|\\\\?x89PNG"),
}


def leaks(log: str, content: bytes, secrets: Collection[str]) -> Iterator[str]:
    """Where `content` has one of them, without repeating it."""
    patterns = _FORBIDDEN | {
        f"the secret or name {one[:2]}…": re.compile(rb"\b" + re.escape(one.encode()) + rb"\b") for one in secrets
    }
    for what, pattern in patterns.items():
        if found := pattern.search(content):
            yield f"{log}: {what} in line {1 + content[: found.start()].count(_NEWLINE)}"
