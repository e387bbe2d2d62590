"""Style sheets written into a page, so that its first paint waits for no further request.

The content security policy names each by its hash: no other style in the page is applied.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_INDENT = re.compile(r"\s*\n\s*")
_RELATIVE = re.compile(r'url\("(?!data:|/)([^":]+)"\)')


@dataclass(frozen=True)
class InlineStyle:
    """The text of a `<style>` element."""

    text: str

    @property
    def source(self) -> str:
        """What `style-src` says to allow it."""
        return f"'sha256-{base64.b64encode(hashlib.sha256(self.text.encode()).digest()).decode()}'"


def inline_style(sheets: Iterable[str], address: Callable[[str], str]) -> InlineStyle:
    """Join sheets without comments and indentation. Their files, `url("fonts/a.woff2")`, get what `address(name)` says:
    names are those below `static/`, where the sheets with such files lie, too.
    """
    joined = _INDENT.sub("\n", _COMMENT.sub("", "\n".join(sheets))).strip()
    return InlineStyle(_RELATIVE.sub(lambda found: f'url("{address(found[1])}")', joined))
