"""Public in-memory doubles of the ports: the same promises, for tests and for trying things out. Thread-safe.

The double of FaceIndex is in ``memory_index.py``.
"""

from __future__ import annotations

import copy
import itertools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from photofinish.domain.bib_rules import BibRules
from photofinish.domain.photo import FINAL_STATUSES, PhotoRef, PhotoStatus, StoredPhoto, is_album_name
from photofinish.domain.work import needs_analysis
from photofinish.errors import NotFound, PhotoGone, RejectedInput
from photofinish.ports import LeaseCount, LeasedWork, PhotoRecord, WorkItem


class MemoryPhotoStore:
    """A bucket of originals and one of derived objects, in dictionaries."""

    def __init__(self, bucket: str = "photos") -> None:
        self.bucket = bucket
        self.derived: dict[str, bytes] = {}
        self._photos: dict[str, tuple[StoredPhoto, bytes]] = {}
        self._generations = itertools.count(1)
        self._lock = threading.Lock()

    def upload(self, name: str, content: bytes, content_type: str = "image/jpeg") -> StoredPhoto:
        """Put an original; an object of that name gets a new generation."""
        with self._lock:
            ref = PhotoRef(bucket=self.bucket, name=name, generation=next(self._generations))
            photo = StoredPhoto(
                ref=ref, size_bytes=len(content), content_type=content_type, uploaded_at=datetime.now(UTC)
            )
            self._photos[name] = (photo, content)
            return photo

    def delete(self, name: str) -> None:
        with self._lock:
            del self._photos[name]

    def read(self, photo: PhotoRef, *, max_bytes: int) -> bytes:
        stored = self._photos.get(photo.name)
        if stored is None or stored[0].ref != photo:
            raise PhotoGone("photo_gone", f"{photo.name} was deleted or replaced.")
        if len(stored[1]) > max_bytes:
            raise RejectedInput("file_too_large", f"The file has more than {max_bytes / 1e6:.0f} MB.")
        return stored[1]

    def list_photos(self, prefix: str = "") -> Iterator[StoredPhoto]:
        for name in sorted(self._photos):
            if name.startswith(prefix):
                yield self._photos[name][0]

    def put_derived(self, name: str, content: bytes, content_type: str) -> None:
        del content_type
        self.derived.setdefault(name, content)

    def read_derived(self, name: str) -> bytes:
        try:
            return self.derived[name]
        except KeyError:
            raise NotFound(f"there is no derived object {name!r}") from None


@dataclass(slots=True)
class _Message:
    item: WorkItem
    published_at: datetime
    attempts: int = 0
    ack_id: str = ""
    leased_until: float = 0.0


class MemoryWorkQueue:
    """A queue with leases, and with a pause of `retry_delay_s` before what was given back is delivered again."""

    def __init__(self, ack_deadline_s: float = 10.0, retry_delay_s: float = 0.0) -> None:
        self._ack_deadline_s = ack_deadline_s
        self._retry_delay_s = retry_delay_s
        self._messages: list[_Message] = []
        self._ack_ids = itertools.count(1)
        self._changed = threading.Condition()

    def publish(self, items: Sequence[WorkItem]) -> None:
        with self._changed:
            self._messages += [_Message(item, datetime.now(UTC)) for item in items]
            self._changed.notify_all()

    def pull(self, max_items: int, *, timeout_s: float) -> list[LeasedWork]:
        give_up_at = time.monotonic() + timeout_s
        with self._changed:
            while True:
                now = time.monotonic()
                free = [message for message in self._messages if message.leased_until <= now][:max_items]
                if free or now >= give_up_at:
                    return [self._lease(message, now) for message in free]
                next_free = min((message.leased_until for message in self._messages), default=give_up_at)
                self._changed.wait(max(0.001, min(give_up_at, next_free) - now))

    def extend(self, ack_ids: Sequence[str], *, deadline_s: int) -> None:
        with self._changed:
            for message in self._messages:
                if message.ack_id in ack_ids:
                    message.leased_until = time.monotonic() + (deadline_s or self._retry_delay_s)
            self._changed.notify_all()

    def ack(self, ack_ids: Sequence[str]) -> None:
        with self._changed:
            self._messages = [message for message in self._messages if message.ack_id not in ack_ids]

    def __len__(self) -> int:
        """How many messages are not acknowledged."""
        return len(self._messages)

    def _lease(self, message: _Message, now: float) -> LeasedWork:
        message.attempts += 1
        message.ack_id = str(next(self._ack_ids))
        message.leased_until = now + self._ack_deadline_s
        return LeasedWork(
            item=message.item,
            ack_id=message.ack_id,
            delivery_attempt=message.attempts,
            published_at=message.published_at,
        )


class MemoryResultEvents:
    """Remembers what was published."""

    def __init__(self) -> None:
        self.published: list[tuple[PhotoRef, PhotoStatus]] = []

    def publish_result(self, photo: PhotoRef, status: PhotoStatus) -> None:
        self.published.append((photo, status))


