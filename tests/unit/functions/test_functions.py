"""Parsing of messages, and the event functions' use cases on in-memory doubles."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.adapters.memory.failing import fail_once
from photofinish.application.dead_letters import record_given_up
from photofinish.application.launch_workers import LAUNCH_ID, WorkerLauncher, lease_ids
from photofinish.application.reconcile import reconcile
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.work import PhotoState
from photofinish.errors import NotOurs, Unavailable
from photofinish.ports import WorkItem
from photofinish.ports.work_messages import work_message
from photofinish_functions.events import (
    Message,
    is_full_run,
    parse_dead_letter,
    parse_erasure,
    parse_message,
    parse_object_finalized,
)
from support.index import bibs_of
from support.pipeline import MemoryCloud, toy_photo

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOTIFICATION = {
    "kind": "storage#object",
    "bucket": "photos",
    "name": "race/cam 2/IMG_1.jpg",
    "generation": "1795236345493247",
    "size": "1234",
    "contentType": "image/jpeg",
    "timeCreated": "2026-05-01T10:00:00.123Z",
}


def notification(**changes: str) -> Message:
    return Message(json.dumps(NOTIFICATION | changes).encode(), {"eventType": "OBJECT_FINALIZE"}, NOW)


def test_a_storage_notification_names_the_photo() -> None:
    photo = parse_object_finalized(notification(), bucket="photos")
    assert photo.ref.name == "race/cam 2/IMG_1.jpg"
    assert photo.ref.generation == 1795236345493247
    assert photo.size_bytes == 1234
    assert photo.uploaded_at == datetime(2026, 5, 1, 10, 0, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize("event", ["OBJECT_DELETE", "OBJECT_ARCHIVE", "OBJECT_METADATA_UPDATE"])
def test_other_notifications_are_ignored(event: str) -> None:
    with pytest.raises(NotOurs, match=event):
        parse_object_finalized(Message(notification().data, {"eventType": event}, NOW), bucket="photos")


@given(st.binary(max_size=100), st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=3))
def test_garbage_is_ignored_without_any_other_error(data: bytes, attributes: dict[str, str]) -> None:
    with pytest.raises(NotOurs):
        parse_object_finalized(Message(data, attributes | {"eventType": "OBJECT_FINALIZE"}, NOW), bucket="photos")


@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner)))
def test_an_event_without_a_message_is_ignored(data: object) -> None:
    with pytest.raises(NotOurs):
        parse_message(data)


def test_a_message_is_unpacked() -> None:
    message = parse_message(
        {
            "message": {
                "data": base64.b64encode(b"hello").decode(),
                "attributes": {"a": "b"},
                "publishTime": "2026-05-01T12:00:00Z",
            },
            "subscription": "projects/p/subscriptions/s",
        }
    )
    assert message == Message(b"hello", {"a": "b"}, NOW)


class TestLaunching:
    def launcher(
        self, cloud: MemoryCloud, clock: list[float], meanwhile: Callable[[], object] = lambda: None
    ) -> WorkerLauncher:
        """`meanwhile` happens while a call waits for its check."""

        def sleep(seconds: float) -> None:
            meanwhile()
            clock[0] += seconds

        return WorkerLauncher(
            documents=cloud.documents,
            leases=cloud.leases,
            launcher=cloud.launcher,
            max_tasks=3,
            photos_per_task=2,
            launch_lease_s=60,
            without_tasks=lambda: cloud.halted_albums.read().without_tasks,
            clock=lambda: clock[0],
            sleep=sleep,
        )

    def test_photos_of_halted_albums_need_no_task(self) -> None:
        cloud = MemoryCloud()
        for number in range(5):
            cloud.drop(f"race/{number}.jpg", toy_photo())
        launcher = self.launcher(cloud, [0.0])
        cloud.halted_albums.update(lambda halted: halted.with_halted("race"))
        assert launcher.launch_needed() == 0
        cloud.drop("party/1.jpg", toy_photo())
        cloud.halted_albums.update(lambda halted: halted.with_resumed("race", NOW))
        assert launcher.launch_needed() == 1, "of six photos one waits for a task: the others have no messages yet"
        cloud.halted_albums.update(lambda halted: halted.with_queued("race", NOW))
        assert launcher.launch_needed() == 2

    def test_no_work_starts_nothing(self) -> None:
        cloud = MemoryCloud()
        assert self.launcher(cloud, [0.0]).launch_needed() == 0
        assert cloud.launcher.launched == []

    def test_one_execution_for_a_burst(self) -> None:
        cloud = MemoryCloud()
        clock = [0.0]
        answers = []

        def two_more() -> None:
            for number in (2, 3):
                cloud.drop(f"race/{number}.jpg", toy_photo())
                answers.append(launcher.launch_needed())

        launcher = self.launcher(cloud, clock, meanwhile=two_more)
        cloud.drop("race/0.jpg", toy_photo())
        assert launcher.launch_needed() == 1
        cloud.drop("race/1.jpg", toy_photo())
        assert launcher.launch_needed() == 1, "the check of all three"
        assert (answers, clock) == ([0, 0], [1.0]), "they neither wait nor check"
        assert cloud.leases.live() == 2

    def test_a_photo_that_arrives_after_a_tasks_last_look_is_not_left_to_the_sweep(self) -> None:
        cloud = MemoryCloud()
        launcher = self.launcher(cloud, [0.0])
        cloud.drop("race/1.jpg", toy_photo())
        assert launcher.launch_needed() == 1
        # Within a second of that check its task is done, and has looked once more after it gave up its lease.
        cloud.worker().run()
        [(count, env)] = cloud.launcher.launched
        cloud.leases.release(lease_ids(env[LAUNCH_ID], count))
        cloud.drop("race/2.jpg", toy_photo())
        assert launcher.launch_needed() == 1

    def test_a_check_that_fails_does_not_block_the_next(self) -> None:
        cloud = MemoryCloud()
        launcher = self.launcher(cloud, [0.0])
        cloud.drop("race/1.jpg", toy_photo())
        fail_once(cloud.documents.outstanding, Unavailable("down"))
        with pytest.raises(Unavailable):
            launcher.launch_needed()
        assert launcher.launch_needed() == 1

    def test_a_photo_right_after_a_check_that_found_no_work_is_not_left_to_the_sweep(self) -> None:
        cloud = MemoryCloud()
        launcher = self.launcher(cloud, [0.0])
        launcher.launch_needed()
        cloud.drop("race/1.jpg", toy_photo())
        assert launcher.launch_needed() == 1

    def test_never_more_than_the_quota(self) -> None:
        cloud = MemoryCloud()
        for number in range(50):
            cloud.drop(f"race/{number}.jpg", toy_photo())
        assert self.launcher(cloud, [0.0]).launch_needed() == 3
        assert self.launcher(cloud, [0.0]).launch_needed() == 0, "another instance sees the leases"

    def test_a_refused_start_frees_its_leases_and_is_retried(self) -> None:
        cloud = MemoryCloud()
        cloud.drop("race/1.jpg", toy_photo())
        launcher = self.launcher(cloud, [0.0])
        fail_once(cloud.launcher.launch, Unavailable("quota"))
        with pytest.raises(Unavailable):
            launcher.launch_needed()
        assert cloud.leases.live() == 0
        assert launcher.launch_needed() == 1


class TestDeadLetters:
    def test_a_photo_given_up_is_marked_failed(self) -> None:
        cloud = MemoryCloud()
        photo = cloud.drop("race/1.jpg", toy_photo()).ref
        data = work_message(WorkItem(photo=photo, trace_id="t", uploaded_at=NOW))
        message = Message(data, {"CloudPubSubDeadLetterSourceDeliveryCount": "5"}, NOW)
        photo_given_up, attempts = parse_dead_letter(message, bucket=photo.bucket)
        record_given_up(photo_given_up, attempts=attempts, documents=cloud.documents, events=cloud.events)
        record = cloud.documents.get("race", photo.photo_id)
        assert record is not None
        assert record.status is PhotoStatus.FAILED
        assert "5 times" in record.fields["error"]["message"]

    def test_a_photo_finished_in_the_meantime_stays_done(self) -> None:
        cloud = MemoryCloud()
        photo = cloud.drop("race/1.jpg", toy_photo()).ref
        cloud.worker().run()
        data = work_message(WorkItem(photo=photo, trace_id="t", uploaded_at=NOW))
        photo_given_up, attempts = parse_dead_letter(Message(data, {}, NOW), bucket=photo.bucket)
        record_given_up(photo_given_up, attempts=attempts, documents=cloud.documents, events=cloud.events)
        record = cloud.documents.get("race", photo.photo_id)
        assert record is not None
        assert record.status is PhotoStatus.DONE

    def test_an_upload_that_was_never_ingested_is_marked_failed(self) -> None:
        cloud = MemoryCloud()
        photo_given_up, attempts = parse_dead_letter(notification(), bucket="photos")
        record_given_up(photo_given_up, attempts=attempts, documents=cloud.documents, events=cloud.events)
        assert cloud.documents.counts("race") == {PhotoStatus.FAILED: 1}


class TestReconciling:
    def run(
        self,
        cloud: MemoryCloud,
        stale_after: timedelta = timedelta(hours=1),
        uploaded_since: datetime | None = None,
        album: str | None = None,
        again: bool = False,
        halted: Collection[str] = (),
    ) -> tuple[int, int]:
        done = reconcile(
            store=cloud.store,
            documents=cloud.documents,
            queue=cloud.queue,
            events=cloud.events,
            stale_after=stale_after,
            uploaded_since=uploaded_since,
            album=album,
            again=again,
            halted=halted,
        )
        return done.seen, done.queued

    def test_a_bucket_that_already_holds_photos_is_backfilled(self) -> None:
        cloud = MemoryCloud()
        for number in range(700):
            cloud.store.upload(f"race/{number}.jpg", toy_photo())
        assert self.run(cloud) == (700, 700)
        assert self.run(cloud) == (700, 0)
        assert cloud.documents.counts("race") == {PhotoStatus.QUEUED: 700}

    def test_a_new_version_with_a_lost_notification_is_queued(self) -> None:
        cloud = MemoryCloud()
        cloud.drop("race/1.jpg", toy_photo(bibs=["1"]))
        cloud.worker().run()
        cloud.store.upload("race/1.jpg", toy_photo(bibs=["2"]))
        assert self.run(cloud) == (1, 1)
        cloud.worker().run()
        assert len(bibs_of(cloud.index, "race", "2")) == 1

    def test_photos_of_halted_albums_are_not_stuck_but_new_ones_are_recorded(self) -> None:
        cloud = MemoryCloud()
        cloud.drop("race/1.jpg", toy_photo())
        cloud.drop("party/1.jpg", toy_photo())
        cloud.store.upload("race/2.jpg", toy_photo())
        never = timedelta(0)
        assert self.run(cloud, stale_after=never, halted={"race"}) == (3, 2)
        assert cloud.documents.counts("race") == {PhotoStatus.QUEUED: 2}
        assert self.run(cloud, stale_after=never, album="race") == (2, 2)

    def test_a_lost_message_is_queued_again_once(self) -> None:
        cloud = MemoryCloud()
        cloud.drop("race/1.jpg", toy_photo())
        cloud.queue.ack([work.ack_id for work in cloud.queue.pull(9, timeout_s=1)])
        assert self.run(cloud, stale_after=timedelta(seconds=-1)) == (1, 1)
        assert self.run(cloud) == (1, 0)
        assert cloud.worker().run().done == 1

    def test_only_photos_uploaded_since_then_are_looked_at(self) -> None:
        cloud = MemoryCloud()
        photo = cloud.store.upload("race/1.jpg", toy_photo())
        assert self.run(cloud, uploaded_since=photo.uploaded_at + timedelta(microseconds=1)) == (0, 0)
        assert self.run(cloud, uploaded_since=photo.uploaded_at) == (1, 1)

    def test_what_is_done_is_analysed_again_only_if_that_is_requested(self) -> None:
        cloud = MemoryCloud()
        cloud.drop("race/1.jpg", toy_photo())
        cloud.worker().run()
        ports = {"store": cloud.store, "documents": cloud.documents, "queue": cloud.queue, "events": cloud.events}
        assert reconcile(**ports, stale_after=timedelta(0)).queued == 0  # type: ignore[arg-type]
        assert reconcile(**ports, stale_after=timedelta(0), again=True).queued == 1  # type: ignore[arg-type]

    def test_a_photo_analysed_while_the_run_goes_on_is_not_queued_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was stuck when the run read its state may have a result when its turn comes."""
        cloud = MemoryCloud()
        cloud.drop("race/1.jpg", toy_photo())
        read = cloud.documents.states

        def analysed_meanwhile(photos: Sequence[PhotoRef]) -> dict[PhotoRef, PhotoState]:
            states = read(photos)
            monkeypatch.undo()
            cloud.worker().run()
            return states

        monkeypatch.setattr(cloud.documents, "states", analysed_meanwhile)
        assert self.run(cloud, stale_after=timedelta(seconds=-1)) == (1, 0)
        assert cloud.documents.counts("race") == {PhotoStatus.DONE: 1}

    def test_an_album_is_analysed_again_where_originals_exist(self) -> None:
        cloud = MemoryCloud()
        for name in ("race/1.jpg", "race/gone.jpg", "other/1.jpg"):
            cloud.drop(name, toy_photo(bibs=["1"]))
        cloud.drop("race/notes.jpg", b"not a picture")
        cloud.worker().run()
        cloud.store.delete("race/gone.jpg")
        assert self.run(cloud, album="race") == (2, 0)
        assert self.run(cloud, album="race", again=True) == (2, 1)
        assert self.run(cloud, album="race", again=True) == (2, 0), "it is queued already"
        assert len(bibs_of(cloud.index, "race", "1")) == 2, "what was found stays until it is replaced"
        assert cloud.worker().run().done == 1
        assert cloud.documents.counts("race") == {PhotoStatus.DONE: 2, PhotoStatus.REJECTED: 1}
        assert len(bibs_of(cloud.index, "race", "1")) == 2

    @pytest.mark.parametrize(("album", "seen"), [("default", 3), ("race", 1), (None, 4)])
    def test_an_album_is_selected_by_the_names_of_its_photos(self, album: str | None, seen: int) -> None:
        cloud = MemoryCloud()
        for name in ("1.jpg", "default/2.jpg", "__x__/3.jpg", "race/4.jpg"):
            cloud.store.upload(name, toy_photo())
        assert self.run(cloud, album=album) == (seen, seen)

    def test_only_recent_objects_are_checked_on_request(self) -> None:
        cloud = MemoryCloud()
        cloud.store.upload("race/1.jpg", toy_photo())
        now = datetime.now(UTC)
        assert self.run(cloud, uploaded_since=now + timedelta(hours=1)) == (0, 0)
        assert self.run(cloud, uploaded_since=now - timedelta(hours=1)) == (1, 1)


