"""The index of faces, bibs and the other properties that photos are searched by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib_changes import PhotoBibs
from photofinish.domain.face import Embedding
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.errors import PhotofinishError
from photofinish.ports.album_reading import AlbumReading


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFace:
    """A face of the index, with its photo."""

    face_id: str
    photo: PhotoRef
    box: Box
    detection_score: float
    sharpness: float
    quality: float


class ErasedMeanwhile(PhotofinishError):
    """A face was erased after the caller asked for tombstones: ask again, and leave it out."""


class FaceIndex(Protocol):
    """Faces with their embeddings, bibs, and the other properties that photos are searched by; per album."""

    def replace(self, photo: PhotoRef, pipeline_version: str, analysis: PhotoAnalysis) -> PhotoBibs | None:
        """Replace all that is indexed of `photo`, in one transaction; twice equals once.

        Users' corrections of its bib numbers stay: returns the numbers with them applied. Returns None and changes
        nothing if a newer generation is indexed, or the photo is erased.

        Raises:
            ErasedMeanwhile: one of the faces is erased.
            InvalidQuery: an embedding has another dimension than the index has for its space.
        """
        ...

    def remove(self, photo: PhotoRef, *, if_still: Callable[[], bool] = lambda: True) -> None:
        """Delete everything found in `photo` (in this generation or an older one); twice equals once.

        `if_still` is asked at a moment when no one else can write what was found in the photo: where it is false,
        nothing is deleted.

        A late commit of an older generation is ignored; the same generation can be indexed again.
        """
        ...

    def reading(self, album: str) -> AbstractContextManager[AlbumReading]:
        """Open a snapshot of the album; its results are valid inside the block."""
        ...

    def embeddings(self, album: str, face_ids: Sequence[str]) -> dict[str, Embedding]:
        """Return the embeddings of `face_ids`, by id, leaving out ids that `album` does not have."""
        ...

    def has_album(self, album: str) -> bool:
        """Whether a photo of `album` was ever indexed, and the album not dropped since."""
        ...
