"""Paging: every list takes `limit` and `cursor`, and answers with `next_cursor`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from photofinish.application.cursors import decode_cursor, encode_cursor, malformed
from photofinish.errors import InvalidQuery
from photofinish_functions.api.patterns import PRINTABLE_ASCII

_MAX_CURSOR_CHARS = 2000
Item = TypeVar("Item")
Place = TypeVar("Place", str, int)

Cursor = Annotated[
    str,
    Field(
        min_length=1,
        max_length=_MAX_CURSOR_CHARS,
        pattern=PRINTABLE_ASCII,
        description="`next_cursor` of the previous page. Repeat the rest of the query; only `limit` may change.",
    ),
]


def next_cursor() -> Any:
    """The field of an answer."""
    return Field(description="Send it as `cursor` to get the next page; null on the last page.")


def position(query: object, cursor: str | None, old: Place | None, form: TypeAdapter[Place]) -> Place | None:
    """Where the previous page of `query` ended: from `cursor`, or from the parameter `old` of 0.1; None: nowhere.

    Raises:
        InvalidQuery: both are given, or the cursor is malformed or of another query.
    """
    if cursor is None:
        return old
    if old is not None:
        raise InvalidQuery("Send only `cursor`, not also the parameter that it replaces.")
    match decode_cursor(query, cursor):
        case [last]:
            try:
                return form.validate_python(last, strict=True)
            except ValidationError:
                raise malformed() from None
        case _:
            raise malformed()


def page_of(found: Sequence[Item], limit: int, place: Callable[[Item], Place]) -> tuple[Sequence[Item], Place | None]:
    """Split up to `limit` + 1 items into those of the page and the place where it ends, None on the last page."""
    shown = found[:limit]
    return shown, place(shown[-1]) if len(found) > limit else None


def cursor_after(query: object, last: str | int | None) -> str | None:
    """Make the cursor of a page of `query` that ends at `last`."""
    return None if last is None else encode_cursor(query, [last])
