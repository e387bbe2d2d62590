"""What was found in parts of videos whose analysis is under way."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from photofinish.domain.photo import PhotoRef


class VideoParts(Protocol):
    """Results of parts, kept until their video has a result: a part that is here is not analysed again.

    They hold embeddings, so they lie where embeddings do, and go with their photo and their album.
    """

    def put(self, video: PhotoRef, pipeline_version: str, part: int, content: bytes) -> None:
        """Keep the result of a part; an existing one stays. Nothing of an erased video is kept."""
        ...

    def known(self, video: PhotoRef, pipeline_version: str) -> Collection[int]:
        """Return the numbers of the parts whose results are here."""
        ...

    def get(self, video: PhotoRef, pipeline_version: str, part: int) -> bytes | None:
        """Return the result of a part; None if it is not here."""
        ...

    def remove(self, video: PhotoRef) -> None:
        """Delete the parts of this version and of older ones, of all pipelines; twice equals once."""
        ...

    def expire(self, before: datetime) -> int:
        """Delete parts that were written before; return how many."""
        ...
