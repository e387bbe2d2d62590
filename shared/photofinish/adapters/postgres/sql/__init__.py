"""The statements of the vector database, one file per theme, and ``migrations``."""

from __future__ import annotations

import re
from functools import cached_property
from importlib import resources

from psycopg import sql

_HEADING = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


class Statements:
    """The statements of ``{theme}.sql``, each under the name that its ``-- name:`` line gives it."""

    def __init__(self, theme: str) -> None:
        self._file = resources.files(__name__).joinpath(f"{theme}.sql")

    def __call__(self, name: str, **parts: sql.Composable) -> sql.SQL | sql.Composed:
        """Return the statement `name`; `parts` are inserted where SQL allows no parameter: numbers, identifiers."""
        text = sql.SQL(self._texts[name])
        return text.format(**parts) if parts else text

    @cached_property
    def _texts(self) -> dict[str, str]:
        _, *pieces = _HEADING.split(self._file.read_text(encoding="utf-8"))
        return dict(zip(pieces[::2], pieces[1::2], strict=True))
