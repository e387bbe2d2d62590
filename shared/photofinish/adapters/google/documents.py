"""Documents on Firestore: ``albums/{album}`` and ``albums/{album}/photos/{photo_id}``, see the README of `shared/`."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from google.api_core import exceptions
from google.cloud.firestore import (
    DELETE_FIELD,
    Client,
    DocumentReference,
    FieldFilter,
    Query,
    Transaction,
    transactional,
)

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.bib_changes import is_later_analysis, is_older_bibs, without_older_bibs
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.photo_document import (
    RESULT_FIELDS,
    generation_of,
    identity_fields,
    is_erased,
    is_erased_upload,
    original_among,
    ref_of,
    stored_fields,
    without_erased_faces,
)
from photofinish.domain.photo_listing import PhotoListing, Position
from photofinish.domain.restored_document import may_be_restored, restored_fields
from photofinish.domain.work import PhotoState, is_later_verdict, is_version, needs_analysis
from photofinish.ports import PhotoRecord

_TIMEOUT_S = 30.0
_OUTSTANDING = [PhotoStatus.QUEUED.value, PhotoStatus.PROCESSING.value]
_PAGE = 500
_COPIES = 10  # photos that came at the same moment, before one of them was recorded


class FirestoreDocuments:
    """Every guarded write is one transaction that reads the photo's generation and status first."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known_albums: set[str] = set()

    @unavailable_when_transient
    def record_queued(self, photo: StoredPhoto, *, event_at: datetime, trace_id: str) -> bool:
        self._create_album_once(photo.ref.album)
        album = self._client.collection("albums").document(photo.ref.album)
        document = self._photo(photo.ref)
        now = datetime.now(UTC)
        fields = stored_fields(photo) | {
            "status": PhotoStatus.QUEUED.value,
            "queued_at": now,
            "changed_at": now,
            "trace_id": trace_id,
            "stages": {"uploaded_at": photo.uploaded_at, "event_at": event_at, "queued_at": now},
        }

        @transactional
        def write(transaction: Transaction) -> bool:
            snapshots = self._client.get_all([album, document], transaction=transaction, timeout=_TIMEOUT_S)
            of_album, of_photo = sorted(snapshots, key=lambda snapshot: len(snapshot.reference.path))
            state = _state(of_photo)
            about_album = of_album.to_dict() or {}
            if not needs_analysis(state, photo.ref) or is_erased_upload(about_album, photo):
                return False
            if "title" not in about_album:  # the album was erased, and is used again
                transaction.set(album, _new_album(photo.ref.album), merge=True)
            if not is_version(state, photo.ref):
                transaction.set(document, fields)  # replaces the document of an older version
            return True

        return bool(write(self._client.transaction()))

    @unavailable_when_transient
    def record_processing(self, photos: Sequence[PhotoRef], *, worker: str) -> set[PhotoRef]:
        by_path = {self._photo(ref).path: ref for ref in photos}

        @transactional
        def write(transaction: Transaction) -> set[PhotoRef]:
            needed = set()
            now = datetime.now(UTC)
            documents = [self._client.document(path) for path in by_path]
            for snapshot in self._client.get_all(documents, transaction=transaction, timeout=_TIMEOUT_S):
                ref = by_path[snapshot.reference.path]
                state = _state(snapshot)
                if not needs_analysis(state, ref):
                    continue
                needed.add(ref)
                transaction.set(
                    snapshot.reference,
                    identity_fields(ref)
                    | {
                        "status": PhotoStatus.PROCESSING.value,
                        "changed_at": now,
                        "worker": worker,
                        "open_attempts": 1 + (state.open_attempts if is_version(state, ref) else 0),
                        "stages": {"pulled_at": now},
                    },
                    merge=is_version(state, ref),
                )
            return needed

        if not by_path:
            return set()
        result: set[PhotoRef] = write(self._client.transaction())
        return result

    @unavailable_when_transient
    def record_final(
        self,
        photo: PhotoRef,
        status: PhotoStatus,
        fields: Mapping[str, Any],
        *,
        error: tuple[str, str] | None = None,
        unless_failed: bool = False,
    ) -> bool:
        document = self._photo(photo)

        @transactional
        def write(transaction: Transaction) -> bool:
            snapshot = document.get(transaction=transaction, timeout=_TIMEOUT_S)
            state = _state(snapshot)
            known = snapshot.to_dict() or {}
            if not needs_analysis(state, photo):
                is_verdict = is_version(state, photo) and is_later_verdict(state.status, status) and not unless_failed
                if not is_verdict and not (snapshot.exists and is_later_analysis(known, photo, fields)):
                    return False
            now = datetime.now(UTC)
            final = {
                "status": status.value,
                "done_at": now,
                "changed_at": now,
                "error": {"code": error[0], "message": error[1]} if error else None,
                "stages": {"done_at": now},
            }
            merge = is_version(state, photo)  # otherwise replaces the document of an older version
            newest = dict(fields)
            if merge:
                newest = without_older_bibs(without_erased_faces(fields, known), known)
                newest["open_attempts"] = DELETE_FIELD
                if status is PhotoStatus.REJECTED:
                    newest |= dict.fromkeys(RESULT_FIELDS & known.keys(), DELETE_FIELD)
            transaction.set(document, identity_fields(photo) | newest | final, merge=merge)
            return True

        return bool(write(self._client.transaction()))

    @unavailable_when_transient
    def restore_result(self, photo: PhotoRef, fields: Mapping[str, Any]) -> bool:
        self._create_album_once(photo.album)
        document = self._photo(photo)

        @transactional
        def write(transaction: Transaction) -> bool:
            snapshot = document.get(transaction=transaction, timeout=_TIMEOUT_S)
            state = _state(snapshot)
            if not may_be_restored(state, photo):
                return False
            known = (snapshot.to_dict() or {}) if is_version(state, photo) else {}
            transaction.set(document, restored_fields(photo, fields, known, now=datetime.now(UTC)))
            return True

        return bool(write(self._client.transaction()))

    @unavailable_when_transient
    def update_bibs(self, updates: Mapping[PhotoRef, Mapping[str, Any]]) -> None:
        by_path = {self._photo(ref).path: ref for ref in updates}
        documents = [self._client.document(path) for path in by_path]
        known_fields = ["photo", "object", "bibs_revision"]

        @transactional
        def write(transaction: Transaction) -> None:
            snapshots = self._client.get_all(
                documents, field_paths=known_fields, transaction=transaction, timeout=_TIMEOUT_S
            )
            for snapshot in list(snapshots):
                ref = by_path[snapshot.reference.path]
                if snapshot.exists and is_older_bibs(snapshot.to_dict() or {}, ref, updates[ref]):
                    transaction.update(snapshot.reference, dict(updates[ref]))

        if by_path:
            write(self._client.transaction())

    @unavailable_when_transient
    def note_failure(self, photos: Sequence[PhotoRef], reason: str) -> None:
        documents = [self._photo(ref) for ref in photos]
        fields = {
            "last_error": {"at": datetime.now(UTC), "message": reason[:1000]},
            "open_attempts": DELETE_FIELD,
        }

        @transactional
        def write(transaction: Transaction) -> None:
            snapshots = self._client.get_all(
                documents, field_paths=["status"], transaction=transaction, timeout=_TIMEOUT_S
            )
            for snapshot in list(snapshots):
                if snapshot.exists and not is_erased(snapshot.to_dict() or {}):
                    transaction.update(snapshot.reference, fields)

        if documents:
            write(self._client.transaction())

    @unavailable_when_transient
    def record_requeued(self, photo: PhotoRef, *, trace_id: str) -> bool:
        document = self._photo(photo)

        @transactional
        def write(transaction: Transaction) -> bool:
            state = _state(document.get(transaction=transaction, timeout=_TIMEOUT_S))
            if not is_version(state, photo) or state.status is PhotoStatus.ERASED:
                return False
            now = datetime.now(UTC)
            transaction.update(
                document,
                {
                    "status": PhotoStatus.QUEUED.value,
                    "queued_at": now,
                    "changed_at": now,
                    "trace_id": trace_id,
                    "error": None,
                    "done_at": DELETE_FIELD,
                    "duplicate_of": DELETE_FIELD,
                    "open_attempts": DELETE_FIELD,
                    "stages.queued_at": now,
                },
            )
            return True

        return bool(write(self._client.transaction()))

    @unavailable_when_transient
    def find_copy(self, photo: StoredPhoto) -> str | None:
        if photo.checksum is None:
            return None
        query = self._photos(photo.ref.album).where(filter=FieldFilter("checksum", "==", photo.checksum))
        found = query.limit(_COPIES).stream(timeout=_TIMEOUT_S)
        documents = ((snapshot.id, snapshot.to_dict() or {}) for snapshot in found)
        return original_among(one for one in documents if one[0] != photo.ref.photo_id)

    @unavailable_when_transient
    def states(self, photos: Sequence[PhotoRef]) -> dict[PhotoRef, PhotoState]:
        by_path = {self._photo(ref).path: ref for ref in photos}
        documents = [self._client.document(path) for path in by_path]
        fields = ["photo", "object", "status", "changed_at", "duplicate_of", "open_attempts"]
        return {
            by_path[snapshot.reference.path]: state
            for snapshot in self._client.get_all(documents, field_paths=fields, timeout=_TIMEOUT_S)
            if (state := _state(snapshot)) is not None
        }

    @unavailable_when_transient
    def get(self, album: str, photo_id: str) -> PhotoRecord | None:
        snapshot = self._photos(album).document(photo_id).get(timeout=_TIMEOUT_S)
        return _record(snapshot) if snapshot.exists and not is_erased(snapshot.to_dict() or {}) else None

    @unavailable_when_transient
    def records(self, album: str, photo_ids: Collection[str]) -> list[PhotoRecord]:
        documents = [self._photos(album).document(photo_id) for photo_id in photo_ids]
        found = []
        for start in range(0, len(documents), _PAGE):
            snapshots = self._client.get_all(documents[start : start + _PAGE], timeout=_TIMEOUT_S)
            found += [_record(one) for one in snapshots if one.exists and not is_erased(one.to_dict() or {})]
        return found

    @unavailable_when_transient
    def counts(self, album: str) -> dict[PhotoStatus, int]:
        counted: dict[PhotoStatus, int] = {}
        for status in [status for status in PhotoStatus if status is not PhotoStatus.ERASED]:
            query = self._photos(album).where(filter=FieldFilter("status", "==", status.value))
            if count := _count(query):
                counted[status] = count
        return counted

    @unavailable_when_transient
    def album_names(self, *, names: frozenset[str] | None, limit: int, after: str | None) -> list[str]:
        albums = self._client.collection("albums")
        if names is not None:
            wanted = [albums.document(name) for name in names if after is None or name > after]
            found = self._client.get_all(wanted, field_paths=["title"], timeout=_TIMEOUT_S)
            return sorted(
                snapshot.id for snapshot in found if snapshot.exists and "title" in (snapshot.to_dict() or {})
            )[:limit]
        listed: list[str] = []
        while True:
            query = albums.select(["title"]).order_by("__name__").limit(limit)
            if after is not None:
                query = query.start_after({"__name__": albums.document(after)})
            page = list(query.stream(timeout=_TIMEOUT_S))
            # The document of an erased album has no title.
            listed += [snapshot.id for snapshot in page if "title" in (snapshot.to_dict() or {})]
            if len(page) < limit or len(listed) >= limit:
                return listed[:limit]
            after = page[-1].id

    @unavailable_when_transient
    def last_upload(self, album: str) -> datetime | None:
        # A query leaves out documents without the field that it orders by.
        query = self._photos(album).order_by("stages.uploaded_at", direction=Query.DESCENDING).limit(1)
        times: list[datetime] = [snapshot.get("stages.uploaded_at") for snapshot in query.stream(timeout=_TIMEOUT_S)]
        return times[0] if times else None

    @unavailable_when_transient
    def outstanding(self) -> int:
        photos = self._client.collection_group("photos")
        return _count(photos.where(filter=FieldFilter("status", "in", _OUTSTANDING)))

    @unavailable_when_transient
    def outstanding_of(self, album: str, *, limit: int) -> int:
        # A count is billed as one read for each 1,000 entries of the index, and reads no more than the limit.
        return _count(self._photos(album).where(filter=FieldFilter("status", "in", _OUTSTANDING)).limit(limit))

    @unavailable_when_transient
    def list_photos(self, album: str, *, status: PhotoStatus | None = None) -> Iterator[PhotoRecord]:
        query: Any = self._photos(album)
        if status is not None:
            query = query.where(filter=FieldFilter("status", "==", status.value))
        query = query.order_by("__name__").limit(_PAGE)
        last: Any = None
        while True:
            page = list((query.start_after(last) if last else query).stream(timeout=_TIMEOUT_S))
            yield from (_record(snapshot) for snapshot in page if not is_erased(snapshot.to_dict()))
            if len(page) < _PAGE:
                return
            last = page[-1]

    @unavailable_when_transient
    def list_page(self, album: str, listing: PhotoListing, *, limit: int, after: Position | None) -> list[PhotoRecord]:
        # Each condition but ranges has a composite index for each of the two orders; Firestore merges them.
        query = self._photos(album)
        for condition in _conditions(album, listing):
            query = query.where(filter=condition)
        for field in _order(listing):
            query = query.order_by(field)
        if after is not None:
            query = query.start_after(dict(zip(_order(listing), after, strict=True)))
        return [_record(snapshot) for snapshot in query.limit(limit).stream(timeout=_TIMEOUT_S)]

    @unavailable_when_transient
    def latest_final(self, album: str, *, limit: int) -> list[PhotoRecord]:
        # Only final photos have the field, and a query leaves out documents without the field that it orders by.
        query = self._photos(album).order_by("done_at", direction=Query.DESCENDING).limit(limit)
        return [_record(snapshot) for snapshot in query.stream(timeout=_TIMEOUT_S)]

    @unavailable_when_transient
    def longest_outstanding(self, album: str | None, *, limit: int) -> list[PhotoRecord]:
        photos = self._client.collection_group("photos") if album is None else self._photos(album)
        query = photos.where(filter=FieldFilter("status", "in", _OUTSTANDING))
        return [_record(snapshot) for snapshot in query.order_by("changed_at").limit(limit).stream(timeout=_TIMEOUT_S)]

    def _photos(self, album: str) -> Any:
        return self._client.collection("albums").document(album).collection("photos")

    def _photo(self, ref: PhotoRef) -> DocumentReference:
        document: DocumentReference = self._photos(ref.album).document(ref.photo_id)
        return document

    def _create_album_once(self, album: str) -> None:
        if album in self._known_albums:
            return
        # Another instance, or the organiser, may have created it: then it stays as it is.
        with contextlib.suppress(exceptions.AlreadyExists):
            self._client.collection("albums").document(album).create(_new_album(album), timeout=_TIMEOUT_S)
        self._known_albums.add(album)


