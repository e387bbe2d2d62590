"""Albums that end, and originals where only results are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from photofinish.adapters.memory.album_policies import MemoryAlbumPolicies
from photofinish.adapters.memory.retention import MemoryRetentionRecords
from photofinish.application.erasing import Eraser
from photofinish.application.retention import AlbumEnds, Enforced, Retention
from photofinish.domain.album_policy import AlbumPolicy
from photofinish.domain.erasure import Erasure, ErasureKind, ErasureTarget, Reason
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.retention import AlbumEnd, original_may_go
from photofinish.domain.work import PhotoState
from photofinish.errors import Unavailable
from photofinish.ports import ObjectVersion
from photofinish.ports.erasures import Bucket
from support.pipeline import MemoryCloud, toy_photo

LAST_DAY = date(2026, 8, 1)
NOW = datetime(2026, 8, 2, 0, 7, tzinfo=UTC)


class AlbumEraser(Eraser):
    """Erases albums' documents; cannot erase the albums in `broken`."""

    def __init__(self, cloud: MemoryCloud) -> None:
        self.cloud = cloud
        self.erased: list[str] = []
        self.broken: set[str] = set()

    def erase(self, target: ErasureTarget, *, reason: Reason) -> Erasure:
        assert (target.kind, target.with_originals, reason) == (ErasureKind.ALBUM, True, Reason.RETENTION)
        if target.album in self.broken:
            raise Unavailable("not now")
        self.erased.append(target.album)
        for record in list(self.cloud.documents.list_photos(target.album)):
            self.cloud.documents._photos.pop((target.album, record.ref.photo_id), None)  # type: ignore[attr-defined]
        return Erasure(id="e", target=target, reason=reason, started_at=NOW)


class StoredVersions:
    """What is in the buckets, with older versions: the live originals of a store, and more."""

    def __init__(self, cloud: MemoryCloud) -> None:
        self.cloud = cloud
        self.older: list[ObjectVersion] = []
        self.removed: list[tuple[Bucket, str, int]] = []

    def versions(self, bucket: Bucket, prefix: str) -> Iterator[ObjectVersion]:
        if bucket == "photo_bucket":
            live = (
                ObjectVersion(name=photo.ref.name, generation=photo.ref.generation, created_at=photo.uploaded_at)
                for photo in self.cloud.store.list_photos(prefix)
            )
            yield from live
            yield from (version for version in self.older if version.name.startswith(prefix))
        else:
            for name in sorted(self.cloud.store.derived):
                if name.startswith(prefix):
                    yield ObjectVersion(name=name, generation=1, created_at=NOW)

    def remove(self, bucket: Bucket, versions: Iterable[ObjectVersion]) -> None:
        for version in list(versions):
            self.removed.append((bucket, version.name, version.generation))
            if bucket == "photo_bucket" and version not in self.older:
                self.cloud.store.delete(version.name)
            elif bucket == "derived_bucket":
                del self.cloud.store.derived[version.name]


class Keeping:
    def __init__(self) -> None:
        self.cloud = MemoryCloud()
        self.policies = MemoryAlbumPolicies()
        self.records = MemoryRetentionRecords()
        self.eraser = AlbumEraser(self.cloud)
        self.stored = StoredVersions(self.cloud)
        self.people: dict[str, int] = {}
        nothing: Any = SimpleNamespace(
            summaries=lambda **_: [],
            count=lambda album: SimpleNamespace(people=self.people.get(album, 0)),
        )
        objects: Any = self.stored
        self.ends = AlbumEnds(self.policies, self.records, self.cloud.documents, nothing, nothing)
        self.retention = Retention(
            self.ends,
            self.policies,
            self.records,
            self.cloud.documents,
            objects,
            self.eraser,
            photo_bucket=self.cloud.store.bucket,
        )

    def add(self, name: str) -> PhotoRef:
        ref = self.cloud.drop(name, toy_photo()).ref
        self.cloud.worker().run()
        return ref


@pytest.fixture
def keeping() -> Keeping:
    return Keeping()


def test_an_album_is_erased_on_the_day_after_its_last_once(keeping: Keeping) -> None:
    keeping.policies.set_policy("race", AlbumPolicy(ends_on=LAST_DAY, purpose="results"))
    keeping.policies.set_policy("forever", AlbumPolicy())
    for album in ("race", "forever"):
        keeping.add(f"{album}/1.jpg")
    [end] = keeping.ends.planned()
    assert (end.album, end.purpose, end.erased_on, end.days_left(LAST_DAY)) == ("race", "results", date(2026, 8, 2), 1)
    assert keeping.retention.enforce(LAST_DAY).albums == 0
    assert keeping.retention.enforce(LAST_DAY + timedelta(days=1)).albums == 1
    assert keeping.ends.planned() == []
    assert keeping.retention.enforce(LAST_DAY + timedelta(days=2)).albums == 0
    assert keeping.eraser.erased == ["race"]


