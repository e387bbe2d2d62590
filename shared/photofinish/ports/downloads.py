"""Downloads that were made, until they expire."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from photofinish.domain.download import Download


class KeptDownloads(Protocol):
    """Each is found by its token alone, of which only the SHA-256 is kept."""

    def add(self, download: Download, token_sha256: bytes) -> None:
        """Keep a new download."""
        ...

    def find(self, token_sha256: bytes, now: datetime) -> Download | None:
        """Return the download of this token, unless it expired or was removed with what it contains."""
        ...

    def note_read(self, download_id: str, crc32s: Mapping[int, int], missing: Collection[int]) -> None:
        """Add checksums and missing photos, by number, to what is known of a download; twice equals once.

        Once missing, a photo stays missing. Nothing happens if the download was removed.
        """
        ...

    def expire(self, now: datetime) -> int:
        """Remove the downloads that have expired; return how many."""
        ...
