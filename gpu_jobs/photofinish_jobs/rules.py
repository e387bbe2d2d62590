"""The albums' rules for bib numbers, as a task uses them: read again now and then, not for every photo."""

from __future__ import annotations

from threading import Condition

from cachetools import TTLCache, cached

from photofinish.domain.bib_rules import BibRules
from photofinish.ports import AlbumRules

KEEP_S = 30.0
_MAX_ALBUMS = 1000


class RecentRules:
    """The rules of the current albums, each at most `keep_s` old. Threads may share it."""

    def __init__(self, album_rules: AlbumRules, *, keep_s: float = KEEP_S) -> None:
        # With a condition, one of the threads that wait for the rules of an album reads its start list, not each.
        self._rules = cached(TTLCache[str, BibRules](_MAX_ALBUMS, keep_s), condition=Condition())(album_rules.bib_rules)

    def of(self, album: str) -> BibRules:
        """The rules of `album`; raises Unavailable where they cannot be read now."""
        return self._rules(album)
