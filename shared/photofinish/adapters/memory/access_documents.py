"""Access documents in memory, for tests."""

from __future__ import annotations

from photofinish.domain.access import AlbumAccess


class MemoryAccessDocuments:
    """:class:`photofinish.ports.AccessDocuments` in a dictionary: album → what was written last."""

    def __init__(self) -> None:
        self.documents: dict[str, AlbumAccess] = {}

    def write(self, album: str, access: AlbumAccess) -> None:
        self.documents[album] = access
