"""Pages of lists, sorted by name."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from photofinish_emulators.common.rpc_errors import invalid

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


def page(names: Iterable[str], page_size: int, page_token: str) -> tuple[list[str], str]:
    """The names of one page, sorted, and the token of the next page ("" on the last).

    A page starts after the name in its token, so names created or deleted between two pages do not shift the others.

    Raises:
        Refused: INVALID_ARGUMENT for a size out of bounds, or a token that this function did not return.
    """
    if not 0 <= page_size <= MAX_PAGE_SIZE:
        raise invalid(  # recorded
            f"The value for page_size is out of bounds. You passed {page_size} in the request, but the value must be"
            f" between 0 and {MAX_PAGE_SIZE}."
        )
    try:
        after = base64.b64decode(page_token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid("Invalid page_token given.") from error
    size = page_size or DEFAULT_PAGE_SIZE
    following = sorted(name for name in names if name > after)
    chosen = following[:size]
    more = len(following) > size
    return chosen, base64.urlsafe_b64encode(chosen[-1].encode()).decode() if more else ""
