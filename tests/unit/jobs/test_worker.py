"""A task empties the queue: good photos get results, bad ones a reason, and nothing is lost or done twice."""

from __future__ import annotations

import base64
import itertools
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Semaphore
from typing import Any, ClassVar

import jsonschema
import pytest

from photofinish.adapters.memory.clock import VirtualClock
from photofinish.adapters.memory.failing import before_call, fail_once
from photofinish.adapters.memory.work import MemoryTaskLeases, MemoryWorkQueue
from photofinish.analysis.analyzer import AnalyzedPhoto
from photofinish.application.album_budgets import HaltedReading, queue_resumed
from photofinish.application.search.similar_faces import most_similar_faces
from photofinish.domain.album_policy import AlbumPolicy
from photofinish.domain.bib import Bib
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.lanes import Lane
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.sidecar import preview_name, sidecar_name, sidecar_schema, thumbnail_name
from photofinish.domain.video_names import MAX_VIDEO_BYTES
from photofinish.domain.work import MAX_OPEN_ATTEMPTS, MAX_PHOTO_BYTES
from photofinish.errors import Unavailable
from photofinish.ports import LeasedWork, WorkItem
from photofinish_jobs.lease_keeper import LeaseKeeper
from photofinish_jobs.pipeline import Commit, Pipeline
from support.index import bibs_of
from support.logs import captured_log
from support.pipeline import (
    PLACEHOLDER,
    VIDEO_HEAD,
    DecodedToy,
    MemoryCloud,
    TaskClock,
    ToyAnalyzer,
    ToyVideos,
    toy_face,
    toy_photo,
    toy_video,
)

_NUMBERS = itertools.count(1000)


@pytest.fixture
def cloud() -> MemoryCloud:
    return MemoryCloud.in_virtual_time()


def status_of(cloud: MemoryCloud, ref: PhotoRef) -> PhotoStatus:
    record = cloud.documents.get(ref.album, ref.photo_id)
    assert record is not None, f"{ref.name} has no record"
    return record.status


def test_a_dropped_photo_gets_its_full_result(cloud: MemoryCloud) -> None:
    photo = cloud.drop("race/1.jpg", toy_photo(faces=[(1, 0, 0, 0), (0, 1, 0, 0)], bibs=["42"])).ref
    tally = cloud.worker().run()
    assert (tally.done, tally.rejected, tally.given_back) == (1, 0, 0)
    record = cloud.documents.get("race", photo.photo_id)
    assert record is not None
    assert record.status is PhotoStatus.DONE
    assert record.fields["bib_numbers"] == ["42"]
    assert record.fields["warnings"] == []
    assert len(record.fields["faces"]) == 2
    assert record.fields["bibs"][0]["face_id"] == record.fields["faces"][0]["face_id"]
    sidecar = json.loads(cloud.store.read_derived(sidecar_name(photo, "toy-1")))
    assert sidecar["photo"]["generation"] == photo.generation
    assert cloud.store.read_derived(preview_name(photo, "toy-1"))
    assert record.fields["renditions"]["thumbnail"] == thumbnail_name(photo, "toy-1")
    assert cloud.store.read_derived(thumbnail_name(photo, "toy-1"))
    assert base64.b64decode(record.fields["placeholder"]) == PLACEHOLDER
    assert (sidecar["placeholder"], sidecar["perceptual_hash"]) == (record.fields["placeholder"], "8" + 15 * "0")
    assert "perceptual_hash" not in record.fields
    embedding = toy_face((0, 1, 0, 0)).embedding
    match = most_similar_faces(cloud.index, "race", [embedding], limit=1, min_similarity=0.5)[0]
    assert match.face.face_id == record.fields["faces"][1]["face_id"]
    assert cloud.events.published == [(photo, PhotoStatus.QUEUED), (photo, PhotoStatus.DONE)]


def test_embeddings_are_in_neither_sidecar_nor_document(cloud: MemoryCloud) -> None:
    photo = cloud.drop("race/1.jpg", toy_photo()).ref
    cloud.worker().run()
    record = cloud.documents.get("race", photo.photo_id)
    assert record is not None
    assert "embedding" not in json.dumps(record.fields, default=str).replace("face_embedding", "")
    assert b'"embedding"' not in cloud.store.read_derived(sidecar_name(photo, "toy-1"))