def test_what_comes_after_the_end_is_erased_too(keeping: Keeping) -> None:
    keeping.policies.set_policy("race", AlbumPolicy(ends_on=LAST_DAY))
    keeping.retention.enforce(NOW.date())
    keeping.add("race/late.jpg")
    assert keeping.retention.enforce(NOW.date()).albums == 1
    keeping.people["race"] = 1
    assert keeping.retention.enforce(NOW.date()).albums == 1
    assert keeping.eraser.erased == ["race"] * 3


def test_an_album_with_nothing_but_settings_is_erased_at_its_end(keeping: Keeping) -> None:
    """Its start list has names."""
    keeping.policies.set_policy("race", AlbumPolicy(ends_on=LAST_DAY))
    assert keeping.retention.enforce(NOW.date()).albums == 1


def test_an_album_that_is_kept_for_ever_keeps_no_other_from_its_end(keeping: Keeping) -> None:
    keeping.policies.set_policy("race", AlbumPolicy(ends_on=LAST_DAY))
    keeping.policies.set_policy("forever", AlbumPolicy(ends_on=date(9999, 12, 31)))
    assert keeping.retention.enforce(NOW.date()).albums == 1
    assert [end.erased_on for end in keeping.ends.planned()] == [date(9999, 12, 31)]


def test_an_album_that_cannot_be_erased_keeps_no_other_from_it(keeping: Keeping) -> None:
    for album in ("a", "b"):
        keeping.policies.set_policy(album, AlbumPolicy(ends_on=LAST_DAY))
    keeping.eraser.broken = {"a"}
    with pytest.raises(Unavailable):
        keeping.retention.enforce(NOW.date())
    assert keeping.eraser.erased == ["b"]
    assert [end.album for end in keeping.ends.planned()] == ["a"]


def test_where_only_results_are_kept_originals_and_previews_go(keeping: Keeping) -> None:
    keeping.policies.set_policy("race", AlbumPolicy(keep_originals=False))
    done, kept = keeping.add("race/1.jpg"), keeping.add("other/1.jpg")
    waiting = keeping.cloud.drop("race/2.jpg", toy_photo()).ref
    older = ObjectVersion(name="race/1.jpg", generation=0, created_at=NOW)
    keeping.stored.older = [older]
    assert keeping.retention.enforce(NOW.date()) == Enforced(albums=0, originals=2, previews=2), (
        "a preview and its thumbnail"
    )
    assert {removed for removed in keeping.stored.removed if removed[0] == "photo_bucket"} == {
        ("photo_bucket", "race/1.jpg", done.generation),
        ("photo_bucket", "race/1.jpg", 0),
    }
    assert keeping.records.was_original_removed(done)
    assert not keeping.records.was_original_removed(waiting)
    assert [photo.ref for photo in keeping.cloud.store.list_photos()] == [kept, waiting]
    assert {name.split("/")[1] for name in keeping.cloud.store.derived if name.startswith("renditions/")} == {"other"}
    record = keeping.cloud.documents.get("race", done.photo_id)
    assert record is not None
    assert record.status is PhotoStatus.DONE, "results stay"


@pytest.mark.parametrize(
    ("recorded", "status", "of", "may_go"),
    [
        (None, None, 1, False),
        (2, PhotoStatus.DONE, 2, True),
        (2, PhotoStatus.REJECTED, 2, True),
        (2, PhotoStatus.ERASED, 2, True),
        (2, PhotoStatus.FAILED, 2, False),
        (2, PhotoStatus.QUEUED, 2, False),
        (2, PhotoStatus.PROCESSING, 2, False),
        (2, PhotoStatus.QUEUED, 1, True),
        (2, PhotoStatus.DONE, 3, False),
    ],
)
def test_which_originals_may_go(recorded: int | None, status: PhotoStatus | None, of: int, may_go: bool) -> None:
    state = None
    if recorded is not None and status is not None:
        state = PhotoState(generation=recorded, status=status, changed_at=NOW)
    assert original_may_go(state, PhotoRef(bucket="photos", name="race/1.jpg", generation=of)) is may_go


def test_days_left_are_counted_in_utc_days() -> None:
    end = AlbumEnd(album="race", purpose="", ends_on=LAST_DAY)
    assert [end.days_left(LAST_DAY + timedelta(days=days)) for days in (-30, 0, 1, 5)] == [31, 1, 0, -4]
