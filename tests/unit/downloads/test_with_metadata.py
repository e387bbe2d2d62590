"""Copies with metadata are made in memory, so a large video has none."""

from __future__ import annotations

import pytest

from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.application.downloads.with_metadata import CopiesWithMetadata
from photofinish.domain.download import DownloadedPhoto
from photofinish.domain.work import MAX_PHOTO_BYTES
from photofinish.errors import NotFound


def test_a_large_video_is_missing_rather_than_cut_off() -> None:
    store = MemoryPhotoStore()
    ref = store.upload("race/day.mp4", b"\0" * 10).ref
    video = DownloadedPhoto(photo=ref, path="day.mp4", size_bytes=MAX_PHOTO_BYTES + 1, taken_at=None)
    with pytest.raises(NotFound):
        list(CopiesWithMetadata([video], store, {}).files(video))