@pytest.mark.parametrize(("data", "full"), [(b"", False), (b"{}", False), (b'{"full": true}', True)])
def test_a_scheduled_message_requests_the_last_day_or_everything(data: bytes, full: bool) -> None:
    assert is_full_run(Message(data, {}, NOW)) is full


@pytest.mark.parametrize("data", [b"all", b"[]", b'{"full": "yes"}'])
def test_another_scheduled_message_is_ignored(data: bytes) -> None:
    with pytest.raises(NotOurs):
        is_full_run(Message(data, {}, NOW))


@pytest.mark.parametrize("album", [None, "Z\u00fcrich", "Zu\u0308rich"])
def test_reconcile_finds_an_album_in_both_spellings_and_no_placeholders(album: str | None) -> None:
    cloud = MemoryCloud()
    for name in ("Z\u00fcrich/1.jpg", "Zu\u0308rich/2.jpg"):
        cloud.store.upload(name, toy_photo())
    for name in ("Z\u00fcrich/", "Zu\u0308rich/cam1/"):
        cloud.store.upload(name, b"")
    done = reconcile(
        store=cloud.store,
        documents=cloud.documents,
        queue=cloud.queue,
        events=cloud.events,
        stale_after=timedelta(minutes=5),
        album=None if album is None else unicodedata.normalize("NFC", album),
    )
    assert (done.seen, done.queued) == (2, 2)
    assert cloud.documents.counts("Z\u00fcrich") == {PhotoStatus.QUEUED: 2}


def test_a_message_names_the_erasure_to_finish_or_asks_for_a_run() -> None:
    erasure_id = "1b4e28ba-2fa1-4d2b-883f-0016d3cca427"
    assert parse_erasure(Message(b"{}", {"erasure_id": erasure_id}, NOW)) == erasure_id
    assert parse_erasure(Message(b"{}", {}, NOW)) is None
    with pytest.raises(NotOurs, match="not the id of an erasure"):
        parse_erasure(Message(b"{}", {"erasure_id": "all"}, NOW))
