"""A document that is restored from the other stores never takes the place of a newer state, in every implementation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from photofinish.adapters.google.documents import FirestoreDocuments
from photofinish.adapters.google.erasable_documents import FirestoreErasableDocuments
from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.domain.erasure import ErasedFace, ErasedPhoto
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.photo_document import duplicate_fields, stored_fields

REF = PhotoRef(bucket="b", name="race/1.jpg", generation=2)
AT = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)


@pytest.fixture(params=["memory", "firestore"])
def documents(request: pytest.FixtureRequest) -> MemoryDocuments | FirestoreDocuments:
    if request.param == "memory":
        return MemoryDocuments()
    made: FirestoreDocuments = request.getfixturevalue("firestore_documents")
    return made


def stored(generation: int = 2) -> StoredPhoto:
    ref = PhotoRef(bucket="b", name="race/1.jpg", generation=generation)
    return StoredPhoto(ref=ref, size_bytes=5, content_type="image/jpeg", uploaded_at=AT)


def result(*faces: str, revision: int = 10, **others: Any) -> dict[str, Any]:
    shown = [{"face_id": face, "box": {"x": 0.1, "y": 0.1, "w": 0.1, "h": 0.1}} for face in faces]
    fields = {"faces": shown, "bibs": [], "bib_numbers": [], "text": [], "bibs_revision": revision}
    times = {"queued_at": AT, "done_at": AT, "stages": {"uploaded_at": AT, "queued_at": AT, "done_at": AT}}
    return stored_fields(stored()) | fields | times | others


def test_a_lost_document_is_written_whole_with_its_album(documents: MemoryDocuments | FirestoreDocuments) -> None:
    assert documents.restore_result(REF, result("f1"))
    record = documents.get("race", REF.photo_id)
    assert record is not None
    assert (record.ref, record.status, record.fields["done_at"]) == (REF, PhotoStatus.DONE, AT)
    assert record.fields["photo"]["size_bytes"] == 5
    assert documents.last_upload("race") == AT
    assert documents.album_names(names=None, limit=5, after=None) == ["race"]


@pytest.mark.parametrize("state", ["queued", "processing", "rejected", "failed", "duplicate", "newer"])
def test_what_the_document_says_otherwise_stays(documents: MemoryDocuments | FirestoreDocuments, state: str) -> None:
    photo = stored(3 if state == "newer" else 2)
    documents.record_queued(photo, event_at=AT, trace_id="t")
    match state:
        case "processing":
            documents.record_processing([photo.ref], worker="w")
        case "rejected" | "failed":
            documents.record_final(photo.ref, PhotoStatus(state), {}, error=("code", "Sentence."))
        case "duplicate":
            documents.record_final(photo.ref, PhotoStatus.DONE, duplicate_fields("other"))
        case "newer":
            documents.record_final(photo.ref, PhotoStatus.DONE, {})
    before = documents.get("race", REF.photo_id)
    assert not documents.restore_result(REF, result("f1"))
    assert documents.get("race", REF.photo_id) == before


def test_an_older_version_is_replaced_and_the_same_one_keeps_its_times(
    documents: MemoryDocuments | FirestoreDocuments,
) -> None:
    documents.record_queued(stored(1), event_at=AT, trace_id="t")
    documents.record_final(stored(1).ref, PhotoStatus.DONE, {"old": True})
    assert documents.restore_result(REF, result("f1"))
    again = {name: value for name, value in result("f2", revision=11).items() if not name.endswith("_at")}
    del again["stages"]
    assert documents.restore_result(REF, again)
    record = documents.get("race", REF.photo_id)
    assert record is not None
    assert "old" not in record.fields
    assert (record.fields["done_at"], [face["face_id"] for face in record.fields["faces"]]) == (AT, ["f2"])


def test_newer_bibs_and_erasures_stay(documents: MemoryDocuments | FirestoreDocuments) -> None:
    documents.restore_result(REF, result("f1", "f2"))
    documents.update_bibs({REF: {"bibs": [], "bib_numbers": ["7"], "bibs_revision": 20}})
    erasable: Any = documents
    if isinstance(documents, FirestoreDocuments):
        erasable = FirestoreErasableDocuments(documents._client)
    face = ErasedFace(face_id="f1", photo_id=REF.photo_id, generation=2, box=Box(0.1, 0.1, 0.1, 0.1))
    erasable.erase_faces("race", [face])
    documents.update_bibs({REF: {"bibs": [], "bib_numbers": ["7"], "bibs_revision": 30}})
    assert documents.restore_result(REF, result("f1", "f2"))
    record = documents.get("race", REF.photo_id)
    assert record is not None
    assert [one["face_id"] for one in record.fields["faces"]] == ["f2"]
    assert (record.fields["bib_numbers"], record.fields["bibs_revision"]) == (["7"], 30)
    erasable.erase_photos("race", [ErasedPhoto(photo_id=REF.photo_id, generation=2)])
    assert not documents.restore_result(REF, result("f2"))
    assert documents.get("race", REF.photo_id) is None
