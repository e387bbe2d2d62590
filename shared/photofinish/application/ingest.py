"""The first step of a photo's way, and the same once more: record it as queued, then queue it."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime

from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.work import check_upload
from photofinish.errors import RejectedInput
from photofinish.logs import fields
from photofinish.ports import Documents, ResultEvents, WorkItem, WorkQueue

log = logging.getLogger(__name__)


def ingest(
    photo: StoredPhoto, *, event_at: datetime, documents: Documents, queue: WorkQueue, events: ResultEvents
) -> None:
    """Record and queue one uploaded photo; reject at once what its name and size already rule out.

    Recorded first, queued second: a crash in between leaves a record, and the event, delivered again, queues it.
    """
    trace_id = uuid.uuid4().hex
    if not documents.record_queued(photo, event_at=event_at, trace_id=trace_id):
        log.info("nothing to do", extra=fields(photo_id=photo.ref.photo_id, generation=photo.ref.generation))
        return
    try:
        check_upload(photo)
    except RejectedInput as rejection:
        documents.record_final(photo.ref, PhotoStatus.REJECTED, {}, error=(rejection.code, rejection.message))
        events.publish_result(photo.ref, PhotoStatus.REJECTED)
        log.info("rejected", extra=fields(photo_id=photo.ref.photo_id, code=rejection.code))
        return
    queue.publish([WorkItem(photo=photo.ref, trace_id=trace_id, uploaded_at=photo.uploaded_at)])
    log.info("queued", extra=fields(photo_id=photo.ref.photo_id, album=photo.ref.album, trace_id=trace_id))


def requeue(photo: PhotoRef, *, uploaded_at: datetime, documents: Documents, queue: WorkQueue) -> bool:
    """Queue a recorded photo again whatever became of it; False where the record is of another generation.

    What was found in it stays until the new result replaces it. Its time of change moves, so that it counts as stuck
    only when this try is.
    """
    trace_id = uuid.uuid4().hex
    if not documents.record_requeued(photo, trace_id=trace_id):
        return False
    queue.publish([WorkItem(photo=photo, trace_id=trace_id, uploaded_at=uploaded_at)])
    return True
