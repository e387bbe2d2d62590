"""The face index in memory: the double of ``adapters/postgres/faces.py``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from photofinish.adapters.memory.album_reading import (
    IndexedAnalysis,
    MemoryAlbumReading,
)
from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib_changes import BibOperation, PhotoBibs
from photofinish.domain.bib_corrections import BibCorrection, EffectiveBib, as_read, corrected
from photofinish.domain.face import Embedding, face_id, rules_of
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
        self._shifts: dict[str, dict[str, timedelta]] = {}
        self.bib_operations: list[BibOperation] = []
        """Oldest first."""

    def replace(self, photo: PhotoRef, pipeline_version: str, analysis: PhotoAnalysis) -> PhotoBibs | None:
        face_ids = [face_id(photo, pipeline_version, number) for number in analysis.face_numbers]
        read = as_read(analysis.bibs, face_ids)
        embeddings = [face.embedding for face in analysis.faces]
        if analysis.depiction is not None:
            embeddings.append(analysis.depiction.embedding)
        with self._lock:
            for embedding in embeddings:
                embedding.check_dimension(self._dimensions.setdefault(embedding.space, embedding.vector.size))
            if not self._claim(photo):
                return None
            indexed = IndexedAnalysis(
                photo, pipeline_version, analysis, rules=rules_of(pipeline_version), read=read, bibs=read, revision=0
            )
            self._albums.add(photo.album)
            return self.write_bibs(indexed, read, rules=indexed.rules)

    def remove(self, photo: PhotoRef, *, if_still: Callable[[], bool] = lambda: True) -> None:
        with self._lock:
            if self._claim(photo) and if_still():
                self._photos.pop(photo.photo_id, None)

    def set_entrants(self, album: str, entrants: Mapping[str, str]) -> None:
        """Set the start list of `album`, number to name; in Postgres :class:`AlbumRules` does that."""
        with self._lock:
            self._entrants[album] = dict(entrants)

    def camera_shifts(self, album: str) -> dict[str, timedelta]:
        """Return the shift of each camera of `album` that has one."""
        with self._lock:
            return dict(self._shifts.get(album, {}))

    def set_camera_shifts(self, album: str, shifts: Mapping[str, timedelta]) -> None:
        """Replace the shifts of the cameras of `album`; in Postgres :class:`CameraClocks` does that."""
        with self._lock:
            self._shifts[album] = dict(shifts)

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

    def album_embeddings(self, album: str) -> dict[str, Embedding]:
        """Return the embeddings of all faces of `album`, by id."""
        with self._lock:
            return {
                id_: face.embedding
                for photo in self._of_album(album)
                for id_, face in zip(photo.face_ids, photo.analysis.faces, strict=True)
            }

    def has_album(self, album: str) -> bool:
        with self._lock:
            return album in self._albums

    def analyses(self, album: str) -> list[IndexedAnalysis]:
        """Return the analyses of all photos of `album`."""
        with self._lock:
            return self._of_album(album)

    def all_photos(self) -> list[IndexedAnalysis]:
        with self._lock:
            return list(self._photos.values())

    def locked(self) -> threading.Lock:
        """The lock of this index, for doubles that share its photos."""
        return self._lock

    def indexed(self, photo_id: str) -> IndexedAnalysis | None:
        """The photo with this id, if it is indexed; needs the lock."""
        return self._photos.get(photo_id)

    def newest(self, photo_id: str) -> PhotoRef | None:
        """The newest version that was indexed or removed; needs the lock."""
        return self._newest.get(photo_id)

    def forget(self, album: str, photo_id: str, *, generation: int | None) -> None:
        """Delete what is indexed of a photo of `album`; `generation` takes the place of its newest version."""
        with self._lock:
            known = self._newest.get(photo_id)
            if known is not None and known.album == album:
                self._photos.pop(photo_id, None)
                if generation is not None:
                    self._newest[photo_id] = replace(known, generation=generation)

    def has_photo(self, album: str, photo_id: str) -> bool:
        """Whether a photo of `album` was ever indexed or removed; needs the lock."""
        known = self._newest.get(photo_id)
        return known is not None and known.album == album

    def write_bibs(self, indexed: IndexedAnalysis, read: Sequence[EffectiveBib], *, rules: str) -> PhotoBibs:
        """Replace what was read in a photo, and apply its corrections; needs the lock."""
        known = self._photos.get(indexed.photo.photo_id)
        now_us = time.time_ns() // 1000
        written = replace(
            indexed,
            rules=rules,
            read=tuple(read),
            bibs=corrected(read, indexed.faces, self.corrections_of(indexed.photo)),
            revision=max(known.revision + 1, now_us) if known else now_us,
        )
        self._photos[indexed.photo.photo_id] = written
        return PhotoBibs(photo=written.photo, bibs=written.bibs, revision=written.revision)

    def corrections_of(self, photo: PhotoRef) -> list[BibCorrection]:
        """The corrections that apply to this version, oldest first; needs the lock."""
        return [one.correction for one in self.bib_operations if one.photo == photo and one.is_active]

    def _of_album(self, album: str) -> list[IndexedAnalysis]:
        shifts = self._shifts.get(album, {})
        return [
            replace(photo, shift=shifts.get(photo.analysis.image.camera or "", timedelta()))
            for photo in self._photos.values()
            if photo.photo.album == album
        ]

    def _claim(self, photo: PhotoRef) -> bool:
        """Record this generation as the newest; return False if a newer one is recorded."""
        known = self._newest.get(photo.photo_id)
        if known is not None and known.generation > photo.generation:
            return False
        self._newest[photo.photo_id] = photo
        return True
