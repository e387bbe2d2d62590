"""Compare the bucket with the records, and queue missing and stuck photos: backfill, lost notifications."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice

from photofinish.application.ingest import ingest, requeue
from photofinish.domain.photo import DEFAULT_ALBUM, StoredPhoto, album_prefixes, is_folder_placeholder
from photofinish.domain.video_names import MAX_VIDEO_BYTES
from photofinish.domain.work import is_done, is_stuck, needs_ingest
from photofinish.logs import fields
from photofinish.ports import Documents, PhotoStore, ResultEvents, WorkQueue

log = logging.getLogger(__name__)
_CHUNK = 300  # records looked up in one request


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many objects were compared, and how many of them were queued."""

    seen: int
    queued: int


def reconcile(
    *,
    store: PhotoStore,
    documents: Documents,
    queue: WorkQueue,
    events: ResultEvents,
    stale_after: timedelta,
    halted: Collection[str] = (),
    album: str | None = None,
    again: bool = False,
    uploaded_since: datetime | None = None,
    max_video_bytes: int = MAX_VIDEO_BYTES,
    dry_run: bool = False,
    on_progress: Callable[[Reconciled], None] = lambda _: None,
) -> Reconciled:
    """Queue every photo of `album` that has no record or an older generation, or has been stuck for `stale_after`.

    So is a duplicate whose original is gone. Photos of `halted` albums wait, and are not stuck.

    `again` adds the photos that are done and still in the bucket; one whose original is gone keeps its result.
    `uploaded_since` skips older objects: listing a bucket is cheap, reading the record of every photo is not. With
    `dry_run` nothing is queued: the counts say what would be.
    """
    seen = queued = 0
    for chunk in _chunks(listed_photos(store, album, uploaded_since=uploaded_since)):
        now = datetime.now(UTC)
        states = documents.states([photo.ref for photo in chunk])
        for photo in chunk:
            state = states.get(photo.ref)
            if needs_ingest(state, photo.ref):
                if not dry_run:
                    ingest(
                        photo,
                        event_at=now,
                        documents=documents,
                        queue=queue,
                        events=events,
                        max_video_bytes=max_video_bytes,
                    )
                queued += 1
                continue
            original = state.duplicate_of if is_done(state, photo.ref) and state is not None else None
            is_requested = again and is_done(state, photo.ref) and original is None
            is_orphan = original is not None and not _has_bytes_of(photo, original, documents)
            is_waiting = photo.ref.album in halted
            is_lost = not is_waiting and is_stuck(state, photo.ref, now=now, stale_after=stale_after)
            if state is not None and (is_requested or is_orphan or is_lost):
                queued += dry_run or requeue(
                    photo.ref,
                    seen_at=state.changed_at,
                    uploaded_at=photo.uploaded_at,
                    documents=documents,
                    queue=queue,
                    events=events,
                )
        seen += len(chunk)
        on_progress(Reconciled(seen, queued))
    log.info("reconciled", extra=fields(seen=seen, queued=queued, album=album, again=again, dry_run=dry_run))
    return Reconciled(seen, queued)


def _has_bytes_of(photo: StoredPhoto, original: str, documents: Documents) -> bool:
    """Whether the photo that `photo` is a duplicate of still has its bytes: it may be erased or overwritten."""
    record = documents.get(photo.ref.album, original)
    return record is not None and record.fields.get("checksum") == photo.checksum


def listed_photos(
    store: PhotoStore, album: str | None, *, uploaded_since: datetime | None = None
) -> Iterator[StoredPhoto]:
    """Yield the photos of the bucket, of `album` (None: of all) and uploaded at or after `uploaded_since`."""
    # Photos of the default album may be anywhere: at the root, or in a folder whose name cannot be an album's.
    prefixes = ("",) if album is None or album == DEFAULT_ALBUM else album_prefixes(album)
    listed: Iterator[StoredPhoto] = chain.from_iterable(map(store.list_photos, prefixes))
    listed = (photo for photo in listed if not is_folder_placeholder(photo))
    if album is not None:
        listed = (photo for photo in listed if photo.ref.album == album)
    if uploaded_since is not None:
        listed = (photo for photo in listed if photo.uploaded_at >= uploaded_since)
    return listed


def _chunks(photos: Iterable[StoredPhoto]) -> Iterator[list[StoredPhoto]]:
    iterator = iter(photos)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
