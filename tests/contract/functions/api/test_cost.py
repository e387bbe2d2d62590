"""Costs over the API."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from photofinish.domain.access import Scope
from photofinish.domain.album_cost import AlbumTime
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.photo import StoredPhoto
from photofinish.domain.prices import Processor, price_file, task_usd_s
from support.api import Api
from support.faces import photo

PATH = "/albums/race/cost"


def queue(api: Api, number: int) -> None:
    ref = photo(f"race/cam1/{number}.jpg")
    now = datetime.now(UTC)
    stored = StoredPhoto(ref=ref, size_bytes=1, content_type="image/jpeg", uploaded_at=now)
    assert api.cloud.documents.record_queued(stored, event_at=now, trace_id="")


def analysed(api: Api, number: int) -> None:
    event = AlbumEvent(
        id=fact_id("cost", number),
        type=EventType.PHOTO_DONE,
        album="race",
        occurred_at=datetime.now(UTC),
        photo_id=photo(f"race/cam1/{number}.jpg").photo_id,
        generation=1,
        folder="cam1",
        data={"faces": 2, "bibs": 1},
    )
    api.cloud.event_log.append([event])


def test_an_albums_cost_so_far_and_of_what_waits(api: Api) -> None:
    for number in range(2):
        analysed(api, number)
    queue(api, 2)
    times = {"race": AlbumTime(seconds=40.0, photos=20), "party": AlbumTime(seconds=9.0, photos=9)}
    api.cloud.task_times.report(str(uuid.uuid4()), Processor.L4, times)
    answer = api.call("GET", PATH).get_json()
    lines = {line["name"]: line for line in answer["lines"]}
    analysis = lines["analysis on an L4"]
    assert (analysis["quantity"], analysis["is_measured"]) == (40, True)
    usd_s = task_usd_s(Processor.L4, price_file())
    assert analysis["usd"] == pytest.approx(40 * usd_s, abs=1e-6)
    assert (lines["documents"]["quantity"], lines["documents"]["is_measured"]) == (2, False)
    assert answer["usd"] == pytest.approx(sum(line["usd"] for line in answer["lines"]), abs=1e-5)
    assert answer["usd_per_1000_photos"] == pytest.approx(answer["usd"] * 500, rel=1e-3)
    assert (answer["photos"], answer["waiting"], answer["processor"]) == (2, 1, "l4")
    assert (answer["seconds_per_photo"], answer["is_own_pace"]) == (2.0, True)
    assert answer["usd_queued"] > 2 * usd_s
    assert (answer["is_billed"], answer["is_complete"]) == (True, True)


def test_an_album_without_photos_costs_nothing_and_an_unknown_one_is_not_found(api: Api) -> None:
    assert api.call("PUT", "/albums/race", json={"title": "Race"}).status_code < 300
    answer = api.call("GET", PATH).get_json()
    assert (answer["usd"], answer["usd_per_1000_photos"], answer["lines"]) == (0, None, [])
    assert api.call("GET", "/albums/unknown/cost").status_code == 404


def test_a_budget_warns_stops_and_resumes(api: Api) -> None:
    analysed(api, 1)
    api.cloud.task_times.report(str(uuid.uuid4()), Processor.L4, {"race": AlbumTime(seconds=1000.0, photos=1)})
    spent = api.call("GET", PATH).get_json()["usd"]

    def put(usd: float | None) -> dict[str, object]:
        answer = api.call("PUT", "/albums/race/budget", json={"usd": usd})
        assert answer.status_code == 200, answer.get_json()
        budget: dict[str, object] = answer.get_json()["budget"]
        return budget

    assert api.call("GET", PATH).get_json()["budget"] is None
    assert put(spent / 0.6) == {"usd": pytest.approx(spent / 0.6, abs=1e-5), "spent": 0.6, "is_halted": False}
    assert put(spent / 2) == {"usd": pytest.approx(spent / 2, abs=1e-5), "spent": 2.0, "is_halted": True}
    assert api.cloud.halted_albums.read().halted == {"race"}
    assert put(None) is None
    halted = api.cloud.halted_albums.read()
    assert (halted.halted, set(halted.resumed)) == (frozenset(), {"race"})
    events = api.call("GET", "/albums/race/events?type=budget.reached").get_json()["events"]
    assert [event["data"]["percent"] for event in events] == [50, 50, 80, 100]


def test_an_album_without_photos_shows_its_budget_and_what_it_cost(api: Api) -> None:
    assert api.call("PUT", "/albums/planned/budget", json={"usd": 20}).status_code == 200
    assert api.call("GET", "/albums/planned/cost").get_json()["budget"]["usd"] == 20
    api.cloud.task_times.report(str(uuid.uuid4()), Processor.L4, {"erased": AlbumTime(seconds=9.0, photos=1)})
    assert api.call("GET", "/albums/erased/cost").get_json()["usd"] > 0


def test_who_may_see_costs_and_set_budgets(api: Api) -> None:
    queue(api, 1)
    of_another, writer = api.key_for(Scope.ADMIN, frozenset({"party"})), api.key_for(Scope.WRITE)
    assert api.call("GET", PATH, key=of_another).status_code == 404
    assert api.call("PUT", "/albums/race/budget", key=of_another, json={"usd": 1}).status_code in {403, 404}
    assert api.call("PUT", "/albums/race/budget", key=writer, json={"usd": 1}).status_code == 403
    assert api.cloud.budgets.budgets(["race"]) == {}


@pytest.mark.parametrize("usd", [0, -1, 1e9, "much"])
def test_a_budget_that_is_none_is_refused(api: Api, usd: object) -> None:
    queue(api, 1)
    assert api.call("PUT", "/albums/race/budget", json={"usd": usd}).status_code == 400


def test_on_a_local_cloud_nothing_is_billed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    queue(api, 1)
    settings = api.cloud.settings.model_copy(update={"run_emulator_host": "127.0.0.1:1", "processor": "cpu"})
    monkeypatch.setattr(api.cloud, "settings", settings)
    answer = api.call("GET", PATH).get_json()
    assert (answer["is_billed"], answer["processor"], answer["is_own_pace"]) == (False, "cpu", False)