def test_where_only_results_are_kept_no_preview_is_ever_written(cloud: MemoryCloud) -> None:
    cloud.album_policies.set_policy("race", AlbumPolicy(keep_originals=False))
    photo = cloud.drop("race/1.jpg", toy_photo()).ref
    cloud.worker().run()
    record = cloud.documents.get("race", photo.photo_id)
    assert record is not None
    assert record.fields["renditions"] == {"preview": None, "thumbnail": None}
    assert [name.split("/")[0] for name in cloud.store.derived] == ["sidecars"]


def test_bad_photos_are_rejected_with_a_reason_and_cost_no_other(cloud: MemoryCloud) -> None:
    good = [cloud.drop(f"race/{n}.jpg", toy_photo()).ref for n in range(3)]
    bad = cloud.drop("race/notes.jpg", b"not a picture").ref
    empty = cloud.drop("race/empty.jpg", b"").ref
    cloud.worker().run()
    assert all(status_of(cloud, ref) is PhotoStatus.DONE for ref in good)
    for ref, code in ((bad, "not_a_picture"), (empty, "empty_file")):
        record = cloud.documents.get("race", ref.photo_id)
        assert record is not None
        assert record.status is PhotoStatus.REJECTED
        assert record.fields["error"]["code"] == code


def test_a_photo_that_breaks_the_models_is_given_back_with_its_reason(cloud: MemoryCloud) -> None:
    good = [cloud.drop(f"race/{n}.jpg", toy_photo()).ref for n in range(3)]
    poison = cloud.drop("race/poison.jpg", b"poison").ref
    cloud.worker().run()
    assert all(status_of(cloud, ref) is PhotoStatus.DONE for ref in good)
    assert status_of(cloud, poison) is PhotoStatus.PROCESSING
    record = cloud.documents.get("race", poison.photo_id)
    assert record is not None
    assert "this photo breaks every model" in record.fields["last_error"]["message"]
    assert len(cloud.queue) == 1, "the message must still be in the queue"


def test_an_overwritten_photo_is_analysed_once_in_its_newest_version(cloud: MemoryCloud) -> None:
    cloud.drop("race/1.jpg", toy_photo(bibs=["1"]))
    newest = cloud.drop("race/1.jpg", toy_photo(bibs=["2"])).ref
    cloud.worker().run()
    record = cloud.documents.get("race", newest.photo_id)
    assert record is not None
    assert record.status is PhotoStatus.DONE
    assert record.fields["bib_numbers"] == ["2"]
    assert bibs_of(cloud.index, "race", "1") == []


def test_a_late_event_of_an_older_generation_changes_nothing(cloud: MemoryCloud) -> None:
    old = cloud.store.upload("race/1.jpg", toy_photo(bibs=["1"]))
    cloud.drop("race/1.jpg", toy_photo(bibs=["2"]))
    cloud.worker().run()
    cloud.ingest(old)
    cloud.worker().run()
    assert [bib.number for _, bib in bibs_of(cloud.index, "race", "2")] == ["2"]


def test_a_photo_deleted_before_its_analysis_gets_a_reason(cloud: MemoryCloud) -> None:
    photo = cloud.drop("race/1.jpg", toy_photo()).ref
    cloud.store.delete("race/1.jpg")
    cloud.worker().run()
    record = cloud.documents.get("race", photo.photo_id)
    assert record is not None
    assert record.fields["error"]["code"] == "photo_gone"


def test_a_rejected_new_version_removes_the_old_faces(cloud: MemoryCloud) -> None:
    cloud.drop("race/1.jpg", toy_photo(bibs=["1"]))
    cloud.worker().run()
    cloud.drop("race/1.jpg", b"not a picture any more")
    cloud.worker().run()
    assert bibs_of(cloud.index, "race", "1") == []


@pytest.mark.parametrize("size_bytes", [0, MAX_PHOTO_BYTES + 1])
def test_a_new_version_of_a_wrong_size_removes_the_old_faces(cloud: MemoryCloud, size_bytes: int) -> None:
    cloud.drop("race/1.jpg", toy_photo(bibs=["1"]))
    cloud.worker().run()
    photo = cloud.store.upload("race/1.jpg", bytes(size_bytes))
    for _ in range(2):  # the event is delivered twice
        cloud.ingest(photo)
    cloud.worker().run()
    assert bibs_of(cloud.index, "race", "1") == []
    assert status_of(cloud, photo.ref) is PhotoStatus.REJECTED


