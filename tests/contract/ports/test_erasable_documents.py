"""Documents that an erasure changes, in memory and on the Firestore server of the local cloud."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import Client

from photofinish.adapters.google.documents import FirestoreDocuments
from photofinish.adapters.google.erasable_documents import FirestoreErasableDocuments
from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.domain.erasure import ErasedFace, ErasedPhoto, Erasure, ErasureKind, ErasureTarget, Reason
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.ports import Buried
from support.firestore_server import FirestoreServer, emulator_environment

NOW = datetime.now(UTC)
PHOTO = PhotoRef(bucket="photos", name="race/1.jpg", generation=5)
FOUND: dict[str, Any] = {
    "faces": [{"face_id": "a"}, {"face_id": "b"}],
    "bibs": [{"number": "101", "face_id": "a"}, {"number": "202", "face_id": "b"}],
    "bib_numbers": ["101", "202"],
    "bibs_revision": 1,
    "text": ["101", "FINISH"],
    "pipeline_version": "1",
}
FACE = ErasedFace(face_id="a", photo_id=PHOTO.photo_id, generation=5, box=Box(0.1, 0.1, 0.1, 0.1))


@pytest.fixture(params=["memory", "firestore"])
def documents(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    """The documents, and what erases in them."""
    if request.param == "memory":
        both = MemoryDocuments()
        yield both, both
        return
    with FirestoreServer(tmp_path / "firestore") as server, emulator_environment(server):
        client = Client(project="erasing")
        yield FirestoreDocuments(client), FirestoreErasableDocuments(client)
        client.close()


def stored(ref: PhotoRef, uploaded_at: datetime = NOW) -> StoredPhoto:
    return StoredPhoto(ref=ref, size_bytes=1, content_type="image/jpeg", uploaded_at=uploaded_at)


def test_erased_photos_faces_and_albums_stay_erased(documents: tuple[Any, Any]) -> None:
    shown, erasable = documents
    assert shown.record_queued(stored(PHOTO), event_at=NOW, trace_id="t")
    assert shown.record_final(PHOTO, PhotoStatus.DONE, FOUND)

    assert erasable.count_faces("race", [FACE]) == 1
    erasable.erase_faces("race", [FACE])
    late = FOUND | {"pipeline_version": "2", "bibs_revision": 2}
    assert shown.record_final(PHOTO, PhotoStatus.DONE, late), "another task's result of the same photo"
    fields = shown.get("race", PHOTO.photo_id).fields
    assert fields["faces"] == [{"face_id": "b"}]
    assert (fields["bib_numbers"], fields["text"]) == (["202"], ["FINISH"])

    erased = ErasedPhoto(photo_id=PHOTO.photo_id, generation=5)
    assert list(erasable.versions("race", uploaded_by=NOW)) == [erased]
    assert list(erasable.versions("race", uploaded_by=NOW - timedelta(seconds=1))) == []
    assert erasable.count_photos("race", [ErasedPhoto(photo_id=PHOTO.photo_id, generation=4)]) == 0
    assert erasable.count_photos("race", [erased]) == 1
    erasable.erase_photos("race", [erased])
    assert erasable.count_photos("race", [erased]) == 0
    assert not shown.record_queued(stored(PHOTO), event_at=NOW, trace_id="t")
    assert shown.record_processing([PHOTO], worker="w") == set()
    assert not shown.record_final(PHOTO, PhotoStatus.DONE, late)
    assert not shown.record_requeued(PHOTO, trace_id="t")
    shown.note_failure([PHOTO], "race/1.jpg broke a model")
    shown.update_bibs({PHOTO: {"bibs": [], "bib_numbers": ["101"], "bibs_revision": 9}})
    assert shown.states([PHOTO])[PHOTO].status is PhotoStatus.ERASED
    assert shown.get("race", PHOTO.photo_id) is None
    assert (list(shown.list_photos("race")), shown.counts("race")) == ([], {})

    newer = PhotoRef(bucket="photos", name="race/1.jpg", generation=6)
    assert shown.record_queued(stored(newer), event_at=NOW, trace_id="t"), "a new photo"
    erasable.erase_photos("race", [erased])
    assert shown.get("race", PHOTO.photo_id).ref == newer, "a newer version stays"

    erasable.close_album("race", NOW + timedelta(hours=1))
    assert shown.album_names(names=None, limit=5, after=None) == []
    other = PhotoRef(bucket="photos", name="race/2.jpg", generation=1)
    assert not shown.record_queued(stored(other), event_at=NOW, trace_id="t"), "uploaded before"
    assert shown.record_queued(stored(other, NOW + timedelta(hours=2)), event_at=NOW, trace_id="t")
    assert shown.album_names(names=frozenset({"race"}), limit=5, after=None) == ["race"]
    for _ in range(2):
        erasable.close_album("race", NOW + timedelta(hours=1))
        assert shown.album_names(names=frozenset({"race"}), limit=5, after=None) == ["race"], "it is used again"


def test_copies_of_tombstones_are_kept(documents: tuple[Any, Any]) -> None:
    _, erasable = documents
    target = ErasureTarget(kind=ErasureKind.PERSON, album="race", id="p")
    erasure = Erasure(id="e", target=target, reason=Reason.REQUEST, started_at=NOW)
    faces = tuple(
        ErasedFace(face_id=f"{n}", photo_id="f", generation=n, box=Box(0.1, 0.2, 0.3, 0.4), bibs=(Box(0, 0, 1, 1),))
        for n in range(1001)
    )
    buried = Buried(erasure=erasure, photos=(ErasedPhoto(photo_id="f", generation=3),), faces=faces)
    erasable.keep(buried)
    erasable.keep(buried)
    assert list(erasable.kept()) == [buried]


def test_an_album_that_was_made_after_an_erasure_only_refuses_what_is_older(tmp_path: Path) -> None:
    """Its document was lost and made again, so it does not tell of the erasure."""
    with FirestoreServer(tmp_path / "firestore") as server, emulator_environment(server):
        client = Client(project="erasing")
        shown, erasable = FirestoreDocuments(client), FirestoreErasableDocuments(client)
        new = PhotoRef(bucket="photos", name="race/3.jpg", generation=1)
        assert shown.record_queued(stored(new, NOW), event_at=NOW, trace_id="t")
        client.document("albums/race/access/users").set({"users": ["a"]})
        erasable.close_album("race", NOW - timedelta(hours=1))
        assert shown.album_names(names=frozenset({"race"}), limit=5, after=None) == ["race"]
        assert client.document("albums/race/access/users").get().exists
        old = PhotoRef(bucket="photos", name="race/4.jpg", generation=1)
        assert not shown.record_queued(stored(old, NOW - timedelta(hours=2)), event_at=NOW, trace_id="t")
        client.close()
