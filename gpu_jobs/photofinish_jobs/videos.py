"""Videos of the bucket: which objects are videos, and their analysis by ranges, never wholly in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from photofinish.analysis.analyzer import AnalyzedPhoto
from photofinish.analysis.video.containers import HEAD_BYTES, recognise_video
from photofinish.analysis.video.ranges import Fetch
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.photo import PhotoRef
from photofinish.domain.video_names import may_be_video
from photofinish.domain.work import MAX_PHOTO_BYTES
from photofinish.errors import RejectedInput
from photofinish.ports import PhotoStore


class AnalyzesVideos(Protocol):
    """What the pipeline needs of :class:`photofinish.analysis.video.video_analyzer.VideoAnalyzer`."""

    def analyze_as_photo(
        self, fetch: Fetch, size_bytes: int, bib_rules: BibRules, *, on_progress: Callable[[float], object]
    ) -> AnalyzedPhoto: ...


class BucketFiles:
    """Reads the originals of photos, and tells videos from them by their content. Threads may share it."""

    def __init__(self, store: PhotoStore) -> None:
        self._store = store

    def photo(self, photo: PhotoRef) -> bytes | None:
        """Return the content of a photo; None for a video.

        A name only decides whether the beginning is read first: most photos are read at once, videos never are.

        Raises:
            PhotoGone: this generation does not exist any more.
            RejectedInput: `file_too_large`.
        """
        if may_be_video(photo.name) and self._is_video(photo):
            return None
        try:
            content = self._store.read(photo, max_bytes=MAX_PHOTO_BYTES)
        except RejectedInput:
            if self._is_video(photo):
                return None
            raise
        return None if recognise_video(content[:HEAD_BYTES]) else content

    def ranges(self, photo: PhotoRef) -> Fetch:
        """Return what reads ranges of exactly this generation."""
        return lambda offset, size_bytes: self._store.read_part(photo, start=offset, stop=offset + size_bytes)

    def size_bytes(self, photo: PhotoRef) -> int:
        """Return the size of a file; raises PhotoGone."""
        return self._store.size_bytes(photo)

    def _is_video(self, photo: PhotoRef) -> bool:
        return recognise_video(self._store.read_part(photo, start=0, stop=HEAD_BYTES)) is not None