@pytest.mark.parametrize("size_bytes", [0, MAX_PHOTO_BYTES + 1])
def test_a_first_version_of_a_wrong_size_costs_no_task(cloud: MemoryCloud, size_bytes: int) -> None:
    photo = cloud.drop("race/1.jpg", bytes(size_bytes))
    assert status_of(cloud, photo.ref) is PhotoStatus.REJECTED
    assert len(cloud.queue) == 0


def test_the_placeholder_of_a_folder_is_no_photo(cloud: MemoryCloud) -> None:
    for name in ("race/", "race/cam1/"):
        cloud.drop(name, b"")
    assert cloud.documents.counts("race") == {}
    assert len(cloud.queue) == 0


def test_rejected_and_committed_photos_are_logged_apart(cloud: MemoryCloud) -> None:
    cloud.drop("race/1.jpg", toy_photo())
    cloud.drop("race/notes.jpg", b"not a picture")
    with captured_log(logging.INFO) as written:
        cloud.worker().run()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    outcomes = [(line["message"], line.get("code")) for line in lines if "photo_id" in line]
    assert sorted(outcomes, key=str) == [("committed", None), ("rejected", "not_a_picture")]


def test_a_message_delivered_twice_is_acknowledged_and_its_result_published_again(cloud: MemoryCloud) -> None:
    photo = cloud.drop("race/1.jpg", toy_photo()).ref
    cloud.worker().run()
    cloud.queue.publish([WorkItem(photo=photo, trace_id="again", uploaded_at=datetime.now(UTC))])
    tally = cloud.worker().run()
    assert (tally.done, tally.repeated) == (0, 1)
    assert cloud.queue.pull(1, timeout_s=0.1) == []
    assert cloud.events.published.count((photo, PhotoStatus.DONE)) == 2


def test_the_task_lease_is_released_at_the_end(cloud: MemoryCloud) -> None:
    cloud.drop("race/1.jpg", toy_photo())
    cloud.worker().run()
    assert cloud.leases.live() == 0


def test_a_message_that_arrives_as_the_task_leaves_is_not_stranded(cloud: MemoryCloud) -> None:
    """It comes after the last pull that found nothing, while the lease still looks taken."""
    late: list[PhotoRef] = []

    def drop(_: list[str]) -> None:
        if not late:
            late.append(cloud.drop("race/late.jpg", toy_photo()).ref)

    before_call(cloud.leases.release, drop)
    cloud.worker().run()
    assert status_of(cloud, late[0]) is PhotoStatus.DONE


def test_a_short_outage_of_a_service_costs_only_time(caplog: pytest.LogCaptureFixture) -> None:
    cloud = MemoryCloud()
    photo = cloud.drop("race/1.jpg", toy_photo()).ref
    calls: list[PhotoRef] = []
    fail_once(cloud.index.replace, Unavailable("the database is restarting"))
    before_call(cloud.index.replace, lambda ref, *_: calls.append(ref))
    with caplog.at_level("INFO"):
        cloud.worker().run()
    assert status_of(cloud, photo) is PhotoStatus.DONE
    assert calls == [photo, photo]
    assert stages_logged(caplog)[-1]["retries"] == 1


def stages_logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [record.fields for record in caplog.records if record.getMessage() == "stages"]  # type: ignore[attr-defined]


def test_photos_whose_task_ended_are_analysed_alone() -> None:
    """One of them may have ended it, and must not take others with it."""
    cloud = MemoryCloud(queue=MemoryWorkQueue(ack_deadline_s=10, complete=True))
    suspects = [cloud.drop(f"race/{number}.jpg", toy_photo(bibs=[str(number)])).ref for number in (3, 5)]
    cloud.documents.record_processing(suspects, worker="killed/0")
    for number in (0, 1, 2, 4, *range(6, 12)):
        cloud.drop(f"race/{number}.jpg", toy_photo(bibs=[str(number)]))
    in_flight, beside = set[bytes](), dict[bytes, set[bytes]]()

    class Watched(ToyAnalyzer):
        def decode(self, content: bytes, bib_rules: BibRules) -> DecodedToy:
            in_flight.add(content)
            return super().decode(content, bib_rules)

        def analyze_decoded(self, photos: Sequence[DecodedToy]) -> list[AnalyzedPhoto]:
            beside.update({photo.content: in_flight - {photo.content} for photo in photos})
            found = super().analyze_decoded(photos)
            in_flight.difference_update(photo.content for photo in photos)
            return found

    tally = cloud.worker(analyzer=Watched()).run()
    assert tally.done == 12
    assert beside[toy_photo(bibs=["3"])] == beside[toy_photo(bibs=["5"])] == set()
    assert any(beside.values()), "fresh photos are analysed side by side"


