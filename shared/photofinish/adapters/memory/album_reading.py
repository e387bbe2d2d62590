"""Read one album of the index in memory, exactly: the double of ``adapters/postgres/album_reading.py``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib import other_numbers
from photofinish.domain.bib_corrections import EffectiveBib
from photofinish.domain.burst import Shot, face_value
from photofinish.domain.face import Embedding, face_id, space_of
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.search import IndexedPhoto, PhotoFilter, check_query_dimension, folder_of
from photofinish.domain.word_matching import spellings
from photofinish.domain.words import name_match, words
from photofinish.ports import SeenBib, SeenDepiction, SeenFace
from photofinish_kernels import cosine_top_k


@dataclass(frozen=True)
class IndexedAnalysis:
    """The indexed analysis of one photo."""

    photo: PhotoRef
    pipeline_version: str
    analysis: PhotoAnalysis
    rules: str
    """Fingerprint of the bib rules that `read` follows."""
    read: tuple[EffectiveBib, ...]
    """Before corrections."""
    bibs: tuple[EffectiveBib, ...]
    revision: int
    shift: timedelta = timedelta()
    """Of the camera's clock."""

    @cached_property
    def faces(self) -> dict[str, Box]:
        """Face id → box."""
        return {id_: face.box for id_, face in zip(self.face_ids, self.analysis.faces, strict=True)}

    @cached_property
    def face_ids(self) -> list[str]:
        return [face_id(self.photo, self.pipeline_version, number) for number in self.analysis.face_numbers]

    @cached_property
    def entry(self) -> IndexedPhoto:
        image = self.analysis.image
        taken_at = image.taken_at.replace(tzinfo=None) if image.taken_at else None
        return IndexedPhoto(
            photo=self.photo,
            pipeline_version=self.pipeline_version,
            taken_at=taken_at,
            corrected_at=None if taken_at is None else taken_at + self.shift,
            camera=image.camera,
            lines=tuple(line.text for line in self.analysis.text),
            sharpness=self.analysis.sharpness.frame,
            width=image.width,
            height=image.height,
            placeholder=self.analysis.placeholder,
            duration_s=None if self.analysis.video is None else self.analysis.video.duration_s,
            scene_starts=()
            if self.analysis.video is None
            else tuple(scene.start_s for scene in self.analysis.video.scenes),
        )

    @property
    def shot(self) -> Shot:
        entry = self.entry
        return Shot(
            photo_id=self.photo.photo_id,
            perceptual_hash=self.analysis.perceptual_hash,
            taken_at=entry.corrected_at,
            camera=entry.camera,
            folder=folder_of(self.photo),
            sharpness=entry.sharpness,
            face=max((face_value(face.quality, face.box.h) for face in self.analysis.faces), default=0.0),
        )

    def seen_face(self, index: int) -> SeenFace:
        face = self.analysis.faces[index]
        return SeenFace(
            face_id=self.face_ids[index],
            photo_id=self.photo.photo_id,
            box=face.box,
            detection_score=face.detection_score,
            sharpness=face.sharpness,
            quality=face.quality,
        )

    def seen_bib(self, bib: EffectiveBib, requested: str, ocr_score: float) -> SeenBib:
        return SeenBib(
            photo_id=self.photo.photo_id,
            requested=requested,
            number=bib.number,
            ocr_score=ocr_score,
            partial=bib.partial,
            box=bib.box,
            by_hand=bib.by_hand,
            face_id=bib.face_id,
            face_box=None if bib.face_id is None else self.faces[bib.face_id],
        )


