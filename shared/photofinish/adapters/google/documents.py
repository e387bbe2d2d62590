"""Documents and TaskLeases on Firestore.

Layout: ``albums/{album}`` and ``albums/{album}/photos/{photo_id}`` as the README of `shared/` documents them, and one
internal document, ``runtime/analysis_tasks``, that holds the leases of the running tasks; below it, in ``reports``,
what each of them does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
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
from google.cloud.firestore_v1.field_path import FieldPath

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.work import needs_analysis
from photofinish.ports import LeaseCount, PhotoRecord

_TIMEOUT_S = 30.0
_OUTSTANDING = [PhotoStatus.QUEUED.value, PhotoStatus.PROCESSING.value]
_PAGE = 500
_REPORTS_KEPT_FOR = timedelta(hours=1)  # a killed task's, by the TTL of `expires_at`


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
            generation, status = _known(document.get(transaction=transaction, timeout=_TIMEOUT_S))
            if not needs_analysis(generation, status, photo.ref.generation):
                return False
            if generation != photo.ref.generation:
                transaction.set(document, fields)  # a new version starts with nothing of the old one
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
                generation, status = _known(snapshot)
                if not needs_analysis(generation, status, ref.generation):
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
                    merge=generation == ref.generation,
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
            generation, known_status = _known(document.get(transaction=transaction, timeout=_TIMEOUT_S))
            if not needs_analysis(generation, known_status, photo.generation):
                return False
            now = datetime.now(UTC)
            final = {
                "status": status.value,
                "done_at": now,
                "changed_at": now,
                "error": {"code": error[0], "message": error[1]} if error else None,
                "stages": {"done_at": now},
            }
            merge = generation == photo.generation  # nothing of an older version stays
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
            generation, _ = _known(document.get(transaction=transaction, timeout=_TIMEOUT_S))
            if generation != photo.generation:
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
    def known(self, photos: Sequence[PhotoRef]) -> dict[PhotoRef, tuple[int, PhotoStatus, datetime]]:
        by_path = {self._photo(ref).path: ref for ref in photos}
        documents = [self._client.document(path) for path in by_path]
        found = {}
        fields = ["object.generation", "status", "changed_at"]
        for snapshot in self._client.get_all(documents, field_paths=fields, timeout=_TIMEOUT_S):
            generation, status = _known(snapshot)
            if generation is not None and status is not None:
                found[by_path[snapshot.reference.path]] = (generation, status, snapshot.get("changed_at"))
        return found

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
        # Only final photos have the field, and a query leaves out documents without the field it orders by.
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
        # Where another instance was first, or the organiser made it, it stays as it is.
        with contextlib.suppress(exceptions.AlreadyExists):
            self._client.collection("albums").document(album).create(
                {"title": album, "created_at": datetime.now(UTC)}, timeout=_TIMEOUT_S
            )
        self._known_albums.add(album)


class FirestoreTaskLeases:
    """All leases in one document (field `places`); only a launch needs a transaction, a heartbeat writes one field."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._document = client.collection("runtime").document("analysis_tasks")

    @unavailable_when_transient
    def reserve(self, count_for: LeaseCount, *, launch_id: str, expires_in_s: float) -> int:
        @transactional
        def write(transaction: Transaction) -> int:
            now = datetime.now(UTC)
            live = _live_leases(self._document.get(transaction=transaction, timeout=_TIMEOUT_S), now)
            count = count_for(len(live))
            if count > 0:
                expires_at = now + timedelta(seconds=expires_in_s)
                leases = live | {f"{launch_id}/{index}": expires_at for index in range(count)}
                transaction.set(self._document, {"places": leases})
            return count

        return int(write(self._client.transaction()))

    @unavailable_when_transient
    def heartbeat(self, lease_id: str, *, expires_in_s: float) -> None:
        expires_at = datetime.now(UTC) + timedelta(seconds=expires_in_s)
        self._document.set({"places": {lease_id: expires_at}}, merge=True, timeout=_TIMEOUT_S)

    @unavailable_when_transient
    def release(self, lease_ids: Sequence[str]) -> None:
        if not lease_ids:
            return
        fields = {FieldPath("places", lease_id).to_api_repr(): DELETE_FIELD for lease_id in lease_ids}
        try:
            self._document.update(fields, timeout=_TIMEOUT_S)
        except exceptions.NotFound:
            return  # no lease was ever taken

    @unavailable_when_transient
    def live(self) -> int:
        return len(_live_leases(self._document.get(timeout=_TIMEOUT_S), datetime.now(UTC)))

    @unavailable_when_transient
    def report(self, lease_id: str, report: Mapping[str, Any] | None) -> None:
        # One document for each task: the document of the leases takes only about one write a second.
        document = self._document.collection("reports").document(lease_id.replace("/", "~"))
        if report is None:
            document.delete(timeout=_TIMEOUT_S)
        else:
            expires_at = datetime.now(UTC) + _REPORTS_KEPT_FOR
            document.set({"place": lease_id, "report": dict(report), "expires_at": expires_at}, timeout=_TIMEOUT_S)

    @unavailable_when_transient
    def reports(self) -> dict[str, Mapping[str, Any]]:
        found = (
            snapshot.to_dict() or {} for snapshot in self._document.collection("reports").stream(timeout=_TIMEOUT_S)
        )
        return {fields["place"]: fields["report"] for fields in found}


def _live_leases(snapshot: Any, now: datetime) -> dict[str, datetime]:
    leases: dict[str, datetime] = (snapshot.to_dict() or {}).get("places", {})
    return {lease_id: expires_at for lease_id, expires_at in leases.items() if expires_at > now}


def _known(snapshot: Any) -> tuple[int | None, PhotoStatus | None]:
    fields = (snapshot.to_dict() or {}) if snapshot.exists else {}
    if "status" not in fields:
        return None, None
    return int(fields["object"]["generation"]), PhotoStatus(fields["status"])


def _object_fields(ref: PhotoRef) -> dict[str, Any]:
    return {"object": {"bucket": ref.bucket, "name": ref.name, "generation": ref.generation}}


def _record(snapshot: Any) -> PhotoRecord:
    fields = snapshot.to_dict() or {}
    stored = fields["object"]
    ref = PhotoRef(bucket=stored["bucket"], name=stored["name"], generation=int(stored["generation"]))
    return PhotoRecord(ref=ref, status=PhotoStatus(fields["status"]), fields=fields)


def _count(query: Any) -> int:
    return int(query.count().get(timeout=_TIMEOUT_S)[0][0].value)
