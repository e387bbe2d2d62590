"""What happened to an album: facts, what readers ask of them, and their form as CloudEvents.

An event refers to photos and people by their ids and holds nothing else about them, so it stays true when a number is
corrected, and nothing personal is left when they are erased.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote
from uuid import UUID

from photofinish.domain.bib_number import normal_number
from photofinish.errors import InvalidQuery

_FACTS = UUID("0b5f6f0e-7d4b-5c1e-9f0a-6d1c8a3e2b47")  # the namespace of events' ids
_TYPE_PREFIX = "photofinish."


class EventType(StrEnum):
    """What happened."""

    PHOTO_QUEUED = "photo.queued"
    PHOTO_DONE = "photo.done"
    PHOTO_REJECTED = "photo.rejected"
    PHOTO_FAILED = "photo.failed"
    PHOTO_ERASED = "photo.erased"
    FACE_INDEXED = "face.indexed"
    """A photo's faces can be found."""
    FACE_ERASED = "face.erased"
    BIB_CORRECTED = "bib.corrected"
    PERSON_CREATED = "person.created"
    PERSON_ENROLLED = "person.enrolled"
    PERSON_RENAMED = "person.renamed"
    PERSON_NUMBERED = "person.numbered"
    PERSON_CONFIRMED = "person.confirmed"
    """Faces were confirmed to be of the person."""
    PERSON_REJECTED = "person.rejected"
    """Faces were said not to be of the person."""
    PERSON_MERGED = "person.merged"
    PERSON_SPLIT = "person.split"
    PERSON_UNDONE = "person.undone"
    """A change of people was undone, or made again."""
    PERSON_ERASED = "person.erased"
    BATCH_CREATED = "batch.created"
    BATCH_COMPLETED = "batch.completed"
    BATCH_CANCELLED = "batch.cancelled"
    BATCH_EXPIRED = "batch.expired"
    ALBUM_OPENED = "album.opened"
    ALBUM_CLOSED = "album.closed"
    ALBUM_POLICY_CHANGED = "album.policy_changed"
    ALBUM_CHANGED = "album.changed"
    """Its card was changed: title, day, watermark or downloads."""
    ALBUM_EXPIRED = "album.expired"
    ALBUM_ERASED = "album.erased"
    BUDGET_REACHED = "budget.reached"
    """A share of what the album may cost is spent."""
    SHARE_CREATED = "share.created"
    SHARE_REVOKED = "share.revoked"
    CONSENT_CHANGED = "consent.changed"
    WEBHOOK_DISABLED = "webhook.disabled"
    SUBSCRIPTION_CREATED = "subscription.created"
    SUBSCRIPTION_ENDED = "subscription.ended"


class ToldStatus(StrEnum):
    """The statuses of photos that have an event, `photo.STATUS`."""

    QUEUED = "queued"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"
    ERASED = "erased"

    @property
    def event_type(self) -> EventType:
        return EventType(f"photo.{self.value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumEvent:
    """One fact."""

    id: UUID
    """The same for the same fact, see :func:`fact_id`: recording it again changes nothing."""
    type: EventType
    album: str
    occurred_at: datetime
    photo_id: str | None = None
    """32 hexadecimal characters."""
    generation: int | None = None
    """Of the photo."""
    person_ids: tuple[str, ...] = ()
    batch_id: str | None = None
    folder: str | None = None
    """Of the photo, below the album."""
    camera: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    """Counts, codes and times as JSON values; never a name, a number, a vector or a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """A fact at its place in the log."""

    event: AlbumEvent
    position: int
    """Increases from event to event; unique among all albums."""
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events a reader wants; what is None allows all."""

    types: frozenset[EventType] | None = None
    folder: str | None = None
    camera: str | None = None
    photo_id: str | None = None
    person_id: str | None = None
    """Events about the person, and about photos that show them now."""
    bib: str | None = None
    """Events about photos that have the number now."""
    batch_id: str | None = None
    occurred_from: datetime | None = None
    occurred_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a photo shows as far as it is known now."""

    bib_numbers: frozenset[str] = frozenset()
    person_ids: frozenset[str] = frozenset()


NOTHING_SHOWN = Shown()


def fact_id(*key: object) -> UUID:
    """Return the id of the fact with this key: type, subject, and what tells it from others of the same subject."""
    return uuid.uuid5(_FACTS, "\0".join(str(part) for part in key))


def check_position(after: int, head: int) -> None:
    """Check where a reader goes on, in a log that is complete up to `head`.

    A position ahead of the log was given before the database was restored from a backup: what comes until the log is
    as long again would be missed without a word.

    Raises:
        InvalidQuery: `after` is ahead of the log.
    """
    if after > head:
        raise InvalidQuery(
            f"The log ends at position {head}, before {after}: it was probably restored from a backup. "
            "Read the album again, then follow its events without a position."
        )


def matches(event: AlbumEvent, wanted: EventFilter, shown: Shown = NOTHING_SHOWN) -> bool:
    """Whether a reader wants `event`, whose photo shows `shown`."""
    return (
        (wanted.types is None or event.type in wanted.types)
        and (wanted.folder is None or event.folder == wanted.folder)
        and (wanted.camera is None or event.camera == wanted.camera)
        and (wanted.photo_id is None or event.photo_id == wanted.photo_id)
        and (
            wanted.person_id is None
            or wanted.person_id in event.person_ids
            or (event.photo_id is not None and wanted.person_id in shown.person_ids)
        )
        and (wanted.bib is None or normal_number(wanted.bib) in shown.bib_numbers)
        and (wanted.batch_id is None or event.batch_id == wanted.batch_id)
        and (wanted.occurred_from is None or event.occurred_at >= wanted.occurred_from)
        and (wanted.occurred_before is None or event.occurred_at < wanted.occurred_before)
    )


def subject_of(event: AlbumEvent) -> str | None:
    """Return the path of what the event is about, below the album; None: the album itself."""
    if event.photo_id is not None:
        return f"photos/{event.photo_id}"
    if event.person_ids:
        return f"people/{event.person_ids[0]}"
    if event.batch_id is not None:
        return f"batches/{event.batch_id}"
    return None


def time_text(time: datetime) -> str:
    """Return a time as CloudEvents and the API write it, in UTC: `2026-05-01T10:15:00Z`."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def cloud_event(recorded: RecordedEvent) -> dict[str, Any]:
    """Return the event as CloudEvents 1.0 writes it in JSON (github.com/cloudevents/spec, `json-format.md`).

    `sequence` is the extension of that name (`extensions/sequence.md`): positions of equal length, so that they compare
    as strings.
    """
    event = recorded.event
    about = {
        "album": event.album,
        "photo_id": event.photo_id,
        "generation": event.generation,
        "person_ids": list(event.person_ids) or None,
        "batch_id": event.batch_id,
        "folder": event.folder,
        "camera": event.camera,
    }
    envelope = {
        "specversion": "1.0",
        "id": str(event.id),
        "source": f"/v1/albums/{quote(event.album, safe='')}",
        "type": _TYPE_PREFIX + event.type.value,
        "subject": subject_of(event),
        "time": time_text(event.occurred_at),
        "datacontenttype": "application/json",
        "sequence": f"{recorded.position:018d}",
        "data": {name: value for name, value in about.items() if value is not None} | dict(event.data),
    }
    return {name: value for name, value in envelope.items() if value is not None}
