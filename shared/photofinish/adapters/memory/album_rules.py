"""Albums' rules for bib numbers, in memory."""

from __future__ import annotations

from photofinish.domain.bib_rules import BibRules
from photofinish.domain.photo import is_album_name
from photofinish.errors import RejectedInput


class MemoryAlbumRules:
    """Rules in a dictionary."""

    def __init__(self) -> None:
        self._rules: dict[str, BibRules] = {}

    def bib_rules(self, album: str) -> BibRules:
        return self._rules.get(album, BibRules())

    def set_bib_rules(self, album: str, rules: BibRules) -> None:
        if not is_album_name(album):
            raise RejectedInput("album_name_not_allowed", f"{album[:40]!r} cannot be the name of an album.")
        self._rules[album] = rules