class HeldPipeline(Pipeline):
    """Commits only as many photos as the worker waits for, so that what it does not wait for is in flight for sure."""

    puts: ClassVar[list[tuple[set[str], int]]] = []
    """Names of photos, and how many others were in flight."""

    def __init__(self, store: Any, rules: Any, analyzer: Any, videos: Any, commit: Commit, **others: Any) -> None:
        self._permits = Semaphore(0)

        def hold(*args: Any) -> None:
            self._permits.acquire()
            commit(*args)

        super().__init__(store, rules, analyzer, videos, hold, **others)

    def put(self, works: Sequence[LeasedWork]) -> None:
        self.puts.append(({work.item.photo.name for work in works}, self.in_flight))
        if self.in_flight or len(self.puts) == 3:  # all is seen
            self._permits.release(100)
        super().put(works)

    def wait_until_at_most(self, photos: int) -> None:
        if self.in_flight > photos:
            self._permits.release(self.in_flight - photos)
        super().wait_until_at_most(photos)


def test_a_suspect_waits_for_the_photos_in_flight_and_the_next_one_for_the_suspect() -> None:
    cloud = MemoryCloud.in_virtual_time(retry_delay_s=0)
    for number in range(4):
        photo = cloud.drop(f"race/{number}.jpg", toy_photo()).ref
        if number == 2:
            cloud.documents.record_processing([photo], worker="killed/0")
    HeldPipeline.puts.clear()
    tally = cloud.worker(batch_size=3, pipeline_type=HeldPipeline).run()
    assert tally.done == 4
    assert HeldPipeline.puts == [({"race/0.jpg", "race/1.jpg"}, 0), ({"race/2.jpg"}, 0), ({"race/3.jpg"}, 0)]


def test_a_stopping_task_finishes_the_photos_in_flight(cloud: MemoryCloud) -> None:
    refs = [cloud.drop(f"race/{number}.jpg", toy_photo()).ref for number in range(10)]

    class Stopping(ToyAnalyzer):
        def analyze_decoded(self, photos: Sequence[DecodedToy]) -> list[AnalyzedPhoto]:
            worker.stopping.set()
            return super().analyze_decoded(photos)

    worker = cloud.worker(batch_size=4, analyzer=Stopping())
    tally = worker.run()
    done = sum(status_of(cloud, ref) is PhotoStatus.DONE for ref in refs)
    assert 4 <= tally.done == done <= 8, "at most the batch in flight and the next one"
    assert len(cloud.queue) == 10 - done
    assert cloud.leases.live() == 0


@pytest.mark.parametrize(
    ("error", "has_traceback"), [(Unavailable("Firestore is away"), False), (RuntimeError("a bug"), True)]
)
@pytest.mark.parametrize("port", ["states", "record_processing", "record_final"])
def test_a_bug_is_logged_with_its_traceback_and_an_outage_without(
    cloud: MemoryCloud, port: str, error: Exception, has_traceback: bool, caplog: pytest.LogCaptureFixture
) -> None:
    cloud.drop("race/1.jpg", toy_photo())
    fail_once(getattr(cloud.documents, port), error)
    cloud.worker().run()
    [line] = [record for record in caplog.records if str(error) in record.getMessage()]
    assert bool(line.exc_info) is has_traceback


@pytest.mark.parametrize(("error", "has_traceback"), [(Unavailable("away"), False), (RuntimeError("a bug"), True)])
def test_a_message_that_cannot_be_given_back_is_left_to_its_deadline(
    cloud: MemoryCloud, error: Exception, has_traceback: bool, caplog: pytest.LogCaptureFixture
) -> None:
    cloud.drop("race/1.jpg", toy_photo())
    fail_once(cloud.documents.record_final, Unavailable("Firestore is away"))
    fail_once(cloud.documents.note_failure, error)
    tally = cloud.worker().run()
    assert (tally.done, tally.given_back) == (0, 1)
    [line] = [record for record in caplog.records if "could not give back" in record.getMessage()]
    assert bool(line.exc_info) is has_traceback
    assert len(cloud.queue) == 1