def _order(listing: PhotoListing) -> tuple[str, ...]:
    """The fields of a listing's positions. Documents of 0.1 have no `photo`, so the name is that of `object`."""
    return ("image.taken_at", "object.name", "__name__") if listing.by_time else ("object.name", "__name__")


def _conditions(album: str, listing: PhotoListing) -> list[FieldFilter]:
    low_name, high_name = listing.names(album) or (None, None)
    low_time, high_time = listing.times
    asked: tuple[tuple[str, str, Any], ...] = (
        ("status", "==", listing.status and listing.status.value),
        ("image.camera", "==", listing.camera),
        ("has_warnings", "==", True if listing.with_warnings else None),
        ("bib_numbers", "array_contains", listing.bib),
        ("bib_numbers", "==", [] if listing.without_bib else None),
        ("sharpness.is_blurry", "==", True if listing.is_blurry else None),
        ("object.name", ">=", low_name),
        ("object.name", "<", high_name),
        ("image.taken_at", ">=", low_time),
        ("image.taken_at", "<", high_time),
    )
    return [FieldFilter(path, operator, value) for path, operator, value in asked if value is not None]


def _state(snapshot: Any) -> PhotoState | None:
    fields = (snapshot.to_dict() or {}) if snapshot.exists else {}
    if "status" not in fields:
        return None
    status = PhotoStatus(fields["status"])
    return PhotoState(
        generation=generation_of(fields),
        status=status,
        changed_at=fields["changed_at"],
        duplicate_of=fields.get("duplicate_of"),
        open_attempts=fields.get("open_attempts", 0),
    )


def _new_album(album: str) -> dict[str, Any]:
    return {"title": album, "created_at": datetime.now(UTC)}


def _record(snapshot: Any) -> PhotoRecord:
    fields = snapshot.to_dict() or {}
    return PhotoRecord(ref=ref_of(fields), status=PhotoStatus(fields["status"]), fields=fields)


def _count(query: Any) -> int:
    return int(query.count().get(timeout=_TIMEOUT_S)[0][0].value)
