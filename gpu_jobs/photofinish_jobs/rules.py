"""The albums' rules for bib numbers, as a task uses them: asked for again now and then, not for every photo."""

from __future__ import annotations

import threading
import time

from photofinish.domain.bib_rules import BibRules
from photofinish.ports import AlbumRules

KEEP_S = 30.0


class RecentRules:
    """The rules of the albums in work, each at most `keep_s` old. Threads may share it."""

    def __init__(self, album_rules: AlbumRules, *, keep_s: float = KEEP_S) -> None:
        self._album_rules = album_rules
        self._keep_s = keep_s
        self._known: dict[str, tuple[float, BibRules]] = {}
        self._lock = threading.Lock()

    def of(self, album: str) -> BibRules:
        """The rules of `album`; raises Unavailable where they cannot be read now."""
        with self._lock:  # a start list is read once, not by every thread that waits for it
            now = time.monotonic()
            self._known = {name: known for name, known in self._known.items() if known[0] > now - self._keep_s}
            if album not in self._known:
                self._known[album] = (now, self._album_rules.bib_rules(album))
            return self._known[album][1]
