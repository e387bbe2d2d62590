"""Photo documents in memory."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from photofinish.adapters.memory.people import MemoryPeopleDocuments
from photofinish.domain.album_card import AlbumCard, card_fields
from photofinish.domain.bib_changes import is_later_analysis, is_older_bibs, without_older_bibs
from photofinish.domain.erasure import ErasedFace, ErasedPhoto
from photofinish.domain.photo import FINAL_STATUSES, PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.photo_document import (
    RESULT_FIELDS,
    erased_fields,
    generation_of,
    identity_fields,
    is_erased,
    is_erased_upload,
    is_uploaded_after,
    original_among,
    progress_fields,
    ref_of,
    stored_fields,
    without_erased_faces,
    without_faces,
)
from photofinish.domain.photo_listing import PhotoListing, Position
from photofinish.domain.restored_document import may_be_restored, restored_fields
from photofinish.domain.work import PhotoState, is_later_verdict, is_version, may_be_requeued, needs_analysis
from photofinish.ports import Buried, PhotoRecord


class MemoryAlbumDocuments:
    """:class:`photofinish.ports.AlbumDocuments` in a dictionary; adds to the `albums` that are known."""

    def __init__(self, albums: set[str]) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self._albums = albums

    def write(self, album: str, card: AlbumCard) -> None:
        self._albums.add(album)
        self.documents[album] = card_fields(album, card)


class MemoryDocuments:
    """Photo documents in a dictionary, guarded as in Firestore."""

    def __init__(self) -> None:
        self.albums: set[str] = set()
        self.erased_albums: dict[str, datetime] = {}
        self.people_documents = MemoryPeopleDocuments()
        self.album_documents = MemoryAlbumDocuments(self.albums)
        self.buried: dict[str, Buried] = {}
        self._photos: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = threading.Lock()

    def record_queued(self, photo: StoredPhoto, *, event_at: datetime, trace_id: str) -> bool:
        with self._lock:
            state = self._state(photo.ref)
            erased = {"erased_at": self.erased_albums.get(photo.ref.album)}
            if is_erased_upload(erased, photo):
                return False
            self.albums.add(photo.ref.album)
            if not needs_analysis(state, photo.ref):
                return False
            if not is_version(state, photo.ref):
                now = datetime.now(UTC)
                stages = {"uploaded_at": photo.uploaded_at, "event_at": event_at, "queued_at": now}
                self._photos[_key(photo.ref)] = stored_fields(photo) | {
                    "status": PhotoStatus.QUEUED.value,
                    "queued_at": now,
                    "changed_at": now,
                    "trace_id": trace_id,
                    "stages": stages,
                }
            return True

    def record_processing(self, photos: Sequence[PhotoRef], *, worker: str) -> set[PhotoRef]:
        now = datetime.now(UTC)
        fields = {"status": PhotoStatus.PROCESSING.value, "changed_at": now, "worker": worker}
        return {ref for ref in photos if self._write(ref, fields, stages={"pulled_at": now}, begins=True)}

    def record_final(
        self,
        photo: PhotoRef,
        status: PhotoStatus,
        fields: Mapping[str, Any],
        *,
        error: tuple[str, str] | None = None,
        unless_failed: bool = False,
    ) -> bool:
        now = datetime.now(UTC)
        final = {
            "status": status.value,
            "done_at": now,
            "changed_at": now,
            "error": {"code": error[0], "message": error[1]} if error else None,
        }
        return self._write(photo, dict(fields) | final, stages={"done_at": now}, unless_failed=unless_failed)

    def restore_result(self, photo: PhotoRef, fields: Mapping[str, Any]) -> bool:
        with self._lock:
            self.albums.add(photo.album)
            state = self._state(photo)
            if not may_be_restored(state, photo):
                return False
            known = self._photos[_key(photo)] if is_version(state, photo) else {}
            self._photos[_key(photo)] = restored_fields(photo, fields, known, now=datetime.now(UTC))
            return True

    def update_bibs(self, updates: Mapping[PhotoRef, Mapping[str, Any]]) -> None:
        with self._lock:
            for ref, fields in updates.items():
                document = self._photos.get(_key(ref))
                if document is not None and is_older_bibs(document, ref, fields):
                    document |= fields

    def note_failure(self, photos: Sequence[PhotoRef], reason: str) -> None:
        with self._lock:
            for ref in photos:
                if _key(ref) in self._photos and not is_erased(self._photos[_key(ref)]):
                    self._photos[_key(ref)]["last_error"] = {"at": datetime.now(UTC), "message": reason[:1000]}
                    self._photos[_key(ref)].pop("open_attempts", None)

    def note_progress(self, photo: PhotoRef, *, parts_done: int, parts: int) -> None:
        with self._lock:
            state = self._state(photo)
            if is_version(state, photo) and not state.is_final:
                self._photos[_key(photo)] |= progress_fields(parts_done, parts, now=datetime.now(UTC))

    def record_requeued(self, photo: PhotoRef, *, trace_id: str, if_changed_at: datetime | None = None) -> bool:
        with self._lock:
            state = self._state(photo)
            if not may_be_requeued(state, photo, if_changed_at):
                return False
            now = datetime.now(UTC)
            document = self._photos[_key(photo)]
            document |= {"status": PhotoStatus.QUEUED.value, "queued_at": now, "changed_at": now}
            document |= {"trace_id": trace_id, "error": None}
            document.pop("done_at", None)
            document.pop("duplicate_of", None)
            document.pop("open_attempts", None)
            document["stages"]["queued_at"] = now
            return True

    def find_copy(self, photo: StoredPhoto) -> str | None:
        if photo.checksum is None:
            return None
        of_album = [(key[1], fields) for key, fields in self._photos.items() if key[0] == photo.ref.album]
        same = [one for one in of_album if one[1].get("checksum") == photo.checksum]
        return original_among(one for one in same if one[0] != photo.ref.photo_id)

    def states(self, photos: Sequence[PhotoRef]) -> dict[PhotoRef, PhotoState]:
        return {ref: state for ref in photos if (state := self._state(ref)) is not None}

    def get(self, album: str, photo_id: str) -> PhotoRecord | None:
        fields = self._photos.get((album, photo_id))
        return _record(fields) if fields and not is_erased(fields) else None

    def records(self, album: str, photo_ids: Collection[str]) -> list[PhotoRecord]:
        return [record for photo_id in photo_ids if (record := self.get(album, photo_id)) is not None]

    def counts(self, album: str) -> dict[PhotoStatus, int]:
        statuses = [record.status for record in self.list_photos(album)]
        return {status: statuses.count(status) for status in PhotoStatus if status in statuses}

    def album_names(self, *, names: frozenset[str] | None, limit: int, after: str | None) -> list[str]:
        known = self.albums if names is None else self.albums & names
        return sorted(name for name in known if after is None or name > after)[:limit]

    def last_upload(self, album: str) -> datetime | None:
        stages = (record.fields.get("stages", {}) for record in self.list_photos(album))
        return max((times["uploaded_at"] for times in stages if "uploaded_at" in times), default=None)

    def outstanding(self) -> int:
        return sum(PhotoStatus(fields["status"]) not in FINAL_STATUSES for fields in self._photos.values())

    def outstanding_of(self, album: str, *, limit: int) -> int:
        waiting = (
            its_album == album and fields["status"] not in FINAL_STATUSES
            for (its_album, _), fields in self._photos.items()
        )
        return len(list(islice(filter(None, waiting), limit)))

    def list_photos(self, album: str, *, status: PhotoStatus | None = None) -> Iterator[PhotoRecord]:
        for (its_album, _), fields in sorted(self._photos.items(), key=lambda item: item[0]):
            if its_album == album and status in (None, fields["status"]) and not is_erased(fields):
                yield _record(fields)

    def list_page(self, album: str, listing: PhotoListing, *, limit: int, after: Position | None) -> list[PhotoRecord]:
        found = [record for record in self.list_photos(album) if _is_listed(album, listing, record)]
        placed = {listing.position(record.ref, record.fields): record for record in found}
        return [placed[position] for position in sorted(placed) if after is None or position > after][:limit]

    def latest_final(self, album: str, *, limit: int) -> list[PhotoRecord]:
        final = [record for record in self.list_photos(album) if "done_at" in record.fields]
        return sorted(final, key=lambda record: record.fields["done_at"], reverse=True)[:limit]

    def longest_outstanding(self, album: str | None, *, limit: int) -> list[PhotoRecord]:
        albums = {its_album for its_album, _ in self._photos} if album is None else {album}
        photos = [record for one in albums for record in self.list_photos(one)]
        waiting = [record for record in photos if record.status not in FINAL_STATUSES]
        return sorted(waiting, key=lambda record: record.fields["changed_at"])[:limit]

    # What :class:`photofinish.ports.ErasableDocuments` adds.

    def keep(self, buried: Buried) -> None:
        self.buried[buried.erasure.id] = buried

    def kept(self) -> Iterator[Buried]:
        yield from list(self.buried.values())

    def close_album(self, album: str, at: datetime) -> None:
        with self._lock:
            if self.erased_albums.get(album, at - timedelta(1)) < at:
                self.albums.discard(album)
                self.album_documents.documents.pop(album, None)
                self.erased_albums[album] = at

    def versions(self, album: str, *, uploaded_by: datetime) -> Iterator[ErasedPhoto]:
        for (its_album, photo_id), fields in list(self._photos.items()):
            if its_album == album and not is_uploaded_after(fields, uploaded_by):
                yield ErasedPhoto(photo_id=photo_id, generation=generation_of(fields))

    def count_photos(self, album: str, photos: Sequence[ErasedPhoto]) -> int:
        documents = [(self._photos.get((album, photo.photo_id)), photo) for photo in photos]
        return sum(
            fields is not None and not is_erased(fields) and generation_of(fields) <= photo.generation
            for fields, photo in documents
        )

    def erase_photos(self, album: str, photos: Sequence[ErasedPhoto]) -> None:
        with self._lock:
            for photo in photos:
                known = self._photos.get((album, photo.photo_id))
                if known is None or generation_of(known) <= photo.generation:
                    fields = erased_fields(photo, album=album, at=datetime.now(UTC))
                    self._photos[(album, photo.photo_id)] = fields

    def count_faces(self, album: str, faces: Sequence[ErasedFace]) -> int:
        documents = (self._photos.get((album, face.photo_id), {}) for face in faces)
        shown = [{one["face_id"] for one in fields.get("faces", ())} for fields in documents]
        return sum(face.face_id in ids for face, ids in zip(faces, shown, strict=True))

    def erase_faces(self, album: str, faces: Sequence[ErasedFace]) -> None:
        with self._lock:
            for face in faces:
                known = self._photos.get((album, face.photo_id))
                if known is not None and not is_erased(known):
                    known |= without_faces(known, {face.face_id})
                    known["erased_faces"] = sorted({*known.get("erased_faces", ()), face.face_id})

    def people(self, album: str) -> list[str]:
        return sorted(person_id for its_album, person_id in self.people_documents.documents if its_album == album)

    def erase_people(self, album: str, person_ids: Sequence[str]) -> None:
        self.people_documents.write(album, dict.fromkeys(person_ids))

    def _state(self, ref: PhotoRef) -> PhotoState | None:
        fields = self._photos.get(_key(ref))
        if fields is None:
            return None
        status = PhotoStatus(fields["status"])
        return PhotoState(
            generation=generation_of(fields),
            status=status,
            changed_at=fields["changed_at"],
            duplicate_of=fields.get("duplicate_of"),
            open_attempts=fields.get("open_attempts", 0),
        )

    def _write(
        self,
        ref: PhotoRef,
        fields: dict[str, Any],
        *,
        stages: dict[str, datetime],
        begins: bool = False,
        unless_failed: bool = False,
    ) -> bool:
        with self._lock:
            state = self._state(ref)
            known = self._photos.get(_key(ref))
            is_later = is_version(state, ref) and is_later_verdict(state.status, PhotoStatus(fields["status"]))
            is_verdict = is_later and not unless_failed
            if not (needs_analysis(state, ref) or is_verdict or (known and is_later_analysis(known, ref, fields))):
                return False
            if not is_version(state, ref):
                self._photos[_key(ref)] = identity_fields(ref)
            document = self._photos[_key(ref)]
            document |= without_older_bibs(without_erased_faces(fields, document), document)
            document["stages"] = document.get("stages", {}) | stages
            if begins:
                document["open_attempts"] = document.get("open_attempts", 0) + 1
            else:
                document.pop("open_attempts", None)
                document.pop("progress", None)
            if fields["status"] == PhotoStatus.REJECTED.value:
                for name in RESULT_FIELDS:
                    document.pop(name, None)
            return True


def _key(ref: PhotoRef) -> tuple[str, str]:
    return ref.album, ref.photo_id


def _record(fields: dict[str, Any]) -> PhotoRecord:
    return PhotoRecord(ref=ref_of(fields), status=PhotoStatus(fields["status"]), fields=dict(fields))


def _is_listed(album: str, listing: PhotoListing, record: PhotoRecord) -> bool:
    fields = record.fields
    image = fields.get("image") or {}
    sharpness = fields.get("sharpness") or {}
    low, high = listing.times
    names = listing.names(album)
    return (
        listing.status in (None, record.status)
        and listing.camera in (None, image.get("camera"))
        and (not listing.with_warnings or fields.get("has_warnings") is True)
        and (listing.bib is None or listing.bib in fields.get("bib_numbers", ()))
        and (not listing.without_bib or fields.get("bib_numbers") == [])
        and (not listing.is_blurry or sharpness.get("is_blurry") is True)
        and (names is None or names[0] <= record.ref.name < names[1])
        and (not listing.by_time or image.get("taken_at") is not None)
        and (low is None or image["taken_at"] >= low)
        and (high is None or image["taken_at"] < high)
    )
