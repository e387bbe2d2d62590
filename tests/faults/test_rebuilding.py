"""A rebuild that is killed before any of its writes and begun again ends as one that was not; erasures stay."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from photofinish.adapters.postgres.database import Database
from photofinish.application.checking.rebuilding import Rebuilt
from photofinish.application.reconcile import reconcile
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.domain.photo import PhotoRef
from photofinish.errors import Conflict
from support.checked_album import ALBUM, AT_ONCE, CheckedCloud, full_album, lose_face_rows
from support.crashing import Bomb, Killed

READS = {
    *("get", "states", "records", "list_photos", "find_copy", "rows", "photo_ids", "knows", "events_begin"),
    *("embeddings", "versions", "derived_names", "read_derived", "is_live"),
}
# What differs from run to run, or tells which task had the photo.
TIMES = {"worker", "stages", "queued_at", "changed_at", "done_at", "trace_id", "timings_ms", "bibs_revision"}


@pytest.fixture
def checked_cloud(database: str) -> Iterator[CheckedCloud]:
    opened = Database(database)
    yield CheckedCloud(opened, database)
    opened.close()


def state(cloud: CheckedCloud) -> dict[str, Any]:
    documents = {
        fields["photo"].get("name", photo_id): {name: value for name, value in fields.items() if name not in TIMES}
        for (_, photo_id), fields in cloud.documents._photos.items()
    }
    rows = {
        photo_id: (rows.ref, rows.pipeline_version, rows.faces, rows.read, rows.bibs)
        for photo_id, rows in cloud.contents.rows(ALBUM, sorted(cloud.contents.photo_ids(ALBUM))).items()
    }
    return {"documents": documents, "rows": rows, "objects": set(cloud.store.derived), "waiting": len(cloud.queue)}


def lose_documents(cloud: CheckedCloud) -> None:
    cloud.documents._photos.clear()


def lose_rows(cloud: CheckedCloud) -> None:
    """All rows but those of the faces; of one photo these, too."""
    [photo] = [ref for ref in refs(cloud) if "one-face" in ref.name]
    lose_face_rows(cloud, photo)
    cloud.execute("DELETE FROM photo")


def refs(cloud: CheckedCloud) -> list[PhotoRef]:
    return [record.ref for record in cloud.documents.list_photos(ALBUM)]


def settle(cloud: CheckedCloud) -> None:
    """Let time pass: reconcile queues a photo that was recorded as queued by a process that died before it did that."""
    reconcile(
        store=cloud.store,
        documents=cloud.documents,
        queue=cloud.queue,
        events=cloud.events,
        stale_after=AT_ONCE,
        album=ALBUM,
    )
    cloud.work()


REBUILDS: dict[str, tuple[Callable[[CheckedCloud], None], int]] = {
    "documents": (lose_documents, 5),
    "index": (lose_rows, 6),
}


@pytest.mark.parametrize("what", REBUILDS)
def test_every_crash_ends_in_the_same_state(checked_cloud: CheckedCloud, what: str) -> None:
    lose, least = REBUILDS[what]
    full_album(checked_cloud)
    expected = state(checked_cloud)
    for writes in itertools.count():
        lose(checked_cloud)
        fuse = [writes]
        killed = checked_cloud.recovery(lambda port, fuse=fuse: Bomb(port, fuse, reads=READS)).rebuilder
        try:
            getattr(killed, what)(ALBUM, dry_run=False)
        except Killed:
            getattr(checked_cloud.rebuilder, what)(ALBUM, dry_run=False)
            settle(checked_cloud)
            assert state(checked_cloud) == expected, f"killed before write {writes + 1}"
            continue
        break
    assert writes >= least, "it writes more often than it was killed"
    checked_cloud.work()
    assert checked_cloud.problems() <= {"event_missing"}, "of the photo whose event died with its process"


@pytest.mark.parametrize(
    ("what", "lose", "done"),
    [
        ("documents", lose_documents, Rebuilt(written=4, queued=1)),
        ("index", lose_rows, Rebuilt(right=1, written=3, queued=1)),
    ],
)
def test_a_dry_run_says_what_is_done_and_changes_nothing(
    checked_cloud: CheckedCloud, what: str, lose: Callable[[CheckedCloud], None], done: Rebuilt
) -> None:
    full_album(checked_cloud)
    assert getattr(checked_cloud.rebuilder, what)(ALBUM, dry_run=True) == Rebuilt(right=5)
    lose(checked_cloud)
    before = state(checked_cloud)
    assert getattr(checked_cloud.rebuilder, what)(ALBUM, dry_run=True) == done
    assert state(checked_cloud) == before
    assert getattr(checked_cloud.rebuilder, what)(ALBUM, dry_run=False) == done
    checked_cloud.work()
    assert getattr(checked_cloud.rebuilder, what)(ALBUM, dry_run=False) == Rebuilt(right=5)


@pytest.mark.parametrize("what", REBUILDS)
def test_what_is_erased_stays_erased(checked_cloud: CheckedCloud, what: str) -> None:
    photos = full_album(checked_cloud)
    face = checked_cloud.fields(photos["one face"][0].ref)["faces"][0]["face_id"]
    gone, video = photos["without faces"][0].ref, photos["video"][0].ref
    first, second = checked_cloud.fields(video)["faces"]
    assert {**first["box"], "at_s": 0} == {**second["box"], "at_s": 0}, "both are in one place, one after the other"
    for target in (
        ErasureTarget(kind=ErasureKind.FACE, album=ALBUM, id=face),
        ErasureTarget(kind=ErasureKind.FACE, album=ALBUM, id=first["face_id"]),
        ErasureTarget(kind=ErasureKind.PHOTO, album=ALBUM, id=gone.photo_id),
    ):
        checked_cloud.eraser.erase(target, reason=Reason.REQUEST)
    assert checked_cloud.check() == []
    REBUILDS[what][0](checked_cloud)
    getattr(checked_cloud.rebuilder, what)(ALBUM, dry_run=False)
    checked_cloud.work()
    assert checked_cloud.check() == []
    assert checked_cloud.fields(photos["one face"][0].ref)["faces"] == []
    assert checked_cloud.fields(video)["faces"] == [second]
    assert checked_cloud.fields(video)["bib_numbers"] == ["7"]
    assert checked_cloud.documents.get(ALBUM, gone.photo_id) is None
    rows = checked_cloud.contents.rows(ALBUM, [gone.photo_id, photos["one face"][0].ref.photo_id])
    assert [one.faces for one in rows.values()] == [{}, {}]
    assert rows[gone.photo_id].pipeline_version is None


def test_a_result_that_is_restored_is_not_told_again(checked_cloud: CheckedCloud) -> None:
    photo = full_album(checked_cloud)["good"][0].ref
    told, done_at = checked_cloud.event_log.head(), checked_cloud.fields(photo)["done_at"]
    del checked_cloud.documents._photos[photo.album, photo.photo_id]
    checked_cloud.rebuilder.documents(ALBUM, dry_run=False)
    checked_cloud.record_events()
    assert checked_cloud.fields(photo)["done_at"] == done_at
    assert checked_cloud.event_log.head() == told


def test_an_album_that_the_database_does_not_know_is_not_indexed_by_the_way(checked_cloud: CheckedCloud) -> None:
    """Its policy and opt-outs would be lost, so faces could come back that must not be indexed."""
    full_album(checked_cloud)
    checked_cloud.execute("TRUNCATE album CASCADE")
    with pytest.raises(Conflict, match="Restore a backup"):
        checked_cloud.rebuilder.index(ALBUM, dry_run=True)
    assert checked_cloud.rebuilder.index(ALBUM, dry_run=True, is_new_database=True).queued > 0
