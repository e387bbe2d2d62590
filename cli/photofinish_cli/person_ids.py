"""Person ids as people type them: whole, or as many first characters as are unique in the album."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from photofinish.errors import NotFound, RejectedInput
from photofinish_cli import api_client

SHORT_CHARS = 8
MIN_CHARS = 4
_WHOLE_CHARS = 36
_PAGE = 200
_BEGINNING = re.compile("[0-9a-f-]+")


def whole_person_id(album: str, given: str) -> str:
    """The id that begins with `given`.

    Raises:
        RejectedInput: it is no beginning of an id, or the beginning of several.
        NotFound: no person's id begins so.
    """
    text = given.strip().lower()
    if len(text) == _WHOLE_CHARS:
        return text
    if len(text) < MIN_CHARS or not _BEGINNING.fullmatch(text):
        raise RejectedInput(
            "bad_person_id",
            f"{given!r} is no person's id: give the id that `photofinish people list {album}` shows, "
            f"or at least its first {MIN_CHARS} characters",
        )
    return only_match(text, (person["person_id"] for person in all_people(album)), album)


def only_match(beginning: str, ids: Iterable[str], album: str) -> str:
    """The one of `ids` that begins so. Raises what :func:`whole_person_id` does."""
    found = sorted(one for one in ids if one.startswith(beginning))
    if not found:
        raise NotFound(f"no person of album {album!r} has an id that begins with {beginning}")
    if len(found) > 1:
        raise RejectedInput(
            "several_people", f"several ids begin with {beginning}: {', '.join(found[:5])}; give more characters"
        )
    return found[0]


def beginning_chars(ids: Sequence[str]) -> int:
    """How many first characters tell these different ids apart, eight at least."""
    chars = SHORT_CHARS
    while len({one[:chars] for one in ids}) < len(ids):
        chars += 1
    return chars


def all_people(album: str, **query: Any) -> Iterator[dict[str, Any]]:
    """Every person that `GET …/people` lists with this query, read page by page."""
    cursor: dict[str, str] = {}
    while True:
        answer = api_client.in_album("GET", album, "/people", params=query | {"limit": _PAGE} | cursor)
        yield from answer["people"]
        if answer["next_cursor"] is None:
            return
        cursor = {"cursor": answer["next_cursor"]}
