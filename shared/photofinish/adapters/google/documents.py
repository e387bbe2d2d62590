"""Documents on Firestore: ``albums/{album}`` and ``albums/{album}/photos/{photo_id}``, see the README of `shared/`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
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
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.work import PhotoState, is_version, needs_analysis
from photofinish.ports import PhotoRecord

_TIMEOUT_S = 30.0
_OUTSTANDING = [PhotoStatus.QUEUED.value, PhotoStatus.PROCESSING.value]
_PAGE = 500


class FirestoreDocuments:
    """Every guarded write is one transaction that reads the photo's generation and status first."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known_albums: set[str] = set()

    @unavailable_when_transient
    def record_queued(self, photo: StoredPhoto, *, event_at: datetime, trace_id: str) -> bool:
        self._create_album_once(photo.ref.album)
        document = self._photo(photo.ref)
        now = datetime.now(UTC)
        fields = {
            "object": {
                "bucket": photo.ref.bucket,
                "name": photo.ref.name,
                "generation": photo.ref.generation,
                "size": photo.size_bytes,
                "content_type": photo.content_type,
            },
            "status": PhotoStatus.QUEUED.value,
            "queued_at": now,
            "changed_at": now,
            "trace_id": trace_id,
            "stages": {"uploaded_at": photo.uploaded_at, "event_at": event_at, "queued_at": now},
        }

        @transactional
        def write(transaction: Transaction) -> bool:
            state = _state(document.get(transaction=transaction, timeout=_TIMEOUT_S))
            if not needs_analysis(state, photo.ref):
                return False
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
                    _object_fields(ref)
                    | {
                        "status": PhotoStatus.PROCESSING.value,
                        "changed_at": now,
                        "worker": worker,
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
        self, photo: PhotoRef, status: PhotoStatus, fields: Mapping[str, Any], *, error: tuple[str, str] | None = None
    ) -> bool:
        document = self._photo(photo)

        @transactional
        def write(transaction: Transaction) -> bool:
            state = _state(document.get(transaction=transaction, timeout=_TIMEOUT_S))
            if not needs_analysis(state, photo):
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
            transaction.set(document, _object_fields(photo) | dict(fields) | final, merge=merge)
            return True

        return bool(write(self._client.transaction()))

    @unavailable_when_transient
    def note_failure(self, photos: Sequence[PhotoRef], reason: str) -> None:
        batch = self._client.batch()
        for ref in photos:
            batch.set(self._photo(ref), {"last_error": {"at": datetime.now(UTC), "message": reason[:1000]}}, merge=True)
        batch.commit(timeout=_TIMEOUT_S)

    @unavailable_when_transient
    def record_requeued(self, photo: PhotoRef, *, trace_id: str) -> bool:
        document = self._photo(photo)

        @transactional
        def write(transaction: Transaction) -> bool:
            if not is_version(_state(document.get(transaction=transaction, timeout=_TIMEOUT_S)), photo):
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
                    "stages.queued_at": now,
                },
            )
            return True

        return bool(write(self._client.transaction()))

    @unavailable_when_transient
    def states(self, photos: Sequence[PhotoRef]) -> dict[PhotoRef, PhotoState]:
        by_path = {self._photo(ref).path: ref for ref in photos}
        documents = [self._client.document(path) for path in by_path]
        fields = ["object.generation", "status", "changed_at"]
        return {
            by_path[snapshot.reference.path]: state
            for snapshot in self._client.get_all(documents, field_paths=fields, timeout=_TIMEOUT_S)
            if (state := _state(snapshot)) is not None
        }

    @unavailable_when_transient
    def get(self, album: str, photo_id: str) -> PhotoRecord | None:
        snapshot = self._photos(album).document(photo_id).get(timeout=_TIMEOUT_S)
        return _record(snapshot) if snapshot.exists else None

    @unavailable_when_transient
    def counts(self, album: str) -> dict[PhotoStatus, int]:
        counted = {}
        for status in PhotoStatus:
            query = self._photos(album).where(filter=FieldFilter("status", "==", status.value))
            if count := _count(query):
                counted[status] = count
        return counted

    @unavailable_when_transient
    def outstanding(self) -> int:
        photos = self._client.collection_group("photos")
        return _count(photos.where(filter=FieldFilter("status", "in", _OUTSTANDING)))

    @unavailable_when_transient
    def list_photos(self, album: str, *, status: PhotoStatus | None = None) -> Iterator[PhotoRecord]:
        query: Any = self._photos(album)
        if status is not None:
            query = query.where(filter=FieldFilter("status", "==", status.value))
        query = query.order_by("__name__").limit(_PAGE)
        last: Any = None
        while True:
            page = list((query.start_after(last) if last else query).stream(timeout=_TIMEOUT_S))
            yield from map(_record, page)
            if len(page) < _PAGE:
                return
            last = page[-1]

    @unavailable_when_transient
    def latest_final(self, album: str, *, limit: int) -> list[PhotoRecord]:
        # Only final photos have the field, and a query leaves out documents without the field that it orders by.
        query = self._photos(album).order_by("done_at", direction=Query.DESCENDING).limit(limit)
        return [_record(snapshot) for snapshot in query.stream(timeout=_TIMEOUT_S)]

    @unavailable_when_transient
    def longest_outstanding(self, album: str, *, limit: int) -> list[PhotoRecord]:
        query = self._photos(album).where(filter=FieldFilter("status", "in", _OUTSTANDING))
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
            self._client.collection("albums").document(album).create(
                {"title": album, "created_at": datetime.now(UTC)}, timeout=_TIMEOUT_S
            )
        self._known_albums.add(album)


def _state(snapshot: Any) -> PhotoState | None:
    fields = (snapshot.to_dict() or {}) if snapshot.exists else {}
    if "status" not in fields:
        return None
    generation, status = int(fields["object"]["generation"]), PhotoStatus(fields["status"])
    return PhotoState(generation=generation, status=status, changed_at=fields["changed_at"])


def _object_fields(ref: PhotoRef) -> dict[str, Any]:
    return {"object": {"bucket": ref.bucket, "name": ref.name, "generation": ref.generation}}


def _record(snapshot: Any) -> PhotoRecord:
    fields = snapshot.to_dict() or {}
    stored = fields["object"]
    ref = PhotoRef(bucket=stored["bucket"], name=stored["name"], generation=int(stored["generation"]))
    return PhotoRecord(ref=ref, status=PhotoStatus(fields["status"]), fields=fields)


def _count(query: Any) -> int:
    return int(query.count().get(timeout=_TIMEOUT_S)[0][0].value)
