"""Statistics over the API."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from photofinish.application.album_statistics import StatisticsReading
from photofinish.domain.access import Scope
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from support.api import Api
from support.faces import bib, photo
from support.index import add

PATH = "/albums/race/statistics"
TEN = datetime(2026, 5, 1, 10, 30, tzinfo=UTC)


def record(api: Api, number: int, event_type: EventType = EventType.PHOTO_DONE, **data: object) -> None:
    api.cloud.event_log.append(
        [
            AlbumEvent(
                id=fact_id("statistics", number),
                type=event_type,
                album="race",
                occurred_at=TEN,
                photo_id=photo(f"race/cam1/{number}.jpg").photo_id,
                generation=1,
                folder="cam1",
                data=data,
            )
        ]
    )


def test_counts_by_hour_camera_folder_and_code(api: Api) -> None:
    record(api, 1, faces=2, bibs=1, upload_to_result_s=4.0)
    record(api, 2, EventType.PHOTO_REJECTED, error={"code": "not_a_picture", "message": "No picture."})
    answer = api.call("GET", PATH).get_json()
    assert (answer["photos"], answer["done"], answer["rejected"]) == (2, 1, 1)
    assert (answer["share_with_bib"], answer["is_complete"]) == (1.0, True)
    assert answer["upload_to_result_s"]["p50"] == pytest.approx(4.0, rel=0.1)
    assert [(one["hour"], one["photos"]) for one in answer["by_hour"]] == [("2026-05-01T10:00:00Z", 2)]
    assert [(one["camera"], one["photos"]) for one in answer["by_camera"]] == [(None, 2)]
    assert [(one["folder"], one["faces"]) for one in answer["by_folder"]] == [("cam1", 2)]
    assert answer["by_code"] == [{"code": "not_a_picture", "rejected": 1, "failed": 0}]
    assert (answer["people"], answer["photos_per_person"]) == (0, None)


def test_an_album_without_results_has_empty_statistics(api: Api) -> None:
    add(api.cloud.index, photo("race/cam1/1.jpg"), [], [bib("42")])
    answer = api.call("GET", PATH).get_json()
    assert (answer["photos"], answer["share_with_bib"], answer["by_hour"]) == (0, None, [])
    assert api.call("GET", "/albums/unknown/statistics").status_code == 404


def test_a_new_result_is_seen_and_nothing_is_read_twice(api: Api) -> None:
    record(api, 1, faces=2, bibs=1)
    kept = api.cloud.statistics_reading.read("race").counts
    assert api.cloud.statistics_reading.read("race").counts is kept
    record(api, 2, faces=0, bibs=0)
    found = StatisticsReading(api.cloud.statistics, api.cloud.event_log).read("race").counts
    assert found is not None
    assert found.total.photos == 2


def test_only_keys_of_the_album_read_it(api: Api) -> None:
    record(api, 1, faces=2, bibs=1)
    assert api.call("GET", PATH, key=api.key_for(Scope.SEARCH, frozenset({"race"}))).status_code == 200
    assert api.call("GET", PATH, key=api.key_for(Scope.SEARCH, frozenset({"autumn"}))).status_code == 404
