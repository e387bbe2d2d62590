"""The queue over the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from photofinish.application.queue import QueueReading, results_per_s
from photofinish.domain.access import Scope
from photofinish.domain.album_event import AlbumEvent, EventType, RecordedEvent, fact_id
from photofinish.domain.photo import PhotoStatus, StoredPhoto
from support.api import Api
from support.faces import photo

NOW = datetime.now(UTC)


def failed(number: int) -> AlbumEvent:
    return AlbumEvent(
        id=fact_id("queue", number),
        type=EventType.PHOTO_FAILED,
        album="race",
        occurred_at=NOW,
        photo_id=photo(f"race/{number}.jpg").photo_id,
        generation=1,
        data={"error": {"code": "analysis_failed", "message": "It failed."}},
    )


def queued(api: Api, name: str) -> None:
    stored = StoredPhoto(ref=photo(name), size_bytes=1, content_type="image/jpeg", uploaded_at=NOW)
    api.cloud.documents.record_queued(stored, event_at=NOW, trace_id="t")


def test_what_waits_and_what_works(api: Api) -> None:
    queued(api, "race/1.jpg")
    queued(api, "other/2.jpg")
    api.cloud.documents.note_failure([photo("race/1.jpg")], "The task was killed.")
    stage = {"stage": "decode", "photos": 3, "photos_per_s": 1.5, "ms_per_photo": 80.0, "waiting": None}
    api.cloud.leases.report("launch/0", {"at": NOW, "every_s": 600.0, "stages": [stage], "retries": 3})
    api.cloud.leases.report("launch/1", {"at": NOW, "every_s": 600.0, "stages": []})
    api.cloud.leases.report("killed/0", {"at": NOW - timedelta(days=1), "every_s": 1.0, "stages": [], "retries": 9})
    api.cloud.event_log.append([failed(1), failed(2)])
    answer = api.call("GET", "/queue").get_json()
    assert answer["outstanding"] == 2
    assert answer["oldest"]["photo"]["name"] == "race/1.jpg"
    assert answer["oldest"]["last_failure"] == "The task was killed."
    assert [(task["task"], task["stages"]) for task in answer["tasks"]] == [("launch/0", [stage]), ("launch/1", [])]
    assert ([task["retries"] for task in answer["tasks"]], answer["retries"]) == ([3, 0], 3), "of those that report"
    assert answer["failed_last_day"] == [{"code": "analysis_failed", "photos": 2}]
    assert answer["photos_per_s"] == pytest.approx(2 / 120, rel=1e-4)
    assert datetime.fromisoformat(answer["ends_at"]) - datetime.fromisoformat(answer["at"]) == timedelta(seconds=120)


def test_an_empty_queue_has_no_end(api: Api) -> None:
    answer = api.call("GET", "/queue").get_json()
    del answer["at"]
    assert answer == {
        "outstanding": 0, "oldest": None, "tasks": [], "retries": 0, "photos_per_s": None, "ends_at": None,
        "failed_last_day": [],
    }  # fmt: skip


def test_the_queue_is_read_once_in_three_seconds(api: Api) -> None:
    cloud = api.cloud
    reading = QueueReading(cloud.documents, cloud.leases, cloud.event_log, cloud.statistics)
    first = reading.read()
    queued(api, "race/1.jpg")
    assert reading.read() is first
    assert first.outstanding == 0


def test_only_keys_of_all_albums_see_it(api: Api) -> None:
    assert api.call("GET", "/queue", key=api.key_for(Scope.SEARCH)).status_code == 200
    assert api.call("GET", "/queue", key=api.key_for(Scope.SEARCH, frozenset({"race"}))).status_code == 403


def recorded(seconds_ago: float, event_type: EventType = EventType.PHOTO_DONE) -> RecordedEvent:
    event = AlbumEvent(id=fact_id("rate", seconds_ago), type=event_type, album="race", occurred_at=NOW)
    return RecordedEvent(event=event, position=1, recorded_at=NOW - timedelta(seconds=seconds_ago))


def test_the_rate_is_of_the_time_that_the_events_cover() -> None:
    newest = [recorded(1), recorded(2, EventType.PHOTO_QUEUED), recorded(10), recorded(1000)]
    assert results_per_s(newest, NOW, are_all=True) == pytest.approx(2 / 120)
    assert results_per_s(newest[:3], NOW, are_all=False) == pytest.approx(2 / 10)
    assert results_per_s(newest[3:], NOW, are_all=True) is None
    assert results_per_s([], NOW, are_all=True) is None
    assert results_per_s([recorded(0)], NOW, are_all=False) == 1.0


def test_a_photo_with_a_result_does_not_wait(api: Api) -> None:
    queued(api, "race/1.jpg")
    api.cloud.documents.record_final(photo("race/1.jpg"), PhotoStatus.DONE, {})
    assert api.call("GET", "/queue").get_json()["oldest"] is None