class MemoryAlbumReading:
    """:class:`photofinish.ports.AlbumReading` of what it is given."""

    def __init__(
        self, photos: Sequence[IndexedAnalysis], dimensions: Mapping[str, int], entrants: Mapping[str, str]
    ) -> None:
        self._photos = {photo.photo.photo_id: photo for photo in photos}
        self._dimensions = dimensions
        self._entrants = entrants

    def nearest(self, queries: Sequence[Embedding], *, limit: int, where: PhotoFilter) -> MemoryNearFaces:
        space = space_of(queries)
        check_query_dimension(queries, self._dimensions.get(space, queries[0].vector.size))
        faces = [
            (face.embedding.vector, photo.seen_face(index))
            for photo in self._passing(where)
            for index, face in enumerate(photo.analysis.faces)
            if face.embedding.space == space
        ]
        if not faces or limit < 1:
            return MemoryNearFaces(np.zeros((0, queries[0].vector.size), np.float32), [])
        vectors = np.stack([vector for vector, _ in faces])
        rows, _ = cosine_top_k(np.stack([query.vector for query in queries]), vectors, limit)
        near = np.unique(rows)
        return MemoryNearFaces(vectors[near], [faces[row][1] for row in near])

    def depictions(self, query: Embedding, *, limit: int, where: PhotoFilter) -> list[SeenDepiction]:
        check_query_dimension([query], self._dimensions.get(query.space, query.vector.size))
        found = [
            SeenDepiction(
                photo_id=photo.photo.photo_id,
                similarity=float(depiction.embedding.vector @ query.vector),
                labels=depiction.labels,
            )
            for photo in self._passing(where)
            if (depiction := photo.analysis.depiction) is not None and depiction.embedding.space == query.space
        ]
        return sorted(found, key=lambda one: (-one.similarity, one.photo_id))[: max(limit, 0)]

    def with_words(self, words: Sequence[str], *, limit: int, where: PhotoFilter) -> list[str]:
        forms = {form for word in words for form in spellings(word)}
        found = [
            (sum(word in photo.entry.read_words for word in words), photo.photo.photo_id)
            for photo in self._passing(where)
            if any(not forms.isdisjoint(spellings(read)) for read in photo.entry.read_words)
        ]
        return [photo_id for _, photo_id in sorted(found, key=lambda one: (-one[0], one[1]))[:limit]]

    def bibs(self, numbers: Sequence[str], *, limit: int, where: PhotoFilter) -> list[SeenBib]:
        seen = [
            photo.seen_bib(bib, number, ocr_score)
            for photo in self._passing(where)
            for bib in photo.bibs
            for number, ocr_score in ({bib.number: bib.ocr_score} | other_numbers(bib)).items()
            if number in numbers
        ]
        return sorted(seen, key=lambda bib: (-bib.ocr_score, bib.photo_id))[:limit]

    def photos(self, photo_ids: Sequence[str]) -> dict[str, IndexedPhoto]:
        return {photo_id: self._photos[photo_id].entry for photo_id in photo_ids if photo_id in self._photos}

    def sharpest(self, where: PhotoFilter, *, limit: int) -> dict[str, IndexedPhoto]:
        passing = sorted(self._passing(where), key=lambda photo: (-photo.entry.sharpness, photo.photo.photo_id))
        return {photo.photo.photo_id: photo.entry for photo in passing[:limit]}

    def shots(self, where: PhotoFilter, *, photo_ids: Sequence[str] | None = None) -> list[Shot]:
        wanted = None if photo_ids is None else frozenset(photo_ids)
        return [photo.shot for photo in self._passing(where) if wanted is None or photo.photo.photo_id in wanted]

    def entrants(self, name: str, *, limit: int) -> dict[str, str]:
        query_words = words(name)
        found = {number: known for number, known in sorted(self._entrants.items()) if name_match(query_words, known)}
        return dict(list(found.items())[:limit])

    def _passing(self, where: PhotoFilter) -> Iterator[IndexedAnalysis]:
        return (photo for photo in self._photos.values() if where.matches(photo.entry))


class MemoryNearFaces:
    """:class:`photofinish.ports.NearFaces`."""

    def __init__(self, vectors: NDArray[np.float32], faces: Sequence[SeenFace]) -> None:
        self.vectors = vectors
        self._faces = faces

    def face(self, row: int) -> SeenFace:
        return self._faces[row]
