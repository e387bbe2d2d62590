"""The statements of the vector database: one file an adapter, each statement under its name; and ``migrations``."""

from __future__ import annotations

import functools
import re
from importlib import resources

_HEADING = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@functools.cache
def queries(piece: str) -> dict[str, str]:
    """Every statement of ``{piece}.sql`` by the name that its ``-- name:`` line gives it."""
    text = resources.files(__name__).joinpath(f"{piece}.sql").read_text(encoding="utf-8")
    _, *parts = _HEADING.split(text)
    return dict(zip(parts[::2], parts[1::2], strict=True))
