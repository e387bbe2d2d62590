"""Photo documents in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from photofinish.domain.photo import FINAL_STATUSES, PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.work import PhotoState, is_version, needs_analysis
from photofinish.ports import PhotoRecord


class MemoryDocuments:
    """Photo documents in a dictionary, guarded as in Firestore."""

    def __init__(self) -> None:
        self.albums: set[str] = set()
        self._photos: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = threading.Lock()

    def record_queued(self, photo: StoredPhoto, *, event_at: datetime, trace_id: str) -> bool:
        with self._lock:
            self.albums.add(photo.ref.album)
            state = self._state(photo.ref)
            if not needs_analysis(state, photo.ref):
                return False
            if not is_version(state, photo.ref):
                now = datetime.now(UTC)
                stages = {"uploaded_at": photo.uploaded_at, "event_at": event_at, "queued_at": now}
                fields = _object_fields(photo.ref)
                fields["object"] |= {"size": photo.size_bytes, "content_type": photo.content_type}
                self._photos[_key(photo.ref)] = fields | {
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
        return {ref for ref in photos if self._write(ref, fields, stages={"pulled_at": now})}

    def record_final(
        self, photo: PhotoRef, status: PhotoStatus, fields: Mapping[str, Any], *, error: tuple[str, str] | None = None
    ) -> bool:
        now = datetime.now(UTC)
        final = {
            "status": status.value,
            "done_at": now,
            "changed_at": now,
            "error": {"code": error[0], "message": error[1]} if error else None,
        }
        return self._write(photo, dict(fields) | final, stages={"done_at": now})

    def note_failure(self, photos: Sequence[PhotoRef], reason: str) -> None:
        with self._lock:
            for ref in photos:
                if _key(ref) in self._photos:
                    self._photos[_key(ref)]["last_error"] = {"at": datetime.now(UTC), "message": reason[:1000]}

    def record_requeued(self, photo: PhotoRef, *, trace_id: str) -> bool:
        with self._lock:
            if not is_version(self._state(photo), photo):
                return False
            now = datetime.now(UTC)
            document = self._photos[_key(photo)]
            document |= {"status": PhotoStatus.QUEUED.value, "queued_at": now, "changed_at": now}
            document |= {"trace_id": trace_id, "error": None}
            document.pop("done_at", None)
            document["stages"]["queued_at"] = now
            return True

    def states(self, photos: Sequence[PhotoRef]) -> dict[PhotoRef, PhotoState]:
        return {ref: state for ref in photos if (state := self._state(ref)) is not None}

    def get(self, album: str, photo_id: str) -> PhotoRecord | None:
        fields = self._photos.get((album, photo_id))
        return _record(fields) if fields else None

    def counts(self, album: str) -> dict[PhotoStatus, int]:
        statuses = [record.status for record in self.list_photos(album)]
        return {status: statuses.count(status) for status in PhotoStatus if status in statuses}

    def outstanding(self) -> int:
        return sum(PhotoStatus(fields["status"]) not in FINAL_STATUSES for fields in self._photos.values())

    def list_photos(self, album: str, *, status: PhotoStatus | None = None) -> Iterator[PhotoRecord]:
        for (its_album, _), fields in sorted(self._photos.items(), key=lambda item: item[0]):
            if its_album == album and status in (None, fields["status"]):
                yield _record(fields)

    def latest_final(self, album: str, *, limit: int) -> list[PhotoRecord]:
        final = [record for record in self.list_photos(album) if "done_at" in record.fields]
        return sorted(final, key=lambda record: record.fields["done_at"], reverse=True)[:limit]

    def longest_outstanding(self, album: str, *, limit: int) -> list[PhotoRecord]:
        waiting = [record for record in self.list_photos(album) if record.status not in FINAL_STATUSES]
        return sorted(waiting, key=lambda record: record.fields["changed_at"])[:limit]

    def _state(self, ref: PhotoRef) -> PhotoState | None:
        fields = self._photos.get(_key(ref))
        if fields is None:
            return None
        generation, status = fields["object"]["generation"], PhotoStatus(fields["status"])
        return PhotoState(generation=generation, status=status, changed_at=fields["changed_at"])

    def _write(self, ref: PhotoRef, fields: dict[str, Any], *, stages: dict[str, datetime]) -> bool:
        with self._lock:
            state = self._state(ref)
            if not needs_analysis(state, ref):
                return False
            if not is_version(state, ref):
                self._photos[_key(ref)] = _object_fields(ref)
            document = self._photos[_key(ref)]
            document |= fields
            document["stages"] = document.get("stages", {}) | stages
            return True


def _key(ref: PhotoRef) -> tuple[str, str]:
    return ref.album, ref.photo_id


def _object_fields(ref: PhotoRef) -> dict[str, Any]:
    return {"object": {"bucket": ref.bucket, "name": ref.name, "generation": ref.generation}}


def _record(fields: dict[str, Any]) -> PhotoRecord:
    stored = fields["object"]
    ref = PhotoRef(bucket=stored["bucket"], name=stored["name"], generation=stored["generation"])
    return PhotoRecord(ref=ref, status=PhotoStatus(fields["status"]), fields=dict(fields))
