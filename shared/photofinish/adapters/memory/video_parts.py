"""Parts of videos in memory: the double of ``adapters/postgres/video_parts.py``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from photofinish.domain.photo import PhotoRef
from photofinish.ports import Tombstones


class MemoryVideoParts:
    """:class:`photofinish.ports.VideoParts` in a dictionary."""

    def __init__(self, tombstones: Tombstones | None = None) -> None:
        self.kept: dict[tuple[PhotoRef, str, int], tuple[bytes, datetime]] = {}
        self._tombstones = tombstones

    def put(self, video: PhotoRef, pipeline_version: str, part: int, content: bytes) -> None:
        if self._tombstones is None or not self._tombstones.erased(video).is_photo:
            self.kept.setdefault((video, pipeline_version, part), (content, datetime.now(UTC)))

    def known(self, video: PhotoRef, pipeline_version: str) -> Collection[int]:
        return [part for ref, version, part in self.kept if (ref, version) == (video, pipeline_version)]

    def get(self, video: PhotoRef, pipeline_version: str, part: int) -> bytes | None:
        kept = self.kept.get((video, pipeline_version, part))
        return None if kept is None else kept[0]

    def remove(self, video: PhotoRef) -> None:
        for key in list(self.kept):
            if key[0].photo_id == video.photo_id and key[0].generation <= video.generation:
                del self.kept[key]

    def expire(self, before: datetime) -> int:
        old = [key for key, (_, written_at) in self.kept.items() if written_at < before]
        for key in old:
            del self.kept[key]
        return len(old)
