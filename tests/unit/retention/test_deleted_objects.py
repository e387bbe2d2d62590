"""Deleted and overwritten originals: what is erased, whatever order events come in, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from photofinish.adapters.memory.retention import MemoryRetentionRecords
from photofinish.application.deleted_objects import DeletedObjects
from photofinish.application.erasing import Eraser
from photofinish.domain.announced import Announced
from photofinish.domain.erasure import Erasure, ErasureKind, ErasureTarget, Reason
from photofinish.domain.photo import PhotoRef
from photofinish.errors import Unavailable
from support.pipeline import MemoryCloud, toy_photo, toy_video


class RecordingEraser(Eraser):
    """Records what it is asked to erase."""

    def __init__(self) -> None:
        self.targets: list[ErasureTarget] = []

    def erase(self, target: ErasureTarget, *, reason: Reason) -> Erasure:
        assert reason is Reason.ORIGINAL_GONE
        self.targets.append(target)
        return Erasure(id="e", target=target, reason=reason, started_at=datetime.now(UTC))


class Deleting:
    """A bucket with analysed photos."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.cloud = MemoryCloud()
        self.eraser = RecordingEraser()
        self.records = MemoryRetentionRecords()
        self.objects = DeletedObjects(self.cloud.store, self.cloud.documents, self.eraser, self.records)

    def analysed(self, name: str) -> PhotoRef:
        ref = self.cloud.drop(name, self.content).ref
        self.cloud.worker().run()
        return ref

    def erased(self) -> list[tuple[str, int | None]]:
        assert {target.kind for target in self.eraser.targets} <= {ErasureKind.PHOTO}
        assert not any(target.with_originals for target in self.eraser.targets)
        return [(target.id, target.generation) for target in self.eraser.targets]


@pytest.fixture(params=["photo", "video"])
def deleting(request: pytest.FixtureRequest) -> Deleting:
    return Deleting(toy_photo() if request.param == "photo" else toy_video())


def test_a_deleted_photo_is_erased(deleting: Deleting) -> None:
    photo = deleting.analysed("race/1.jpg")
    deleting.cloud.store.delete("race/1.jpg")
    deleting.objects.erase(photo)
    assert deleting.erased() == [(photo.photo_id, photo.generation)]


def test_of_an_overwritten_photo_only_the_older_version_is_erased_in_any_order(deleting: Deleting) -> None:
    old = deleting.analysed("race/1.jpg")
    new = deleting.analysed("race/1.jpg")
    deleting.objects.erase(old)
    deleting.objects.erase(new)  # a false event, or one for a generation that is live
    assert deleting.erased() == [(old.photo_id, old.generation)]


def test_an_overwritten_photo_is_erased_though_its_new_version_was_rejected_at_once(deleting: Deleting) -> None:
    old = deleting.analysed("race/1.jpg")
    stored = deleting.cloud.store.upload("race/1.jpg", b"cut off")
    deleting.cloud.ingest(replace(stored, announced=Announced(size_bytes=9000)))
    deleting.objects.erase(old)
    assert deleting.erased() == [(old.photo_id, old.generation)]


def test_an_event_about_a_live_object_erases_nothing(deleting: Deleting) -> None:
    photo = deleting.analysed("race/1.jpg")
    assert deleting.objects.erase(photo) is None
    assert deleting.erased() == []


def test_an_original_that_retention_removed_keeps_its_results(deleting: Deleting) -> None:
    photo = deleting.analysed("race/1.jpg")
    deleting.records.note_originals_removed([photo])
    deleting.cloud.store.delete("race/1.jpg")
    deleting.objects.erase(photo)
    assert deleting.objects.sweep() == 0
    assert deleting.erased() == []


def test_the_sweep_finds_what_lost_events_left(deleting: Deleting) -> None:
    photos = [deleting.analysed(f"{album}/{number}.jpg") for album in ("race", "wedding") for number in (1, 2)]
    deleting.cloud.store.delete("race/2.jpg")
    deleting.cloud.store.delete("wedding/1.jpg")
    assert deleting.objects.sweep() == 2
    assert deleting.erased() == [(photos[index].photo_id, photos[index].generation) for index in (1, 2)]


def test_an_incomplete_listing_erases_nothing(deleting: Deleting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing that ends early without an error, and one that fails after its first page."""
    for number in (1, 2):
        deleting.analysed(f"race/{number}.jpg")
    whole = deleting.cloud.store.list_photos

    def cut_off(prefix: str = ""):  # type: ignore[no-untyped-def]
        yield next(whole(prefix))

    monkeypatch.setattr(deleting.cloud.store, "list_photos", cut_off)
    assert deleting.objects.sweep() == 0

    def failing(prefix: str = ""):  # type: ignore[no-untyped-def]
        yield next(whole(prefix))
        raise Unavailable("the second page cannot be read")

    monkeypatch.setattr(deleting.cloud.store, "list_photos", failing)
    with pytest.raises(Unavailable):
        deleting.objects.sweep()
    assert deleting.erased() == []
