"""The face index in memory: the public double of ``adapters/pg_faces.py``, exact, gone with the process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.face import Embedding, Face, face_id
from photofinish.domain.photo import PhotoRef
from photofinish.ports import BibMatch, FaceMatch, IndexedFace
from photofinish_kernels import cosine_top_k


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of one photo."""

    photo: PhotoRef
    faces: tuple[tuple[IndexedFace, Embedding], ...] = ()
    bibs: tuple[BibMatch, ...] = ()


class MemoryFaceIndex:
    """:class:`photofinish.ports.FaceIndex` in memory; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._albums: set[str] = set()
        self._dimensions: dict[str, int] = {}

    def replace(self, photo: PhotoRef, pipeline_version: str, analysis: PhotoAnalysis) -> bool:
        faces = analysis.faces
        face_ids = [face_id(photo, pipeline_version, index) for index in range(len(faces))]
        indexed = tuple(
            (_indexed(photo, id_, face), _embedding_of(face)) for id_, face in zip(face_ids, faces, strict=True)
        )
        found = tuple(
            BibMatch(
                photo=photo,
                number=bib.number,
                ocr_score=bib.ocr_score,
                box=bib.box,
                face_id=None if bib.face_index is None else face_ids[bib.face_index],
                partial=bib.partial,
            )
            for bib in analysis.bibs
        )
        with self._lock:
            for _, embedding in indexed:
                self._dimensions.setdefault(embedding.space, embedding.vector.size)
                self._check_dimension(embedding)
            if self._knows_newer(photo):
                return False
            self._entries[photo.photo_id] = _Entry(photo, indexed, found)
            self._albums.add(photo.album)
            return True

    def remove(self, photo: PhotoRef) -> None:
        with self._lock:
            if not self._knows_newer(photo):
                self._entries[photo.photo_id] = _Entry(photo)

    def drop_album(self, album: str) -> None:
        with self._lock:
            self._entries = {id_: entry for id_, entry in self._entries.items() if entry.photo.album != album}
            self._albums.discard(album)

    def search(self, album: str, queries: Sequence[Embedding], *, limit: int, min_similarity: float) -> list[FaceMatch]:
        if not queries or limit < 1:
            return []
        spaces = {query.space for query in queries}
        if len(spaces) > 1:
            raise ValueError(f"the queries of one search come from one embedding space, not from {sorted(spaces)}")
        with self._lock:
            candidates = sorted(
                (
                    (face, embedding.vector)
                    for entry in self._entries.values()
                    if entry.photo.album == album
                    for face, embedding in entry.faces
                    if embedding.space in spaces
                ),
                key=lambda candidate: candidate[0].face_id,  # equal similarities come by row, so now by face id
            )
            if not candidates:
                return []
            for query in queries:
                self._check_dimension(query)
        faces, vectors = zip(*candidates, strict=True)
        rows, similarities = cosine_top_k(np.stack([query.vector for query in queries]), np.stack(vectors), limit)
        best: dict[int, float] = {}
        for row, similarity in zip(rows.flat, similarities.flat, strict=True):
            best[int(row)] = max(float(similarity), best.get(int(row), -1.0))
        ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))[:limit]
        return [
            FaceMatch(face=faces[row], similarity=similarity)
            for row, similarity in ranked
            if similarity >= min_similarity
        ]

    def embeddings(self, album: str, face_ids: Sequence[str]) -> dict[str, Embedding]:
        wanted = set(face_ids)
        with self._lock:
            return {
                face.face_id: embedding
                for entry in self._entries.values()
                if entry.photo.album == album
                for face, embedding in entry.faces
                if face.face_id in wanted
            }

    def find_bib(self, album: str, number: str, *, limit: int) -> list[BibMatch]:
        with self._lock:
            found = [
                max(bibs, key=lambda bib: bib.ocr_score)
                for entry in self._entries.values()
                if entry.photo.album == album and (bibs := [bib for bib in entry.bibs if bib.number == number])
            ]
        return sorted(found, key=lambda bib: (-bib.ocr_score, bib.photo.photo_id))[: max(limit, 0)]

    def has_album(self, album: str) -> bool:
        with self._lock:
            return album in self._albums

    def _knows_newer(self, photo: PhotoRef) -> bool:
        entry = self._entries.get(photo.photo_id)
        return entry is not None and entry.photo.generation > photo.generation

    def _check_dimension(self, embedding: Embedding) -> None:
        dimension = self._dimensions[embedding.space]
        if embedding.vector.size != dimension:
            raise ValueError(
                f"embeddings of {embedding.space!r} have {dimension} dimensions in this index, not "
                f"{embedding.vector.size}: another model needs another embedding space"
            )


def _embedding_of(face: Face) -> Embedding:
    if face.embedding is None:
        raise ValueError("every face that is indexed carries an embedding")
    return face.embedding


def _indexed(photo: PhotoRef, id_: str, face: Face) -> IndexedFace:
    return IndexedFace(
        face_id=id_,
        photo=photo,
        box=face.box,
        detection_score=face.detection_score,
        sharpness=face.sharpness,
        quality=face.quality,
    )