class MemoryJobLauncher:
    """Remembers what was launched."""

    def __init__(self) -> None:
        self.launched: list[tuple[int, dict[str, str]]] = []

    def launch(self, *, task_count: int, env: Mapping[str, str]) -> str:
        self.launched.append((task_count, dict(env)))
        return f"execution-{len(self.launched)}"


class MemoryTaskLeases:
    """Leases in a dictionary."""

    def __init__(self) -> None:
        self._expires_at: dict[str, float] = {}
        self._reports: dict[str, Mapping[str, Any]] = {}
        self._lock = threading.Lock()

    def reserve(self, count_for: LeaseCount, *, launch_id: str, expires_in_s: float) -> int:
        with self._lock:
            now = time.monotonic()
            self._expires_at = {lease_id: at for lease_id, at in self._expires_at.items() if at > now}
            count = count_for(len(self._expires_at))
            self._expires_at |= {f"{launch_id}/{index}": now + expires_in_s for index in range(count)}
            return count

    def heartbeat(self, lease_id: str, *, expires_in_s: float) -> None:
        with self._lock:
            self._expires_at[lease_id] = time.monotonic() + expires_in_s

    def release(self, lease_ids: Sequence[str]) -> None:
        with self._lock:
            for lease_id in lease_ids:
                self._expires_at.pop(lease_id, None)

    def live(self) -> int:
        now = time.monotonic()
        return sum(at > now for at in self._expires_at.values())

    def report(self, lease_id: str, report: Mapping[str, Any] | None) -> None:
        with self._lock:
            self._reports.pop(lease_id, None)
            if report is not None:
                self._reports[lease_id] = copy.deepcopy(dict(report))

    def reports(self) -> dict[str, Mapping[str, Any]]:
        with self._lock:
            return dict(self._reports)


class MemoryDocuments:
    """Photo documents in a dictionary, guarded as in Firestore."""

    def __init__(self) -> None:
        self.albums: set[str] = set()
        self._photos: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = threading.Lock()

    def record_queued(self, photo: StoredPhoto, *, event_at: datetime, trace_id: str) -> bool:
        with self._lock:
            self.albums.add(photo.ref.album)
            generation, status = self._known(photo.ref)
            if not needs_analysis(generation, status, photo.ref.generation):
                return False
            if generation != photo.ref.generation:
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
            generation, _ = self._known(photo)
            if generation != photo.generation:
                return False
            now = datetime.now(UTC)
            document = self._photos[_key(photo)]
            document |= {"status": PhotoStatus.QUEUED.value, "queued_at": now, "changed_at": now}
            document |= {"trace_id": trace_id, "error": None}
            document.pop("done_at", None)
            document["stages"]["queued_at"] = now
            return True

    def known(self, photos: Sequence[PhotoRef]) -> dict[PhotoRef, tuple[int, PhotoStatus, datetime]]:
        found = {}
        for ref in photos:
            generation, status = self._known(ref)
            if generation is not None and status is not None:
                found[ref] = (generation, status, self._photos[_key(ref)]["changed_at"])
        return found

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

    def _known(self, ref: PhotoRef) -> tuple[int | None, PhotoStatus | None]:
        fields = self._photos.get(_key(ref))
        return (fields["object"]["generation"], PhotoStatus(fields["status"])) if fields else (None, None)

    def _write(self, ref: PhotoRef, fields: dict[str, Any], *, stages: dict[str, datetime]) -> bool:
        with self._lock:
            generation, status = self._known(ref)
            if not needs_analysis(generation, status, ref.generation):
                return False
            if generation != ref.generation:
                self._photos[_key(ref)] = _object_fields(ref)
            document = self._photos[_key(ref)]
            document |= fields
            document["stages"] = document.get("stages", {}) | stages
            return True


class MemoryAlbumRules:
    """:class:`photofinish.ports.AlbumRules`, gone with the process."""

    def __init__(self) -> None:
        self._rules: dict[str, BibRules] = {}

    def bib_rules(self, album: str) -> BibRules:
        return self._rules.get(album, BibRules())

    def set_bib_rules(self, album: str, rules: BibRules) -> None:
        if not is_album_name(album):
            raise RejectedInput("album_name_not_allowed", f"{album[:40]!r} cannot be the name of an album.")
        self._rules[album] = rules


def _key(ref: PhotoRef) -> tuple[str, str]:
    return ref.album, ref.photo_id


def _object_fields(ref: PhotoRef) -> dict[str, Any]:
    return {"object": {"bucket": ref.bucket, "name": ref.name, "generation": ref.generation}}


def _record(fields: dict[str, Any]) -> PhotoRecord:
    stored = fields["object"]
    ref = PhotoRef(bucket=stored["bucket"], name=stored["name"], generation=stored["generation"])
    return PhotoRecord(ref=ref, status=PhotoStatus(fields["status"]), fields=dict(fields))
