"""A process that dies while it queues a photo loses neither the photo nor an event about it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from photofinish.application.ingest import ingest, requeue
from photofinish.application.reconcile import reconcile
from photofinish.domain.photo import PhotoStatus, StoredPhoto
from support.crashing import Bomb, Killed
from support.pipeline import MemoryCloud, toy_photo

_READS = {"states", "get", "find_copy", "outstanding_of"}


def dying(cloud: MemoryCloud, calls: int) -> dict[str, Any]:
    """The ports by which a photo is queued, of a process that dies before its call number `calls` + 1."""
    fuse = [calls]
    return {name: Bomb(getattr(cloud, name), fuse, reads=_READS) for name in ("documents", "queue", "events")}


def uploaded(cloud: MemoryCloud, how: str) -> StoredPhoto:
    """A photo that is not ingested yet: a new one, or one with the bytes of another, or one of no bytes at all."""
    original = replace(cloud.store.upload("race/1.jpg", toy_photo()), md5="md5", crc32c="crc")
    cloud.ingest(original)
    photo = replace(cloud.store.upload("race/2.jpg", b"" if how == "empty" else toy_photo()), md5=how, crc32c="crc")
    return replace(photo, md5="md5") if how == "a copy" else photo


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("new", [PhotoStatus.QUEUED, PhotoStatus.DONE]),
        ("a copy", [PhotoStatus.DONE]),
        ("empty", [PhotoStatus.REJECTED]),
    ],
)
def test_a_notification_that_is_delivered_again_tells_everything(how: str, told: list[PhotoStatus]) -> None:
    for calls in itertools.count():
        cloud = MemoryCloud()
        photo = uploaded(cloud, how)
        try:
            ingest(photo, event_at=datetime.now(UTC), **dying(cloud, calls))
        except Killed:
            cloud.worker().run()  # what is queued may be done before the notification comes again
            cloud.ingest(photo)
            cloud.worker().run()
            events = [status for ref, status in cloud.events.published if ref == photo.ref]
            # One that was recorded as queued, before it was found to need no analysis, is analysed all the same.
            assert list(dict.fromkeys(events)) in (told, [PhotoStatus.QUEUED, told[-1]]), f"before call {calls + 1}"
            continue
        break
    assert calls >= 2, "it makes that many calls"


def test_a_photo_is_told_to_be_queued_before_it_can_be_done_again() -> None:
    for calls in itertools.count():
        cloud = MemoryCloud()
        photo = cloud.drop("race/1.jpg", toy_photo())
        cloud.worker().run()
        before = len(cloud.events.published)
        try:
            seen_at = cloud.documents.states([photo.ref])[photo.ref].changed_at
            requeue(photo.ref, seen_at=seen_at, uploaded_at=photo.uploaded_at, **dying(cloud, calls))
        except Killed:
            cloud.worker().run()
            if calls:  # it is recorded as queued
                _reconcile(cloud)
                cloud.worker().run()
                events = [status for _, status in cloud.events.published[before:]]
                assert list(dict.fromkeys(events)) == [PhotoStatus.QUEUED, PhotoStatus.DONE], f"before call {calls + 1}"
            continue
        break
    assert calls == 3, "record, tell, publish"


def _reconcile(cloud: MemoryCloud) -> None:
    reconcile(
        store=cloud.store,
        documents=cloud.documents,
        queue=cloud.queue,
        events=cloud.events,
        stale_after=timedelta(0),
    )
