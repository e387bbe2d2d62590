"""The promises of Documents, kept by every implementation."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from photofinish.adapters.google.documents import FirestoreDocuments
from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.photo_document import RESULT_FIELDS, duplicate_fields
from photofinish.domain.photo_listing import PhotoListing
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
    assert record.fields["photo"] == {
        "bucket": "b",
        "name": "l'été/cam 2/1.jpg",
        "generation": 7,
        "album": "l'été",
        "photo_id": photo.ref.photo_id,
        "size_bytes": 5,
        "content_type": "image/jpeg",
    }
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


def test_a_newer_generation_is_queued_as_a_new_photo(documents: Documents) -> None:
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


@pytest.mark.parametrize("verdict", [PhotoStatus.DONE, PhotoStatus.REJECTED])
def test_a_photo_that_was_given_up_takes_the_result_of_a_task_that_was_only_late(
    documents: Documents, verdict: PhotoStatus
) -> None:
    photo = stored()
    queue(documents, photo)
    documents.record_processing([photo.ref], worker="frozen/0")
    documents.record_final(photo.ref, PhotoStatus.FAILED, {}, error=("gave_up", "…"))
    assert documents.record_processing([photo.ref], worker="w") == set(), "it is not begun again"
    assert not documents.record_final(photo.ref, verdict, {}, unless_failed=True)
    assert documents.record_final(photo.ref, verdict, {})
    assert status(documents, photo.ref) is verdict
    assert not documents.record_final(photo.ref, PhotoStatus.FAILED, {}, error=("gave_up", "…"))
    assert not documents.record_final(photo.ref, PhotoStatus.REJECTED, {}, error=("cut_off", "…"))
    assert not documents.record_final(photo.ref, PhotoStatus.DONE, {})


def test_attempts_are_open_until_they_end_in_any_way(documents: Documents) -> None:
    photo, other, newer = stored(), stored("race/2.jpg"), stored(generation=2)
    for one in (photo, other):
        queue(documents, one)

    def open_attempts() -> list[int]:
        states = documents.states([photo.ref, other.ref])
        return [states[one.ref].open_attempts for one in (photo, other)]

    assert open_attempts() == [0, 0]
    documents.record_processing([photo.ref, other.ref], worker="killed/0")
    documents.record_processing([photo.ref], worker="killed/1")
    assert open_attempts() == [2, 1]
    documents.note_failure([photo.ref], "the database is away")
    assert open_attempts() == [0, 1]
    documents.record_processing([photo.ref], worker="w")
    documents.record_final(photo.ref, PhotoStatus.DONE, {})
    assert open_attempts() == [0, 1]
    documents.record_requeued(other.ref, trace_id="again")
    assert open_attempts() == [0, 0]
    documents.record_processing([other.ref], worker="w")
    documents.record_processing([newer.ref], worker="w")
    assert documents.states([newer.ref])[newer.ref].open_attempts == 1, "a new version has its own"


def test_a_photo_rejected_in_a_later_analysis_has_no_result_any_more(documents: Documents) -> None:
    photo = stored()
    queue(documents, photo)
    result = {name: ["found"] for name in RESULT_FIELDS} | {"timings_ms": {"decode": 1.0}}
    assert documents.record_final(photo.ref, PhotoStatus.DONE, result)
    documents.record_requeued(photo.ref, trace_id="again")
    assert documents.record_final(photo.ref, PhotoStatus.REJECTED, {}, error=("cut_off", "…"))
    record = documents.get("race", photo.ref.photo_id)
    assert record is not None
    assert record.fields.keys() & RESULT_FIELDS == set()
    assert record.fields["photo"]["size_bytes"] == 5


def test_of_two_pipelines_at_the_same_time_the_document_has_what_the_index_has(documents: Documents) -> None:
    """A task on a GPU and one on a CPU; the index keeps the faces of the later one, which has the higher revision."""
    on_cpu = {"pipeline_version": "5-int8", "faces": ["cpu"], "bib_numbers": ["1"], "bibs_revision": 7}
    on_gpu = {"pipeline_version": "5", "faces": ["gpu"], "bib_numbers": ["2"], "bibs_revision": 8}
    for name, first, second in (("race/1.jpg", on_cpu, on_gpu), ("race/2.jpg", on_gpu, on_cpu)):
        photo = stored(name)
        queue(documents, photo)
        assert documents.record_final(photo.ref, PhotoStatus.DONE, first)
        assert documents.record_final(photo.ref, PhotoStatus.DONE, second) == (second is on_gpu)
        record = documents.get("race", photo.ref.photo_id)
        assert record is not None
        assert on_gpu.items() <= record.fields.items()
        assert not documents.record_final(photo.ref, PhotoStatus.DONE, on_gpu), "twice equals once"


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


def test_what_changed_meanwhile_is_not_queued_again(documents: Documents) -> None:
    """A photo seems to be stuck, and has its result before its turn to be queued again comes."""
    photo = stored()
    queue(documents, photo)
    seen_at = documents.states([photo.ref])[photo.ref].changed_at
    documents.record_final(photo.ref, PhotoStatus.DONE, {})
    assert not documents.record_requeued(photo.ref, trace_id="again", if_changed_at=seen_at)
    done = documents.states([photo.ref])[photo.ref]
    assert done.status is PhotoStatus.DONE
    assert documents.record_requeued(photo.ref, trace_id="again", if_changed_at=done.changed_at)


def test_the_progress_of_a_video_is_shown_until_it_is_final(documents: Documents) -> None:
    video = stored("race/clip.mp4")
    queue(documents, video)
    for _ in range(3):
        documents.record_processing([video.ref], worker="a")
    documents.note_progress(replace(video.ref, generation=9), parts_done=1, parts=3)
    documents.note_progress(video.ref, parts_done=2, parts=3)
    record = documents.get("race", video.ref.photo_id)
    assert record is not None
    assert (record.status, record.fields["progress"]) == (PhotoStatus.PROCESSING, {"parts_done": 2, "parts": 3})
    assert documents.states([video.ref])[video.ref].open_attempts == 1, "it goes well"
    documents.record_final(video.ref, PhotoStatus.DONE, {})
    documents.note_progress(video.ref, parts_done=3, parts=3)
    record = documents.get("race", video.ref.photo_id)
    assert record is not None
    assert (record.status, record.fields.get("progress")) == (PhotoStatus.DONE, None)


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


def test_albums_are_recorded_with_their_first_photo(documents: Documents) -> None:
    names = ["Z", "a", "b", "é", "ß", "𝄞", "￼"]
    for name in names:
        queue(documents, stored(f"{name}/1.jpg"))
    ordered = sorted(names)
    assert documents.album_names(names=None, limit=100, after=None) == ordered
    assert documents.album_names(names=None, limit=2, after="a") == ["b", "ß"]
    some = frozenset({"é", "a", "b", "not recorded"})
    assert documents.album_names(names=some, limit=100, after=None) == ["a", "b", "é"]
    assert documents.album_names(names=some, limit=1, after="a") == ["b"]
    assert documents.album_names(names=frozenset(), limit=100, after=None) == []
    assert documents.album_names(names=None, limit=100, after=ordered[-1]) == []


def test_the_last_upload_is_that_of_the_newest_photo(documents: Documents) -> None:
    assert documents.last_upload("race") is None
    newest = datetime(2026, 5, 1, 12, tzinfo=UTC)
    for number, age in enumerate((5, 0, 9)):
        photo = replace(stored(f"race/{number}.jpg"), uploaded_at=newest - timedelta(hours=age))
        queue(documents, photo)
    queue(documents, stored("other/1.jpg"))
    documents.record_processing([stored("race/arrived-without-an-event.jpg").ref], worker="w")
    assert documents.last_upload("race") == newest


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
    assert [documents.outstanding_of("race", limit=limit) for limit in (1, 2, 9)] == [1, 2, 2]
    assert documents.outstanding_of("nothing", limit=9) == 0
    assert {record.ref for record in documents.list_photos("race")} == {photo.ref for photo in photos}
    assert [record.ref for record in documents.list_photos("race", status=PhotoStatus.REJECTED)] == [photos[2].ref]
    assert [record.ref for record in documents.latest_final("race", limit=2)] == [photos[2].ref, photos[1].ref]
    assert [record.ref for record in documents.longest_outstanding("race", limit=9)] == [photos[4].ref, photos[3].ref]
    assert len(documents.longest_outstanding(None, limit=9)) == 3
    assert [record.ref for record in documents.longest_outstanding(None, limit=1)] == [photos[4].ref]


@pytest.mark.parametrize("kind", ["memory", "firestore"])
def test_documents_of_version_0_1_are_read_and_updated(kind: str, request: pytest.FixtureRequest) -> None:
    """They have `object` where later ones have `photo`, too."""
    photo = stored("race/1.jpg", generation=3)
    old = {
        "object": {"bucket": "b", "name": "race/1.jpg", "generation": 3, "size": 5, "content_type": "image/jpeg"},
        "status": "queued",
        "changed_at": datetime.now(UTC),
        "stages": {},
    }
    documents: Documents
    if kind == "memory":
        documents = memory = MemoryDocuments()
        memory._photos["race", photo.ref.photo_id] = old
    else:
        documents = request.getfixturevalue("firestore_documents")
        client = request.getfixturevalue("firestore_client")
        client.document(f"albums/race/photos/{photo.ref.photo_id}").set(old)
    assert documents.states([photo.ref])[photo.ref].generation == 3
    assert [record.ref for record in documents.list_photos("race")] == [photo.ref]
    assert listed(documents) == ["1.jpg"]
    assert documents.record_processing([photo.ref], worker="w") == {photo.ref}
    assert documents.record_final(photo.ref, PhotoStatus.DONE, {})
    record = documents.get("race", photo.ref.photo_id)
    assert record is not None
    assert (record.ref, record.status) == (photo.ref, PhotoStatus.DONE)


def listed(documents: Documents, limit: int = 50, **conditions: Any) -> list[str]:
    """The names of all listed photos, read in pages of `limit`."""
    listing, names, after = PhotoListing(**conditions), [], None
    while page := documents.list_page("race", listing, limit=limit, after=after):
        names += [record.ref.name.removeprefix("race/") for record in page]
        after = listing.position(page[-1].ref, page[-1].fields)
    return names


def test_photos_are_listed_by_name_or_time_and_by_any_conditions(documents: Documents) -> None:
    def done(name: str, taken_at: str | None, camera: str | None = "A", bibs: Sequence[str] = ()) -> None:
        photo = stored(f"race/{name}")
        queue(documents, photo)
        image = {"width": 6, "height": 4, "format": "JPEG", "taken_at": taken_at, "camera": camera}
        sharpness = {"frame": 0.5, "is_blurry": name.startswith("cam1/")}
        fields = {"image": image, "bib_numbers": list(bibs), "has_warnings": camera == "B", "sharpness": sharpness}
        documents.record_final(photo.ref, PhotoStatus.DONE, fields)

    done("cam1/b.jpg", "2026-05-01T10:00:00", bibs=["7", "8"])
    done("cam1/a.jpg", "2026-05-01T10:15:00+02:00", bibs=["7"])
    done("cam1/deep/c.jpg", "2026-05-01T10:15:00.500000")
    done("cam10/d.jpg", "2026-05-01T10:00:00-05:00", camera="B", bibs=["7"])
    done("e.jpg", None, camera=None, bibs=["A1"])
    queue(documents, stored("race/cam1/queued.jpg"))
    queue(documents, stored("race/ä.jpg"))
    queue(documents, stored("other/1.jpg"))

    everything = ["cam1/a.jpg", "cam1/b.jpg", "cam1/deep/c.jpg", "cam1/queued.jpg", "cam10/d.jpg", "e.jpg", "ä.jpg"]
    moment = datetime(2026, 5, 1, 10)
    quarter = {"taken_from": moment, "taken_until": moment + timedelta(minutes=15)}
    for limit in (1, 2, 50):
        assert listed(documents, limit) == everything
        assert listed(documents, limit, status=PhotoStatus.QUEUED) == ["cam1/queued.jpg", "ä.jpg"]
        assert listed(documents, limit, camera="A") == ["cam1/a.jpg", "cam1/b.jpg", "cam1/deep/c.jpg"]
        assert listed(documents, limit, bib="a-1") == ["e.jpg"]
        assert listed(documents, limit, bib="7") == ["cam1/a.jpg", "cam1/b.jpg", "cam10/d.jpg"]
        assert listed(documents, limit, without_bib=True) == ["cam1/deep/c.jpg"]
        assert listed(documents, limit, is_blurry=True) == everything[:3]
        assert listed(documents, limit, is_blurry=True, without_bib=True, camera="A", **quarter) == []
        assert listed(documents, limit, folder="cam1") == everything[:4]
        assert listed(documents, limit, with_warnings=True) == ["cam10/d.jpg"]
        assert listed(documents, limit, with_warnings=True, camera="B", bib="7", **quarter) == ["cam10/d.jpg"]
        assert listed(documents, limit, folder="cam1", status=PhotoStatus.DONE, camera="A", bib="8") == ["cam1/b.jpg"]
        assert listed(documents, limit, **quarter) == ["cam1/b.jpg", "cam10/d.jpg", "cam1/a.jpg"]
        assert listed(documents, limit, taken_from=moment + timedelta(seconds=1)) == ["cam1/a.jpg", "cam1/deep/c.jpg"]
        assert listed(documents, limit, taken_until=moment) == ["cam1/b.jpg", "cam10/d.jpg"]
        assert listed(documents, limit, folder="cam1", bib="7", camera="A", status=PhotoStatus.DONE, **quarter) == [
            "cam1/b.jpg",
            "cam1/a.jpg",
        ]
        assert listed(documents, limit, folder="cam", **quarter) == []


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


def bibs(revision: int, *numbers: str) -> dict[str, Any]:
    return {
        "bibs": [{"number": number} for number in numbers],
        "bib_numbers": list(numbers),
        "bibs_revision": revision,
    }


def shown(documents: Documents, ref: PhotoRef) -> tuple[list[str], int]:
    record = documents.get(ref.album, ref.photo_id)
    assert record is not None
    return record.fields["bib_numbers"], record.fields["bibs_revision"]


def test_bibs_are_replaced_by_newer_ones_only(documents: Documents) -> None:
    first, second = stored("race/1.jpg"), stored("race/2.jpg")
    for photo in (first, second):
        queue(documents, photo)
        assert documents.record_final(photo.ref, PhotoStatus.DONE, bibs(5, "14951") | {"text": ["14951"]})
    documents.update_bibs({first.ref: bibs(7, "1495"), second.ref: bibs(4, "1")})
    assert shown(documents, first.ref) == (["1495"], 7)
    assert shown(documents, second.ref) == (["14951"], 5)
    documents.update_bibs({first.ref: bibs(6, "14951")})
    documents.update_bibs({})
    assert shown(documents, first.ref) == (["1495"], 7)
    record = documents.get("race", first.ref.photo_id)
    assert record is not None
    assert (record.fields["text"], record.status) == (["14951"], PhotoStatus.DONE)


def test_bibs_of_another_version_or_an_unknown_photo_are_not_written(documents: Documents) -> None:
    photo = stored(generation=2)
    queue(documents, photo)
    older = PhotoRef(bucket=photo.ref.bucket, name=photo.ref.name, generation=1)
    unknown = stored("race/unknown.jpg").ref
    documents.update_bibs({older: bibs(9, "1")})
    documents.update_bibs({unknown: bibs(9, "1")})
    record = documents.get("race", photo.ref.photo_id)
    assert record is not None
    assert "bib_numbers" not in record.fields
    assert documents.get("race", unknown.photo_id) is None


def test_a_late_result_keeps_newer_bibs(documents: Documents) -> None:
    photo = stored()
    queue(documents, photo)
    documents.update_bibs({photo.ref: bibs(7, "1495")})
    assert documents.record_final(photo.ref, PhotoStatus.DONE, bibs(5, "14951") | {"text": ["14951"]})
    assert shown(documents, photo.ref) == (["1495"], 7)
    record = documents.get("race", photo.ref.photo_id)
    assert record is not None
    assert (record.fields["text"], record.status) == (["14951"], PhotoStatus.DONE)


def test_a_result_of_a_newer_generation_has_its_own_bibs(documents: Documents) -> None:
    photo = stored()
    queue(documents, photo)
    assert documents.record_final(photo.ref, PhotoStatus.DONE, bibs(7, "1495"))
    newer = stored(generation=2)
    assert documents.record_final(newer.ref, PhotoStatus.DONE, bibs(6, "2"))
    assert shown(documents, newer.ref) == (["2"], 6)


def test_reads_the_records_of_several_photos(documents: Documents) -> None:
    photos = [stored("race/1.jpg"), stored("race/2.jpg"), stored("other/3.jpg")]
    for photo in photos:
        queue(documents, photo)
    ids = [photo.ref.photo_id for photo in photos]
    assert {record.ref for record in documents.records("race", [*ids, "0" * 32])} == {photos[0].ref, photos[1].ref}
    assert documents.records("race", []) == []


def copied(name: str, *, queued: Documents | None = None, md5: str = "md5", crc32c: str = "crc") -> StoredPhoto:
    photo = replace(stored(name), md5=md5, crc32c=crc32c)
    if queued is not None:
        queue(queued, photo)
    return photo


def test_a_copy_is_found_by_its_bytes_in_its_album(documents: Documents) -> None:
    first = copied("race/1.jpg", queued=documents)
    copied("race/2.jpg", queued=documents)
    again = copied("race/3.jpg")
    assert documents.find_copy(again) == first.ref.photo_id
    assert documents.find_copy(first) != first.ref.photo_id
    for other in (
        copied("other/3.jpg"),
        copied("race/3.jpg", md5="other"),
        copied("race/3.jpg", crc32c="other"),
        stored("race/3.jpg"),
    ):
        assert documents.find_copy(other) is None, other


@pytest.mark.parametrize("final", [PhotoStatus.REJECTED, PhotoStatus.FAILED])
def test_a_photo_without_a_result_is_no_original(documents: Documents, final: PhotoStatus) -> None:
    photo = copied("race/1.jpg", queued=documents)
    documents.record_final(photo.ref, final, {}, error=("damaged", "It is."))
    assert documents.find_copy(copied("race/2.jpg")) is None


def test_a_duplicate_is_no_original_and_tells_its_own(documents: Documents) -> None:
    original, duplicate = copied("race/1.jpg", queued=documents), copied("race/2.jpg", queued=documents)
    documents.record_final(duplicate.ref, PhotoStatus.DONE, duplicate_fields(original.ref.photo_id))
    assert documents.states([duplicate.ref])[duplicate.ref].duplicate_of == original.ref.photo_id
    documents.record_final(original.ref, PhotoStatus.FAILED, {}, error=("failed", "It did."))
    assert documents.find_copy(copied("race/3.jpg")) is None
    assert documents.record_requeued(duplicate.ref, trace_id="t")
    assert documents.states([duplicate.ref])[duplicate.ref].duplicate_of is None


@pytest.mark.parametrize("is_begun", [False, True])
def test_nothing_of_an_older_version_stays_in_the_document(documents: Documents, is_begun: bool) -> None:
    """Also where the event of the new version is late: its task may be first, or its result."""
    older, newer = stored(generation=1), stored(generation=2)
    queue(documents, older)
    documents.record_final(older.ref, PhotoStatus.DONE, {name: ["old"] for name in RESULT_FIELDS - {"timings_ms"}})
    if is_begun:
        assert documents.record_processing([newer.ref], worker="w") == {newer.ref}
    else:
        assert documents.record_final(newer.ref, PhotoStatus.DONE, {"text": ["new"]})
    record = documents.get("race", newer.ref.photo_id)
    assert record is not None
    assert record.ref == newer.ref
    assert "old" not in str(record.fields)
    assert ("text" in record.fields) is not is_begun


def test_albums_longer_than_a_page_are_listed_wholly(documents: Documents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photofinish.adapters.google.document_queries._PAGE", 3)
    photos = [stored(f"race/{number}.jpg") for number in range(7)]
    for photo in photos:
        queue(documents, photo)
    assert {record.ref for record in documents.list_photos("race")} == {photo.ref for photo in photos}
    documents.record_final(photos[0].ref, PhotoStatus.DONE, {})
    assert len(list(documents.list_photos("race", status=PhotoStatus.QUEUED))) == 6