class PartialReader(ToyAnalyzer):
    """Reads every number as one that may miss digits."""

    def analyze_decoded(self, photos: Sequence[DecodedToy]) -> list[AnalyzedPhoto]:
        found = super().analyze_decoded(photos)
        return [replace(one, analysis=replace(one.analysis, bibs=_partial(one.analysis.bibs))) for one in found]


def _partial(bibs: Sequence[Bib]) -> tuple[Bib, ...]:
    return tuple(replace(bib, partial=True) for bib in bibs)


@pytest.mark.parametrize("reader", [ToyAnalyzer(), PartialReader()])
def test_a_document_says_which_numbers_may_miss_digits(cloud: MemoryCloud, reader: ToyAnalyzer) -> None:
    photo = cloud.drop("race/1.jpg", toy_photo(bibs=["42"])).ref
    cloud.worker(analyzer=reader).run()
    record = cloud.documents.get("race", photo.photo_id)
    assert record is not None
    assert [bib["partial"] for bib in record.fields["bibs"]] == [isinstance(reader, PartialReader)]


def test_a_photo_that_ended_its_tasks_is_counted_as_failed(cloud: MemoryCloud) -> None:
    photo = cloud.drop("race/1.jpg", toy_photo()).ref
    for number in range(MAX_OPEN_ATTEMPTS):
        cloud.documents.record_processing([photo], worker=f"killed/{number}")
    tally = cloud.worker().run()
    assert (tally.failed, tally.done, tally.repeated) == (1, 0, 0)
    assert status_of(cloud, photo) is PhotoStatus.FAILED


