"""Downloads in memory."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from photofinish.domain.download import Download


class MemoryDownloads:
    """:class:`photofinish.ports.KeptDownloads` in a dictionary."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Download] = {}
        self._lock = threading.Lock()

    def add(self, download: Download, token_sha256: bytes) -> None:
        self._kept[token_sha256] = download

    def find(self, token_sha256: bytes, now: datetime) -> Download | None:
        found = self._kept.get(token_sha256)
        return found if found is not None and now < found.expires_at else None

    def note_read(self, download_id: str, crc32s: Mapping[int, int], missing: Collection[int]) -> None:
        with self._lock:
            for token, known in self._kept.items():
                if known.download_id == download_id:
                    self._kept[token] = replace(
                        known, crc32s={**known.crc32s, **crc32s}, missing=known.missing | set(missing)
                    )

    def expire(self, now: datetime) -> int:
        with self._lock:
            expired = [token for token, known in self._kept.items() if known.expires_at <= now]
            for token in expired:
                del self._kept[token]
        return len(expired)
