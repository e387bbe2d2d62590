"""Record a photo as queued, then queue it: for the first time, or again."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime

from photofinish.domain.announced import check_as_announced
from photofinish.domain.lanes import PROMPT_PHOTOS, Lane, lane_of
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto, is_folder_placeholder
from photofinish.domain.photo_document import duplicate_fields
from photofinish.domain.video_names import MAX_VIDEO_BYTES, may_be_video
from photofinish.domain.work import MAX_PHOTO_BYTES, check_names, check_size, is_version
from photofinish.errors import RejectedInput
from photofinish.logs import fields
from photofinish.ports import Documents, ResultEvents, WorkItem, WorkQueue

log = logging.getLogger(__name__)


def ingest(
    photo: StoredPhoto,
    *,
    event_at: datetime,
    documents: Documents,
    queue: WorkQueue,
    events: ResultEvents,
    max_video_bytes: int = MAX_VIDEO_BYTES,
) -> None:
    """Record and queue one uploaded photo or video; reject it at once if its name or size rules it out.

    Whether it is a video is known when a task reads its content. What may be one, by its name or type, may be larger
    than a photo, and waits in the bulk lane: it takes as long as hundreds of photos.

    One with the bytes of another photo of its album is not analysed: it is done, and names the other.

    It is recorded first, then its event is told, then it is queued: a crash in between leaves a record, and the
    notification of the upload, delivered again, does the rest; what is told twice is one fact. An overwrite of a wrong
    size is queued, too: its task rejects it, and removes the older version from the search. For one that is not
    as announced :func:`photofinish.application.unindexing.unindex_without_result` does that, after the result event.
    """
    if is_folder_placeholder(photo):
        log.info("no photo but a folder's placeholder", extra=fields(name=photo.ref.name))
        return
    is_video = may_be_video(photo.ref.name, photo.content_type)
    rejection = _rejection(photo, documents, max_bytes=max_video_bytes if is_video else MAX_PHOTO_BYTES)
    original = _original(photo, documents) if rejection is None else None
    trace_id = uuid.uuid4().hex
    if not documents.record_queued(photo, event_at=event_at, trace_id=trace_id):
        state = documents.states([photo.ref]).get(photo.ref)
        if is_version(state, photo.ref) and (state.status is PhotoStatus.REJECTED or state.duplicate_of is not None):
            # The attempt that recorded it may have ended there, and the event has an older version unindexed.
            events.publish_result(photo.ref, state.status)
        log.info(
            "nothing to do",
            extra=fields(photo_id=photo.ref.photo_id, album=photo.ref.album, generation=photo.ref.generation),
        )
        return
    if rejection is not None:
        documents.record_final(photo.ref, PhotoStatus.REJECTED, {}, error=(rejection.code, rejection.message))
        events.publish_result(photo.ref, PhotoStatus.REJECTED)
        log.info(
            "rejected",
            extra=fields(photo_id=photo.ref.photo_id, album=photo.ref.album, trace_id=trace_id, code=rejection.code),
        )
        return
    if original is not None:
        documents.record_final(photo.ref, PhotoStatus.DONE, duplicate_fields(original))
        events.publish_result(photo.ref, PhotoStatus.DONE)
        log.info(
            "a duplicate",
            extra=fields(photo_id=photo.ref.photo_id, album=photo.ref.album, trace_id=trace_id, original=original),
        )
        return
    lane = _lane(photo.ref.album, documents, is_video=is_video)
    events.publish_result(photo.ref, PhotoStatus.QUEUED)
    queue.publish([WorkItem(photo=photo.ref, trace_id=trace_id, uploaded_at=photo.uploaded_at)], lane=lane)
    log.info("queued", extra=fields(photo_id=photo.ref.photo_id, album=photo.ref.album, trace_id=trace_id, lane=lane))


def _lane(album: str, documents: Documents, *, is_video: bool) -> Lane:
    """Return where the album's photo waits that was just recorded, see :func:`lane_of`; videos are bulk."""
    if is_video:
        return Lane.BULK
    return lane_of(documents.outstanding_of(album, limit=PROMPT_PHOTOS + 1))


def _original(photo: StoredPhoto, documents: Documents) -> str | None:
    """Return the photo that a new one has the bytes of.

    A photo that has a record is none: as an older version its faces are to be replaced, and as this version it may be
    the original of the other.
    """
    original = documents.find_copy(photo)
    return None if original is None or documents.states([photo.ref]) else original


def _rejection(photo: StoredPhoto, documents: Documents, *, max_bytes: int) -> RejectedInput | None:
    """Why `photo` is rejected without a task."""
    try:
        check_names(photo.ref.name)
        check_as_announced(photo.announced, size_bytes=photo.size_bytes, crc32c=photo.crc32c)
    except RejectedInput as rejection:
        return rejection
    try:
        check_size(photo.size_bytes, max_bytes)
    except RejectedInput as rejection:
        return None if documents.states([photo.ref]) else rejection
    return None


def requeue(
    photo: PhotoRef,
    *,
    seen_at: datetime,
    uploaded_at: datetime,
    documents: Documents,
    queue: WorkQueue,
    events: ResultEvents,
) -> bool:
    """Queue a recorded photo again whatever its status; False if the record has changed meanwhile.

    `seen_at` is the `changed_at` of the record that made the caller decide. Without it a photo that was found stuck
    in a long list, and analysed before its turn came, would be analysed twice.

    The old result stays until the new one replaces it. The time of the last change moves, so that the photo counts as
    stuck only when this attempt is. The event is told before the message is published: a process that is killed between
    the two leaves a stuck photo, which is queued again, but one that is analysed was told to be queued.
    """
    trace_id = uuid.uuid4().hex
    if not documents.record_requeued(photo, trace_id=trace_id, if_changed_at=seen_at):
        return False
    item = WorkItem(photo=photo, trace_id=trace_id, uploaded_at=uploaded_at)
    events.publish_result(photo, PhotoStatus.QUEUED)
    queue.publish([item], lane=_lane(photo.album, documents, is_video=may_be_video(photo.name)))
    return True


def queue_rest(item: WorkItem, *, documents: Documents, queue: WorkQueue, events: ResultEvents) -> None:
    """Queue a video again of which parts are left, unless it is final meanwhile: a new message, not a failed one."""
    state = documents.states([item.photo]).get(item.photo)
    if is_version(state, item.photo) and not state.is_final:
        requeue(
            item.photo,
            seen_at=state.changed_at,
            uploaded_at=item.uploaded_at,
            documents=documents,
            queue=queue,
            events=events,
        )
