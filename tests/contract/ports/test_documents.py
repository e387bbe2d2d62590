"""The promises of Documents, kept by every implementation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from photofinish.adapters.google.documents import FirestoreDocuments
from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.ports import Documents


@pytest.fixture(params=["memory", "firestore"])
def documents(request: pytest.FixtureRequest) -> Documents:
    if request.param == "memory":
        return MemoryDocuments()
    made: FirestoreDocuments = request.getfixturevalue("firestore_documents")
    return made


def stored(name: str = "race/1.jpg", generation: int = 1) -> StoredPhoto:
    ref = PhotoRef(bucket="b", name=name, generation=generation)
    return StoredPhoto(ref=ref, size_bytes=5, content_type="image/jpeg", uploaded_at=datetime.now(UTC))


def queue(documents: Documents, photo: StoredPhoto, trace_id: str = "t") -> bool:
    return documents.record_queued(photo, event_at=datetime.now(UTC), trace_id=trace_id)


def status(documents: Documents, ref: PhotoRef) -> PhotoStatus | None:
    record = documents.get(ref.album, ref.photo_id)
    return record.status if record else None


def test_a_new_photo_is_queued_with_all_that_is_known(documents: Documents) -> None:
    photo = stored("l'été/cam 2/1.jpg", 7)
    assert queue(documents, photo, "trace-1")
    record = documents.get("l'été", photo.ref.photo_id)
    assert record is not None
    assert record.ref == photo.ref
    assert record.status is PhotoStatus.QUEUED
    assert record.fields["object"]["size"] == 5
    assert record.fields["object"]["content_type"] == "image/jpeg"
    assert record.fields["trace_id"] == "trace-1"
    assert record.fields["stages"]["uploaded_at"] == photo.uploaded_at


def test_queued_twice_equals_once(documents: Documents) -> None:
    photo = stored()
    assert queue(documents, photo, "first")
    assert queue(documents, photo, "second")
    record = documents.get("race", photo.ref.photo_id)
    assert record is not None
    assert record.fields["trace_id"] == "first"
    assert documents.counts("race") == {PhotoStatus.QUEUED: 1}


def test_a_final_photo_is_not_queued_again(documents: Documents) -> None:
    photo = stored()
    queue(documents, photo)
    assert documents.record_final(photo.ref, PhotoStatus.DONE, {})
    assert not queue(documents, photo)
    assert status(documents, photo.ref) is PhotoStatus.DONE


def test_a_newer_generation_starts_afresh(documents: Documents) -> None:
    queue(documents, stored(generation=1))
    documents.record_final(stored(generation=1).ref, PhotoStatus.DONE, {"bib_numbers": ["1"]})
    newer = stored(generation=2)
    assert queue(documents, newer)
    record = documents.get("race", newer.ref.photo_id)
    assert record is not None
    assert record.ref.generation == 2
    assert record.status is PhotoStatus.QUEUED
    assert "bib_numbers" not in record.fields
    assert "done_at" not in record.fields


def test_an_older_generation_changes_nothing(documents: Documents) -> None:
    newer, older = stored(generation=2), stored(generation=1)
    queue(documents, newer)
    assert not queue(documents, older)
    assert documents.record_processing([older.ref], worker="w") == set()
    assert not documents.record_final(older.ref, PhotoStatus.DONE, {"bib_numbers": ["9"]})
    assert not documents.record_requeued(older.ref, trace_id="t")
    record = documents.get("race", newer.ref.photo_id)
    assert record is not None
    assert (record.ref, record.status) == (newer.ref, PhotoStatus.QUEUED)


def test_processing_marks_those_that_need_it(documents: Documents) -> None:
    waiting, done = stored("race/1.jpg"), stored("race/2.jpg")
    for photo in (waiting, done):
        queue(documents, photo)
    documents.record_final(done.ref, PhotoStatus.DONE, {})
    assert documents.record_processing([waiting.ref, done.ref], worker="task/0") == {waiting.ref}
    record = documents.get("race", waiting.ref.photo_id)
    assert record is not None
    assert record.status is PhotoStatus.PROCESSING
    assert record.fields["worker"] == "task/0"
    assert {"uploaded_at", "event_at", "queued_at", "pulled_at"} <= record.fields["stages"].keys()
    assert documents.record_processing([], worker="task/0") == set()


def test_final_is_final(documents: Documents) -> None:
    photo = stored()
    queue(documents, photo)
    assert documents.record_final(photo.ref, PhotoStatus.DONE, {"bib_numbers": ["1"]})
    assert not documents.record_final(photo.ref, PhotoStatus.FAILED, {}, error=("gave_up", "late"))
    assert status(documents, photo.ref) is PhotoStatus.DONE


def test_an_error_is_a_code_and_a_sentence(documents: Documents) -> None:
    photo = stored()
    queue(documents, photo)
    documents.record_final(photo.ref, PhotoStatus.REJECTED, {}, error=("cut_off", "The file is cut off."))
    record = documents.get("race", photo.ref.photo_id)
    assert record is not None
    assert record.fields["error"] == {"code": "cut_off", "message": "The file is cut off."}


def test_redrive_queues_a_final_photo_again(documents: Documents) -> None:
    photo = stored()
    queue(documents, photo)
    documents.record_final(photo.ref, PhotoStatus.FAILED, {}, error=("gave_up", "…"))
    assert documents.record_requeued(photo.ref, trace_id="again")
    record = documents.get("race", photo.ref.photo_id)
    assert record is not None
    assert record.status is PhotoStatus.QUEUED
    assert record.fields["error"] is None
    assert "done_at" not in record.fields
    assert documents.latest_final("race", limit=5) == []


def test_a_failed_attempt_is_noted_and_changes_no_status(documents: Documents) -> None:
    photo = stored()
    queue(documents, photo)
    documents.note_failure([photo.ref], "the database is away" + "." * 5000)
    record = documents.get("race", photo.ref.photo_id)
    assert record is not None
    assert record.status is PhotoStatus.QUEUED
    assert record.fields["last_error"]["message"].startswith("the database is away")
    assert len(record.fields["last_error"]["message"]) <= 1000


def test_states_are_generation_status_and_time_of_the_change(documents: Documents) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    photo = stored(generation=3)
    queue(documents, photo)
    absent = stored("race/none.jpg").ref
    states = documents.states([photo.ref, absent])
    assert set(states) == {photo.ref}
    state = states[photo.ref]
    assert (state.generation, state.status) == (3, PhotoStatus.QUEUED)
    assert before < state.changed_at < datetime.now(UTC) + timedelta(seconds=1)


def test_counts_lists_and_orders(documents: Documents) -> None:
    photos = [stored(f"race/{number}.jpg") for number in range(5)]
    for photo in photos:
        queue(documents, photo)
    queue(documents, stored("other/1.jpg"))
    for photo in photos[:2]:
        documents.record_final(photo.ref, PhotoStatus.DONE, {})
    documents.record_final(photos[2].ref, PhotoStatus.REJECTED, {}, error=("x", "y"))
    documents.record_processing([photos[3].ref], worker="w")

    assert documents.counts("race") == {
        PhotoStatus.DONE: 2,
        PhotoStatus.REJECTED: 1,
        PhotoStatus.PROCESSING: 1,
        PhotoStatus.QUEUED: 1,
    }
    assert documents.counts("nothing") == {}
    assert documents.outstanding() == 3
    assert {record.ref for record in documents.list_photos("race")} == {photo.ref for photo in photos}
    assert [record.ref for record in documents.list_photos("race", status=PhotoStatus.REJECTED)] == [photos[2].ref]
    assert [record.ref for record in documents.latest_final("race", limit=2)] == [photos[2].ref, photos[1].ref]
    assert [record.ref for record in documents.longest_outstanding("race", limit=9)] == [photos[4].ref, photos[3].ref]


@pytest.mark.timeout(60)
def test_concurrent_workers_leave_one_result(documents: Documents) -> None:
    photo = stored()
    queue(documents, photo)
    with ThreadPoolExecutor(8) as pool:
        applied = list(pool.map(lambda n: documents.record_final(photo.ref, PhotoStatus.DONE, {"by": n}), range(8)))
    assert applied.count(True) == 1
    record = documents.get("race", photo.ref.photo_id)
    assert record is not None
    assert record.fields["by"] == applied.index(True)
