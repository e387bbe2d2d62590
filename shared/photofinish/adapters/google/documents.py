"""Documents on Firestore: ``albums/{album}`` and ``albums/{album}/photos/{photo_id}``, see the README of `shared/`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from google.api_core import exceptions
from google.cloud.firestore import DELETE_FIELD, Client, DocumentReference, Transaction, transactional

from photofinish.adapters.google.document_queries import FirestoreQueries
from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.bib_changes import is_later_analysis, is_older_bibs, without_older_bibs
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.photo_document import (
    RESULT_FIELDS,
    generation_of,
    identity_fields,
    is_erased,
    is_erased_upload,
    progress_fields,
    stored_fields,
    without_erased_faces,
)
from photofinish.domain.restored_document import may_be_restored, restored_fields
from photofinish.domain.work import PhotoState, is_later_verdict, is_version, may_be_requeued, needs_analysis

_TIMEOUT_S = 30.0


class FirestoreDocuments(FirestoreQueries):
    """Every guarded write is one transaction that reads the photo's generation and status first."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
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
                newest["open_attempts"] = newest["progress"] = DELETE_FIELD
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
    def note_progress(self, photo: PhotoRef, *, parts_done: int, parts: int) -> None:
        document = self._photo(photo)

        @transactional
        def write(transaction: Transaction) -> None:
            state = _state(document.get(transaction=transaction, timeout=_TIMEOUT_S))
            if is_version(state, photo) and not state.is_final:
                transaction.update(document, progress_fields(parts_done, parts, now=datetime.now(UTC)))

        write(self._client.transaction())

    @unavailable_when_transient
    def record_requeued(self, photo: PhotoRef, *, trace_id: str, if_changed_at: datetime | None = None) -> bool:
        document = self._photo(photo)

        @transactional
        def write(transaction: Transaction) -> bool:
            state = _state(document.get(transaction=transaction, timeout=_TIMEOUT_S))
            if not may_be_requeued(state, photo, if_changed_at):
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
    def states(self, photos: Sequence[PhotoRef]) -> dict[PhotoRef, PhotoState]:
        by_path = {self._photo(ref).path: ref for ref in photos}
        documents = [self._client.document(path) for path in by_path]
        fields = ["photo", "object", "status", "changed_at", "duplicate_of", "open_attempts"]
        return {
            by_path[snapshot.reference.path]: state
            for snapshot in self._client.get_all(documents, field_paths=fields, timeout=_TIMEOUT_S)
            if (state := _state(snapshot)) is not None
        }

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
