"""Compare the bucket with the records and queue what is missing: backfill, lost notifications, stuck photos."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from photofinish.domain.photo import StoredPhoto
from photofinish.domain.work import is_stuck, needs_ingest
from photofinish.logs import fields
from photofinish.ports import Documents, PhotoStore, ResultEvents, WorkItem, WorkQueue
from photofinish_functions.ingest import ingest

log = logging.getLogger(__name__)
_CHUNK = 300  # records looked up in one request


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many objects the bucket holds and how many of them were queued."""

    seen: int
    queued: int


def reconcile(
    *,
    store: PhotoStore,
    documents: Documents,
    queue: WorkQueue,
    events: ResultEvents,
    stale_after: timedelta,
    prefix: str = "",
    uploaded_since: datetime | None = None,
    on_progress: Callable[[Reconciled], None] = lambda _: None,
) -> Reconciled:
    """Queue every photo under `prefix` that has no record, an older generation, or has been stuck for `stale_after`.

    With `uploaded_since` only younger objects are looked up: listing a bucket costs next to nothing, reading the record
    of every photo does.
    """
    seen = queued = 0
    listed = store.list_photos(prefix)
    for chunk in _chunks(photo for photo in listed if uploaded_since is None or photo.uploaded_at >= uploaded_since):
        now = datetime.now(UTC)
        known = documents.known([photo.ref for photo in chunk])
        for photo in chunk:
            record = known.get(photo.ref)
            if needs_ingest(record, photo.ref):
                ingest(photo, event_at=now, documents=documents, queue=queue, events=events)
                queued += 1
            elif is_stuck(record, photo.ref, now=now, stale_after=stale_after):
                trace_id = uuid.uuid4().hex
                # Its time of change moves, so that the next run does not queue it once more.
                if documents.record_requeued(photo.ref, trace_id=trace_id):
                    queue.publish([WorkItem(photo=photo.ref, trace_id=trace_id, uploaded_at=photo.uploaded_at)])
                    queued += 1
        seen += len(chunk)
        on_progress(Reconciled(seen, queued))
    log.info("reconciled", extra=fields(seen=seen, queued=queued, prefix=prefix))
    return Reconciled(seen, queued)


def _chunks(photos: Iterable[StoredPhoto]) -> Iterator[list[StoredPhoto]]:
    iterator = iter(photos)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
