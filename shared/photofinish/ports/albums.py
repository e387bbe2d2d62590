"""Which albums there are, and what each knows of its bib numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from photofinish.domain.bib_rules import BibRules


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumSummary:
    """How much of an album is indexed."""

    name: str
    photos: int
    faces: int
    bibs: int


class Albums(Protocol):
    """Which albums there are."""

    def summaries(self, *, names: frozenset[str] | None, limit: int, after: str | None) -> list[AlbumSummary]:
        """Up to `limit` albums with indexed photos, by name, of those of `names` (None: of all), after `after`."""
        ...


class AlbumRules(Protocol):
    """What each album knows of its bib numbers: digits, prefixes, misreads, and its start list."""

    def bib_rules(self, album: str) -> BibRules:
        """The rules of `album`, its start list in them; the usual ones where it has none of its own."""
        ...

    def set_bib_rules(self, album: str, rules: BibRules) -> None:
        """Make these the only rules, and their start list the only one, of `album`; twice equals once.

        The album need not hold a photo yet. Photos that were analysed before keep what was found.
        """
        ...
