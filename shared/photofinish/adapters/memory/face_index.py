"""The face index in memory: the double of ``adapters/postgres/faces.py``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from photofinish.adapters.memory.album_reading import (
    IndexedAnalysis,
    MemoryAlbumReading,
)
from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.face import Embedding
from photofinish.domain.photo import PhotoRef


class MemoryFaceIndex:
    """:class:`photofinish.ports.FaceIndex` in memory; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._photos: dict[str, IndexedAnalysis] = {}
        self._newest: dict[str, PhotoRef] = {}
        """The newest generation of each photo, including removed ones."""
        self._albums: set[str] = set()
        self._dimensions: dict[str, int] = {}
        self._entrants: dict[str, dict[str, str]] = {}

    def replace(self, photo: PhotoRef, pipeline_version: str, analysis: PhotoAnalysis) -> bool:
        for bib in analysis.bibs:
            if bib.face_index is not None:
                analysis.faces[bib.face_index]  # as in Postgres, an IndexError for an unknown face
        embeddings = [face.embedding for face in analysis.faces]
        with self._lock:
            for embedding in embeddings:
                embedding.check_dimension(self._dimensions.setdefault(embedding.space, embedding.vector.size))
            if not self._claim(photo):
                return False
            self._photos[photo.photo_id] = IndexedAnalysis(photo, pipeline_version, analysis)
            self._albums.add(photo.album)
            return True

    def remove(self, photo: PhotoRef) -> None:
        with self._lock:
            if self._claim(photo):
                self._photos.pop(photo.photo_id, None)

    def drop_album(self, album: str) -> None:
        with self._lock:
            for photo in [photo for photo in self._newest.values() if photo.album == album]:
                del self._newest[photo.photo_id]
                self._photos.pop(photo.photo_id, None)
            self._albums.discard(album)
            self._entrants.pop(album, None)

    def set_entrants(self, album: str, entrants: Mapping[str, str]) -> None:
        """Set the start list of `album`, number to name; in Postgres :class:`AlbumRules` does that."""
        with self._lock:
            self._entrants[album] = dict(entrants)

    @contextmanager
    def reading(self, album: str) -> Iterator[MemoryAlbumReading]:
        with self._lock:  # an analysis is never modified, only replaced
            reading = MemoryAlbumReading(
                self._of_album(album), dict(self._dimensions), dict(self._entrants.get(album, {}))
            )
        yield reading

    def embeddings(self, album: str, face_ids: Sequence[str]) -> dict[str, Embedding]:
        requested = set(face_ids)
        with self._lock:
            return {
                id_: face.embedding
                for photo in self._of_album(album)
                for id_, face in zip(photo.face_ids, photo.analysis.faces, strict=True)
                if id_ in requested
            }

    def has_album(self, album: str) -> bool:
        with self._lock:
            return album in self._albums

    def analyses(self, album: str) -> list[IndexedAnalysis]:
        """Return the analyses of all photos of `album`."""
        with self._lock:
            return self._of_album(album)

    def _of_album(self, album: str) -> list[IndexedAnalysis]:
        return [photo for photo in self._photos.values() if photo.photo.album == album]

    def _claim(self, photo: PhotoRef) -> bool:
        """Record this generation as the newest; return False if a newer one is recorded."""
        known = self._newest.get(photo.photo_id)
        if known is not None and known.generation > photo.generation:
            return False
        self._newest[photo.photo_id] = photo
        return True
