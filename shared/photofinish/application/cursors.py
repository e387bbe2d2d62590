"""Cursors between pages: opaque to callers, printable, and only valid for the query that they were made for."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from photofinish.errors import InvalidQuery


def encode_cursor(query: object, position: list[Any]) -> str:
    """Make the cursor after a page of `query` that ends at `position`, a list of JSON values."""
    content = [_fingerprint(query), *position]
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def decode_cursor(query: object, cursor: str) -> list[Any]:
    """Return the position in `cursor`; callers check its form, and raise :func:`malformed` if it is wrong.

    Raises:
        InvalidQuery: the cursor is malformed, or was made for another query.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):  # neither Base64 nor JSON nor UTF-8, or nested too deeply
        raise malformed() from None
    match content:
        case [str(made_for), *position]:
            if made_for != _fingerprint(query):
                raise InvalidQuery("The cursor belongs to another query: repeat the query of the previous page.")
            return position
        case _:
            raise malformed()


def malformed() -> InvalidQuery:
    return InvalidQuery("The cursor cannot be read: send the `next_cursor` of the previous page unchanged.")


def _fingerprint(query: object) -> str:
    """Distinguish queries by their `repr`."""
    return hashlib.sha256(repr(query).encode("utf-8", "surrogatepass")).hexdigest()[:16]
