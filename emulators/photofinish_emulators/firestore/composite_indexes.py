"""Which queries the cloud would have an index for."""

from __future__ import annotations

from pathlib import Path

from photofinish_emulators.firestore.queries import Query


class CompositeIndexes:
    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self, query: Query) -> None:
        del query
