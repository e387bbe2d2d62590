"""Record in the event log what happened to photos: of what Firestore holds, once it holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.search import folder_of
from photofinish.ports import Batches, Documents, EventLog, PhotoRecord

_TYPES = {
    PhotoStatus.QUEUED: EventType.PHOTO_QUEUED,
    PhotoStatus.DONE: EventType.PHOTO_DONE,
    PhotoStatus.REJECTED: EventType.PHOTO_REJECTED,
    PhotoStatus.FAILED: EventType.PHOTO_FAILED,
}


def record_photo_event(
    photo: PhotoRef, status: PhotoStatus, documents: Documents, events: EventLog, batches: Batches
) -> bool:
    """Record that a photo reached `status`, as its record says; return whether that is a new event.

    If the photo came by a batch, the event names it, and the last result completes the batch.

    A message about a status that another one has replaced meanwhile records nothing: that one has its own message.
    """
    record = documents.get(photo.album, photo.photo_id)
    if record is None or record.ref.generation != photo.generation:
        return False
    # A record keeps the time at which its photo was queued when it is analysed.
    if record.status is not status and status is not PhotoStatus.QUEUED:
        return False
    event = photo_event(record, status)
    if event is None:
        return False
    batch_id = batches.batch_of(photo)
    is_new = events.append([replace(event, batch_id=batch_id)]) == 1
    if batch_id is not None and status is not PhotoStatus.QUEUED:
        batches.settle(batch_id)  # also of an event that is known: the attempt that recorded it may have ended there
    return is_new


def photo_event(record: PhotoRecord, status: PhotoStatus) -> AlbumEvent | None:
    """Return the event of a photo's record; None for a status that has no event of its own."""
    event_type = _TYPES.get(status)
    if event_type is None:
        return None
    fields = record.fields
    occurred_at: datetime = fields["queued_at" if status is PhotoStatus.QUEUED else "done_at"]
    return AlbumEvent(
        id=fact_id(event_type, record.ref.photo_id, record.ref.generation, occurred_at.isoformat()),
        type=event_type,
        album=record.ref.album,
        occurred_at=occurred_at,
        photo_id=record.ref.photo_id,
        generation=record.ref.generation,
        folder=folder_of(record.ref),
        camera=(fields.get("image") or {}).get("camera"),
        data=_data(fields, status, occurred_at),
    )


def _data(fields: Mapping[str, Any], status: PhotoStatus, occurred_at: datetime) -> dict[str, Any]:
    if status is PhotoStatus.QUEUED:
        return {}
    uploaded_at: datetime | None = (fields.get("stages") or {}).get("uploaded_at")
    data: dict[str, Any] = {}
    if uploaded_at is not None:
        data["upload_to_result_s"] = round((occurred_at - uploaded_at).total_seconds(), 3)
    if status is PhotoStatus.DONE:
        if duplicate_of := fields.get("duplicate_of"):
            data["duplicate_of"] = duplicate_of
        data |= {"faces": len(fields.get("faces") or ()), "bibs": len(fields.get("bib_numbers") or ())}
    elif error := fields.get("error"):
        data["error"] = {"code": error["code"], "message": error["message"]}
    return data
