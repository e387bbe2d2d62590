"""What an erasure changes in Firestore, and the copies of tombstones, ``erasures/{erasure_id}``."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore import Client, Transaction, transactional

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.erasure import ErasedFace, ErasedPhoto, Erasure, ErasureKind, ErasureTarget, Reason
from photofinish.domain.geometry import Box
from photofinish.domain.photo_document import (
    erased_fields,
    generation_of,
    is_erased,
    is_uploaded_after,
    without_faces,
)
from photofinish.ports import Buried

_TIMEOUT_S = 30.0
_PAGE = 300
# A document may have 1 MiB, and a face takes about 200 bytes.
_FACES_PER_DOCUMENT = 1000
_NEVER = datetime.min.replace(tzinfo=UTC)


class FirestoreErasableDocuments:
    """:class:`photofinish.ports.ErasableDocuments` on Firestore. Apps cannot read the copies of tombstones."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @unavailable_when_transient
    def keep(self, buried: Buried) -> None:
        document = self._client.collection("erasures").document(buried.erasure.id)
        target = dataclasses.asdict(buried.erasure.target) | {"kind": buried.erasure.target.kind.value}
        batch = self._client.batch()
        for number, start in enumerate(range(0, len(buried.faces), _FACES_PER_DOCUMENT)):
            faces = buried.faces[start : start + _FACES_PER_DOCUMENT]
            batch.set(document.collection("faces").document(f"{number:04}"), {"faces": [_fields(one) for one in faces]})
        fields = {
            "target": target,
            "reason": buried.erasure.reason.value,
            "started_at": buried.erasure.started_at,
            "photos": [dataclasses.asdict(photo) for photo in buried.photos],
        }
        batch.set(document, fields)
        batch.commit(timeout=_TIMEOUT_S)

    @unavailable_when_transient
    def kept(self) -> Iterator[Buried]:
        for snapshot in _pages(self._client.collection("erasures").order_by("started_at")):
            faces = [
                _face(one)
                for part in snapshot.reference.collection("faces").order_by("__name__").stream(timeout=_TIMEOUT_S)
                for one in part.to_dict()["faces"]
            ]
            yield _buried(snapshot.id, snapshot.to_dict(), faces)

    @unavailable_when_transient
    def close_album(self, album: str, at: datetime) -> None:
        document = self._album(album)

        @transactional
        def write(transaction: Transaction) -> None:
            known = document.get(transaction=transaction, timeout=_TIMEOUT_S).to_dict() or {}
            if known.get("erased_at", _NEVER) >= at:
                return
            if known.get("created_at", _NEVER) > at:
                transaction.update(document, {"erased_at": at})
                return
            transaction.set(document, {"erased_at": at})
            transaction.delete(document.collection("access").document("users"))

        write(self._client.transaction())

    @unavailable_when_transient
    def versions(self, album: str, *, uploaded_by: datetime) -> Iterator[ErasedPhoto]:
        fields = ["photo.generation", "object.generation", "stages.uploaded_at"]
        for snapshot in _pages(self._photos(album).select(fields).order_by("__name__")):
            known = snapshot.to_dict() or {}
            if not is_uploaded_after(known, uploaded_by):
                yield ErasedPhoto(photo_id=snapshot.id, generation=generation_of(known))

    @unavailable_when_transient
    def count_photos(self, album: str, photos: Sequence[ErasedPhoto]) -> int:
        generations = {photo.photo_id: photo.generation for photo in photos}
        fields = ["status", "photo.generation", "object.generation"]
        found = self._known(album, list(generations), fields)
        return sum(
            not is_erased(known) and generation_of(known) <= generations[photo_id] for photo_id, known in found.items()
        )

    @unavailable_when_transient
    def erase_photos(self, album: str, photos: Sequence[ErasedPhoto]) -> None:
        for start in range(0, len(photos), _PAGE):
            self._erase_page(album, photos[start : start + _PAGE])

    def _erase_page(self, album: str, photos: Sequence[ErasedPhoto]) -> None:
        by_id = {photo.photo_id: photo for photo in photos}
        documents = [self._photos(album).document(photo_id) for photo_id in by_id]
        now = datetime.now(UTC)

        @transactional
        def write(transaction: Transaction) -> None:
            fields = ["photo.generation", "object.generation"]
            snapshots = self._client.get_all(documents, field_paths=fields, transaction=transaction, timeout=_TIMEOUT_S)
            for snapshot in list(snapshots):
                photo = by_id[snapshot.id]
                if not snapshot.exists or generation_of(snapshot.to_dict() or {}) <= photo.generation:
                    transaction.set(snapshot.reference, erased_fields(photo, album=album, at=now))

        write(self._client.transaction())

    @unavailable_when_transient
    def count_faces(self, album: str, faces: Sequence[ErasedFace]) -> int:
        erased = _by_photo(faces)
        found = self._known(album, list(erased), ["faces"])
        return sum(
            face["face_id"] in erased[photo_id] for photo_id, known in found.items() for face in known.get("faces", ())
        )

    @unavailable_when_transient
    def erase_faces(self, album: str, faces: Sequence[ErasedFace]) -> None:
        for photo_id, face_ids in _by_photo(faces).items():
            self._erase_faces_of(album, photo_id, face_ids)

    def _erase_faces_of(self, album: str, photo_id: str, face_ids: set[str]) -> None:
        document = self._photos(album).document(photo_id)

        @transactional
        def write(transaction: Transaction) -> None:
            known = document.get(transaction=transaction, timeout=_TIMEOUT_S).to_dict()
            if known is None or is_erased(known):
                return
            left = without_faces(known, face_ids)
            shown = {name: left[name] for name in ("faces", "bibs", "bib_numbers", "text")}
            marked = {"erased_faces": sorted({*known.get("erased_faces", ()), *face_ids})}
            transaction.update(document, shown | marked)

        write(self._client.transaction())

    @unavailable_when_transient
    def people(self, album: str) -> list[str]:
        query = self._album(album).collection("people").select([]).order_by("__name__")
        return [snapshot.id for snapshot in _pages(query)]

    @unavailable_when_transient
    def erase_people(self, album: str, person_ids: Sequence[str]) -> None:
        people = self._album(album).collection("people")
        for start in range(0, len(person_ids), _PAGE):
            batch = self._client.batch()
            for person_id in person_ids[start : start + _PAGE]:
                batch.delete(people.document(person_id))
            batch.commit(timeout=_TIMEOUT_S)

    def _album(self, album: str) -> Any:
        return self._client.collection("albums").document(album)

    def _photos(self, album: str) -> Any:
        return self._album(album).collection("photos")

    def _known(self, album: str, photo_ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Photo id → these fields, of those of the photos that have a document."""
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(photo_ids), _PAGE):
            documents = [self._photos(album).document(photo_id) for photo_id in photo_ids[start : start + _PAGE]]
            for snapshot in self._client.get_all(documents, field_paths=fields, timeout=_TIMEOUT_S):
                if snapshot.exists:
                    found[snapshot.id] = snapshot.to_dict() or {}
        return found


def _pages(query: Any) -> Iterator[Any]:
    """The documents of an ordered query, read page by page."""
    last: Any = None
    while True:
        page = list((query.start_after(last) if last else query).limit(_PAGE).stream(timeout=_TIMEOUT_S))
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1]


def _by_photo(faces: Iterable[ErasedFace]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for face in faces:
        found[face.photo_id].add(face.face_id)
    return found


def _fields(face: ErasedFace) -> dict[str, Any]:
    return {
        "face_id": face.face_id,
        "photo_id": face.photo_id,
        "generation": face.generation,
        "box": face.box.by_name,
        "bibs": [box.by_name for box in face.bibs],
    }


def _face(fields: Mapping[str, Any]) -> ErasedFace:
    return ErasedFace(
        face_id=fields["face_id"],
        photo_id=fields["photo_id"],
        generation=int(fields["generation"]),
        box=Box(**fields["box"]),
        bibs=tuple(Box(**box) for box in fields["bibs"]),
    )


def _buried(erasure_id: str, fields: Mapping[str, Any], faces: Sequence[ErasedFace]) -> Buried:
    target = fields["target"]
    known = target | {"kind": ErasureKind(target["kind"]), "face_ids": tuple(target.get("face_ids", ()))}
    erasure = Erasure(
        id=erasure_id,
        target=ErasureTarget(**known),
        reason=Reason(fields["reason"]),
        started_at=fields["started_at"],
    )
    photos = tuple(ErasedPhoto(**photo) for photo in fields["photos"])
    return Buried(erasure=erasure, photos=photos, faces=tuple(faces))
