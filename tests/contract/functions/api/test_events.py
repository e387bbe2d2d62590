"""The event log over the API."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cloudevents.http import from_dict

from photofinish.domain.access import Scope
from photofinish.domain.album_event import AlbumEvent, EventFilter, EventType, RecordedEvent, cloud_event, fact_id
from photofinish_functions.api.event_filters import query_of
from photofinish_functions.api.paging import cursor_after
from support.api import Api
from support.faces import bib, photo
from support.index import add

PATH = "/albums/race/events"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PHOTO = photo("race/cam2/1.jpg")


def event(number: int, event_type: EventType = EventType.PHOTO_DONE, **fields: Any) -> AlbumEvent:
    return AlbumEvent(
        id=fact_id("test", number),
        type=event_type,
        album="race",
        occurred_at=NOON + timedelta(minutes=number),
        **fields,
    )


@pytest.fixture
def race(api: Api) -> Api:
    """With the event that the photo's faces are indexed, and those appended here."""
    add(api.cloud.index, PHOTO, [], [bib("42")])
    api.cloud.event_log.append([event(1, photo_id=PHOTO.photo_id, generation=7, folder="cam2", data={"faces": 2})])
    api.cloud.event_log.append([event(2, EventType.PHOTO_REJECTED, folder="cam1")])
    api.cloud.event_log.append([event(3, EventType.ALBUM_OPENED)])
    return api


def types_of(api: Api, query: str = "") -> list[str]:
    return [one["type"] for one in api.call("GET", f"{PATH}?{query}").get_json()["events"]]


def test_events_are_cloud_events_that_the_official_library_reads(race: Api) -> None:
    [_, first, _, last] = race.call("GET", PATH).get_json()["events"]
    parsed = from_dict(first)
    assert parsed["type"] == "photofinish.photo.done"
    assert parsed["subject"] == f"photos/{PHOTO.photo_id}"
    assert parsed["source"] == "/v1/albums/race"
    assert parsed.get_data() == {
        "album": "race", "photo_id": PHOTO.photo_id, "generation": 7, "folder": "cam2", "faces": 2,
    }  # fmt: skip
    assert from_dict(last).get("subject") is None
    assert first["sequence"] < last["sequence"]


def test_an_event_has_one_form_in_pages_streams_and_webhooks(race: Api) -> None:
    [*_, last] = race.call("GET", PATH).get_json()["events"]
    in_berlin = event(3, EventType.ALBUM_OPENED)
    in_berlin = replace(in_berlin, occurred_at=in_berlin.occurred_at.astimezone(timezone(timedelta(hours=2))))
    elsewhere = cloud_event(RecordedEvent(position=int(last["sequence"]), event=in_berlin, recorded_at=NOON))
    assert elsewhere == {name: value for name, value in last.items() if value is not None}
    assert last["time"] == "2026-05-01T12:03:00Z"


def test_a_reader_goes_on_with_what_comes_later(race: Api) -> None:
    first = race.call("GET", f"{PATH}?limit=2").get_json()
    second = race.call("GET", f"{PATH}?limit=2&cursor={first['next_cursor']}").get_json()
    assert [len(page["events"]) for page in (first, second)] == [2, 2]
    nothing = race.call("GET", f"{PATH}?cursor={second['next_cursor']}").get_json()
    assert nothing["events"] == []
    race.cloud.event_log.append([event(4)])
    later = race.call("GET", f"{PATH}?cursor={nothing['next_cursor']}").get_json()
    assert [one["id"] for one in later["events"]] == [str(event(4).id)]


def test_newest_first_ends(race: Api) -> None:
    first = race.call("GET", f"{PATH}?order=newest_first&limit=3").get_json()
    second = race.call("GET", f"{PATH}?order=newest_first&limit=3&cursor={first['next_cursor']}").get_json()
    ids = [one["id"] for page in (first, second) for one in page["events"]]
    assert ids[:-1] == [str(event(number).id) for number in (3, 2, 1)]
    assert second["next_cursor"] is None


def test_who_has_read_the_newest_goes_on_with_what_comes_later(race: Api) -> None:
    newest = race.call("GET", f"{PATH}?order=newest_first&limit=1&folder=cam2").get_json()
    race.cloud.event_log.append([event(4), event(5, folder="cam2")])
    later = race.call("GET", f"{PATH}?folder=cam2&cursor={newest['later_cursor']}").get_json()
    assert [one["id"] for one in later["events"]] == [str(event(5).id)]
    older = race.call("GET", f"{PATH}?order=newest_first&folder=cam2&cursor={newest['next_cursor']}").get_json()
    assert older["later_cursor"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("type=photo.done", ["photofinish.photo.done"]),
        ("type=photo.done&type=album.opened", ["photofinish.photo.done", "photofinish.album.opened"]),
        ("status=rejected", ["photofinish.photo.rejected"]),
        ("folder=cam2", ["photofinish.face.indexed", "photofinish.photo.done"]),
        ("bib=42", ["photofinish.face.indexed", "photofinish.photo.done"]),
        ("bib=43", []),
        ("occurred_from=2026-05-01T12:03:00Z", ["photofinish.face.indexed", "photofinish.album.opened"]),
        ("occurred_before=2026-05-01T14:02:00%2B02:00", ["photofinish.photo.done"]),
    ],
)
def test_filters(race: Api, query: str, found: list[str]) -> None:
    assert types_of(race, query) == found


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("type=photo.finished", 400, "type"),
        ("kind=photo.done", 400, "kind"),
        ("status=processing", 400, "status"),
        ("type=photo.done&status=done", 422, "not both"),
        ("occurred_from=2026-05-01T12:00:00", 400, "occurred_from"),
        ("photo_id=1", 400, "photo id"),
        ("cursor=x", 422, "cursor"),
    ],
)
def test_what_cannot_be_asked_is_said(race: Api, query: str, status: int, words: str) -> None:
    answer = race.call("GET", f"{PATH}?{query}")
    assert answer.status_code == status
    assert words in answer.get_json()["error"]["message"]


def test_a_cursor_is_of_its_query(race: Api) -> None:
    cursor = race.call("GET", f"{PATH}?folder=cam2").get_json()["next_cursor"]
    answer = race.call("GET", f"{PATH}?folder=cam1&cursor={cursor}")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (422, "invalid_query")


def test_a_cursor_of_a_log_that_was_longer_is_refused(race: Api) -> None:
    """As after the database was restored from a backup: new events would be missed without a word."""
    ahead = race.cloud.event_log.head() + 1
    cursor = cursor_after(query_of("race", EventFilter(), "oldest_first"), ahead)
    answer = race.call("GET", f"{PATH}?cursor={cursor}")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (422, "invalid_query")
    assert "restored from a backup" in answer.get_json()["error"]["message"]


def test_only_keys_of_the_album_read_its_events(race: Api) -> None:
    other = race.key_for(Scope.SEARCH, frozenset({"autumn"}))
    assert race.call("GET", PATH, key=other).status_code == 404
    assert race.call("GET", "/albums/unknown/events").status_code == 404