def test_what_the_last_pull_under_way_brings_is_analysed(cloud: MemoryCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task has released its lease by then, and takes it again."""
    photo = cloud.drop("race/1.jpg", toy_photo()).ref
    pull, leased = cloud.queue.pull, []
    monkeypatch.setattr(cloud.queue, "pull", lambda *_, timeout_s: pull(0, timeout_s=min(timeout_s, 0.05)))

    def drain() -> list[LeasedWork]:
        leased.append(cloud.leases.live())
        return pull(8, timeout_s=0)

    monkeypatch.setattr(cloud.queue, "drain", drain)
    assert cloud.worker().run().done == 1
    assert status_of(cloud, photo) is PhotoStatus.DONE
    assert leased == [0, 0, 0], "after each time that there was nothing to do, and at the end"
    assert cloud.leases.live() == 0


def test_a_task_ends_although_its_last_pull_fails(cloud: MemoryCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def drain() -> list[LeasedWork]:
        raise Unavailable("Pub/Sub is away")

    monkeypatch.setattr(cloud.queue, "drain", drain)
    photo = cloud.drop("race/1.jpg", toy_photo()).ref
    assert cloud.worker().run().done == 1
    assert status_of(cloud, photo) is PhotoStatus.DONE
    assert cloud.leases.live() == 0


def test_a_task_tells_what_each_album_took() -> None:
    cloud = MemoryCloud()
    for number in range(3):
        cloud.drop(f"race/{number}.jpg", toy_photo())
    cloud.drop("party/1.jpg", b"no picture")
    cloud.worker().run()
    [race], [party] = cloud.task_times.of_album("race"), cloud.task_times.of_album("party")
    assert (race.photos, party.photos) == (3, 1), "rejected photos take time, too"
    assert race.seconds > party.seconds > 0
    cloud.drop("race/9.jpg", toy_photo())
    cloud.worker().run()
    [both] = cloud.task_times.of_album("race")
    assert both.photos == 4
    assert both.seconds > race.seconds


def test_times_that_cannot_be_reported_cost_no_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = MemoryCloud()

    def refuse(*_: object) -> None:
        raise Unavailable("the database is restarting")

    monkeypatch.setattr(cloud.task_times, "report", refuse)
    cloud.drop("race/1.jpg", toy_photo())
    assert cloud.worker().run().done == 1


def halt(cloud: MemoryCloud, album: str) -> None:
    cloud.halted_albums.update(lambda halted: halted.with_halted(album))


def resume(cloud: MemoryCloud, album: str, *, ago: timedelta = timedelta(0)) -> None:
    """Resume `album`, `ago`."""
    cloud.halted_albums.update(lambda halted: halted.with_resumed(album, datetime.now(UTC) - ago))


def queue_again(cloud: MemoryCloud) -> int:
    return queue_resumed(cloud.halted_albums, documents=cloud.documents, queue=cloud.queue, events=cloud.events)


def test_photos_of_a_halted_album_wait_and_go_on_once_it_is_resumed() -> None:
    cloud = MemoryCloud()
    waiting = cloud.drop("race/1.jpg", toy_photo()).ref
    other = cloud.drop("party/1.jpg", toy_photo()).ref
    halt(cloud, "race")
    tally = cloud.worker().run()
    assert (tally.done, tally.put_aside) == (1, 1)
    assert (status_of(cloud, waiting), status_of(cloud, other)) == (PhotoStatus.QUEUED, PhotoStatus.DONE)
    resume(cloud, "race")
    assert cloud.worker().run().done == 0, "its message is gone"
    assert queue_again(cloud) == 1
    assert cloud.worker().run().done == 1
    assert status_of(cloud, waiting) is PhotoStatus.DONE
    assert queue_again(cloud) == 0, "once"


def test_a_photo_that_is_put_aside_after_an_attempt_goes_on_once_its_album_is_resumed() -> None:
    cloud = MemoryCloud()
    waiting = cloud.drop("race/1.jpg", toy_photo()).ref
    cloud.documents.record_processing([waiting], worker="one that was killed")
    halt(cloud, "race")
    assert cloud.worker().run().put_aside == 1
    assert status_of(cloud, waiting) is PhotoStatus.PROCESSING
    resume(cloud, "race")
    assert queue_again(cloud) == 1
    assert cloud.worker().run().done == 1


def test_photos_that_were_queued_since_their_album_was_resumed_are_not_queued_twice() -> None:
    cloud = MemoryCloud()
    halt(cloud, "race")
    resume(cloud, "race", ago=timedelta(minutes=2))
    cloud.drop("race/1.jpg", toy_photo())
    assert queue_again(cloud) == 0
    assert cloud.worker().run().done == 1


def test_a_task_that_saw_a_halted_album_puts_no_message_aside_once_it_is_resumed() -> None:
    cloud = MemoryCloud()
    cloud.drop("race/1.jpg", toy_photo())
    halt(cloud, "race")
    reading = HaltedReading(cloud.halted_albums)
    assert reading.among({"race", "party"}) == {"race"}
    resume(cloud, "race")
    assert not reading.among({"race", "party"}), "a message of now would be lost"


@pytest.mark.parametrize("error", [Unavailable("restarting"), ValueError("a bug")])
def test_a_task_that_cannot_see_which_albums_are_halted_analyses_all(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    cloud = MemoryCloud()
    cloud.drop("race/1.jpg", toy_photo())

    def refuse() -> None:
        raise error

    monkeypatch.setattr(cloud.halted_albums, "read", refuse)
    assert cloud.worker().run().done == 1


def test_a_dropped_video_gets_the_result_of_a_photo_that_lasts(cloud: MemoryCloud) -> None:
    ref = cloud.drop("race/clip.mp4", toy_video(faces=[(1, 0, 0, 0), (0, 1, 0, 0)], bibs=["42", "7"])).ref
    bad = cloud.drop("race/broken.mp4", VIDEO_HEAD + b"broken").ref
    photo = cloud.drop("race/1.jpg", toy_photo()).ref
    cloud.worker().run()
    record = cloud.documents.get("race", ref.photo_id)
    assert record is not None
    assert record.status is PhotoStatus.DONE
    assert (record.fields["kind"], record.fields["video"]["duration_s"]) == ("video", 20.0)
    assert [face["box"]["at_s"] for face in record.fields["faces"]] == [4.0, 14.0]
    assert [(bib["number"], bib["box"]["at_s"]) for bib in record.fields["bibs"]] == [("42", 4.0), ("7", 14.0)]
    assert record.fields["renditions"]["preview"] in cloud.store.derived
    jsonschema.validate(json.loads(cloud.store.derived[record.fields["sidecar"]]), sidecar_schema())
    assert (status_of(cloud, bad), status_of(cloud, photo)) == (PhotoStatus.REJECTED, PhotoStatus.DONE)


def test_a_video_may_be_large_and_waits_in_the_bulk_lane(cloud: MemoryCloud) -> None:
    large = replace(cloud.store.upload("race/clip.MOV", toy_video()), size_bytes=MAX_PHOTO_BYTES + 1)
    typed = replace(cloud.store.upload("race/clip", toy_video()), content_type="video/mp4")
    too_large = replace(cloud.store.upload("race/day.mp4", toy_video()), size_bytes=MAX_VIDEO_BYTES + 1)
    lanes: dict[str, Lane] = {}
    before_call(cloud.queue.publish, lambda items, *, lane: lanes.update({one.photo.name: lane for one in items}))
    for photo in (large, typed, too_large, cloud.store.upload("race/1.jpg", toy_photo())):
        cloud.ingest(photo)
    assert lanes == {"race/clip.MOV": Lane.BULK, "race/clip": Lane.BULK, "race/1.jpg": Lane.PROMPT}
    assert status_of(cloud, too_large.ref) is PhotoStatus.REJECTED


def test_a_message_whose_analysis_goes_on_is_not_hanging() -> None:
    clock, hanging = VirtualClock(), list[PhotoRef]()
    queue = MemoryWorkQueue(60, 10, clock=clock)
    work = WorkItem(
        photo=PhotoRef(bucket="b", name="race/1.mp4", generation=1), trace_id="t", uploaded_at=datetime.now(UTC)
    )
    queue.publish([work])
    keeper = LeaseKeeper(
        queue,
        MemoryTaskLeases(clock),
        "test/0",
        ack_deadline_s=60,
        heartbeat_s=10,
        hold_limit_s=100,
        on_hanging=hanging.extend,
        clock=clock,
    )
    with keeper:
        [held] = keeper.pull(1, timeout_s=1)
        for _ in range(10):
            clock.advance(50)
            keeper.progressed(held)
        assert hanging == []
        clock.advance(150)
        assert hanging == [work.photo]
        keeper.ack([held])


def long_video() -> bytes:
    """Of five parts, and different from those of other tests."""
    return toy_video(bibs=[str(next(_NUMBERS))], lasts_s=900)


def analysed_parts(content: bytes) -> list[float]:
    return [start_s for of, start_s in ToyVideos.analysed_parts if of == content]


def test_a_long_video_goes_on_where_its_task_died(cloud: MemoryCloud) -> None:
    content = long_video()
    ref = cloud.drop("race/clip.mp4", content).ref
    put, died = cloud.video_parts.put, []

    def die_at_the_third(*arguments: Any) -> None:
        if len(analysed_parts(content)) == 3 and not died:
            died.append(True)
            raise Unavailable("the task is gone")
        put(*arguments)

    cloud.video_parts.put = die_at_the_third  # type: ignore[method-assign]
    cloud.worker().run()
    assert status_of(cloud, ref) is PhotoStatus.PROCESSING
    assert isinstance(cloud.clock, TaskClock)
    cloud.clock.advance(60)
    cloud.worker().run()
    assert status_of(cloud, ref) is PhotoStatus.DONE
    assert analysed_parts(content) == [0, 180, 360, 360, 540, 720], "only the part that was not kept is done again"
    assert list(cloud.video_parts.known(ref, "toy-1")) == [], "the result has all that parts had"


def test_a_task_whose_time_is_over_leaves_the_other_parts_to_the_next(cloud: MemoryCloud) -> None:
    content = long_video()
    ref = cloud.drop("race/clip.mp4", content).ref
    first = cloud.worker()
    before_call(cloud.documents.note_progress, lambda *_, **__: first.stopping.set())
    assert first.run().done == 0
    record = cloud.documents.get("race", ref.photo_id)
    assert record is not None
    assert (record.status, record.fields["progress"]) == (PhotoStatus.QUEUED, {"parts_done": 1, "parts": 5})
    assert cloud.worker().run().done == 1
    assert analysed_parts(content) == [0, 180, 360, 540, 720]
    assert status_of(cloud, ref) is PhotoStatus.DONE
