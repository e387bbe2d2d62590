"""Albums: how much of each is indexed, and its rules for bib numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from photofinish.domain.bib_rules import BibRules


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumSummary:
    """How many photos, faces and bibs of an album are indexed."""

    name: str
    photos: int
    faces: int
    bibs: int


class Albums(Protocol):
    """Albums with indexed photos. Postgres is the only implementation."""

    def summaries(self, *, names: frozenset[str] | None, limit: int, after: str | None) -> list[AlbumSummary]:
        """Return up to `limit` albums whose name is in `names` (None: all) and follows `after`, ordered by name."""
        ...


class AlbumRules(Protocol):
    """Each album's rules for bib numbers: digits, prefixes, misreadings, and its start list."""

    def bib_rules(self, album: str) -> BibRules:
        """Return the rules of `album` with its start list, or the default rules if it has none of its own."""
        ...

    def set_bib_rules(self, album: str, rules: BibRules) -> None:
        """Replace the rules and the start list of `album`; twice equals once.

        The album need not contain a photo yet. Photos analysed before keep their results until :class:`BibRescoring`
        replaces them; other numbers than before make the album wait for that.
        """
        ...
