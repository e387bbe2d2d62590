"""Batches: files that a client announces, uploads and follows together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.video_names import MAX_VIDEO_BYTES, may_be_video
from photofinish.domain.work import MAX_PHOTO_BYTES, check_names, check_size
from photofinish.errors import RejectedInput

MAX_BATCH_FILES = 10_000
# Sessions of resumable uploads last as long (docs.cloud.google.com/storage/docs/resumable-uploads).
BATCH_LIFETIME = timedelta(days=7)
_MAX_OBJECT_NAME_BYTES = 1024
_RATE_OVER_S = 60.0


class BatchState(StrEnum):
    """`open`: some files have no result yet. The others are final."""

    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class FileStatus(StrEnum):
    """`awaited`: the file has not arrived. The others are those of its photo."""

    AWAITED = "awaited"
    QUEUED = "queued"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"


FINAL_FILE_STATUSES = frozenset({FileStatus.DONE, FileStatus.REJECTED, FileStatus.FAILED})
STATUS_OF_EVENT: Mapping[EventType, FileStatus] = {
    EventType.PHOTO_QUEUED: FileStatus.QUEUED,
    EventType.PHOTO_DONE: FileStatus.DONE,
    EventType.PHOTO_REJECTED: FileStatus.REJECTED,
    EventType.PHOTO_FAILED: FileStatus.FAILED,
}
_EVENT_OF_STATE: Mapping[BatchState, EventType] = {
    BatchState.OPEN: EventType.BATCH_CREATED,
    BatchState.COMPLETED: EventType.BATCH_COMPLETED,
    BatchState.CANCELLED: EventType.BATCH_CANCELLED,
    BatchState.EXPIRED: EventType.BATCH_EXPIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedFile:
    """A file that will be uploaded."""

    name: str
    """Of the object, album included."""
    photo_id: str
    size_bytes: int
    content_type: str
    crc32c: str | None = None
    """Base64 of four bytes, big-endian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFile:
    """A file of a batch, and what became of it."""

    file: AnnouncedFile
    status: FileStatus
    changed_at: datetime | None
    """None: it has not arrived."""
    error: Mapping[str, str] | None = None
    """`code` and `message`, if it was rejected or failed."""
    duplicate_of: str | None = None
    """Id of the photo with the same bytes, which has the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch, and how far it is."""

    batch_id: str
    album: str
    state: BatchState
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    counts: Mapping[FileStatus, int]
    """Of every status."""
    recent_results: int
    """Results within the last minute."""

    @property
    def files(self) -> int:
        return sum(self.counts.values())

    @property
    def outstanding(self) -> int:
        """Files without a result."""
        return self.files - sum(self.counts[status] for status in FINAL_FILE_STATUSES)


def results_per_s(batch: Batch, now: datetime) -> float:
    """Return the rate of the last minute, or since the batch was made if that is less ago."""
    age_s = (now - batch.created_at).total_seconds()
    return batch.recent_results / max(1.0, min(age_s, _RATE_OVER_S))


def remaining_s(batch: Batch, now: datetime) -> float | None:
    """Return in how many seconds the last result is expected; None where the rate does not tell."""
    if batch.state is not BatchState.OPEN:
        return 0.0
    rate = results_per_s(batch, now)
    return batch.outstanding / rate if rate > 0 else None


def batch_event(
    batch_id: str, album: str, state: BatchState, at: datetime, counts: Mapping[FileStatus, int]
) -> AlbumEvent:
    """Return the event that says that a batch is in this state."""
    event_type = _EVENT_OF_STATE[state]
    return AlbumEvent(
        id=fact_id(event_type, batch_id),
        type=event_type,
        album=album,
        occurred_at=at,
        batch_id=batch_id,
        data={"files": sum(counts.values())} | {status.value: count for status, count in counts.items() if count},
    )


def check_announced(files: Iterable[AnnouncedFile]) -> None:
    """Check files before anything is recorded of them.

    Raises:
        RejectedInput: `photo_name_not_allowed`, `album_name_not_allowed`, `empty_file` or `file_too_large`, with the
            place of the file in the list; `announced_twice`.
    """
    places: dict[str, int] = {}
    for place, file in enumerate(files):
        if file.name in places:
            raise RejectedInput(
                "announced_twice", f"files.{place} has the name of files.{places[file.name]}: give each its own."
            )
        places[file.name] = place
        try:
            check_names(file.name)
            is_video = may_be_video(file.name, file.content_type)
            check_size(file.size_bytes, MAX_VIDEO_BYTES if is_video else MAX_PHOTO_BYTES)
            _check_path(file.name)
        except RejectedInput as rejection:
            raise RejectedInput(rejection.code, f"files.{place}: {rejection.message}") from None


def _check_path(name: str) -> None:
    if {".", ".."} & set(name.split("/")):
        # HTTP clients shorten such paths, so the upload would have another name, also of another album.
        raise RejectedInput("photo_name_not_allowed", "No folder may be called '.' or '..'. Rename it.")
    if len(name.encode()) > _MAX_OBJECT_NAME_BYTES or any(character in "\r\n" for character in name):
        raise RejectedInput(
            "photo_name_not_allowed",
            f"Use a name of up to {_MAX_OBJECT_NAME_BYTES} bytes with the album, and without line breaks.",
        )
