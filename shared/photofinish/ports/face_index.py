"""The index of faces, bibs and what photos are searched by."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.face import Embedding
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.ports.album_reading import AlbumReading


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFace:
    """A face as the index gives it back."""

    face_id: str
    photo: PhotoRef
    box: Box
    detection_score: float
    sharpness: float
    quality: float


class FaceIndex(Protocol):
    """Faces with their embeddings, bibs, and what photos are searched by, per album."""

    def replace(self, photo: PhotoRef, pipeline_version: str, analysis: PhotoAnalysis) -> bool:
        """Make this all that is known of `photo`, in one transaction; every face carries an embedding.

        Twice equals once; an older generation than the one indexed changes nothing. Returns whether it applied.
        """
        ...

    def remove(self, photo: PhotoRef) -> None:
        """Forget everything found in `photo` (of this generation or an older one); twice equals once.

        A late commit of an older generation brings nothing back; the same generation can be indexed again.
        """
        ...

    def drop_album(self, album: str) -> None:
        """Forget every photo of `album`, its rules and start list, as if they had never been; twice equals once.

        A photo that is committed later, even of an older generation, begins the album anew.
        """
        ...

    def reading(self, album: str) -> AbstractContextManager[AlbumReading]:
        """The album as it is now; what it gives is valid inside the block."""
        ...

    def embeddings(self, album: str, face_ids: Sequence[str]) -> dict[str, Embedding]:
        """The embeddings of those of `face_ids` that `album` has."""
        ...

    def has_album(self, album: str) -> bool:
        """Whether any photo of `album` was ever indexed."""
        ...
