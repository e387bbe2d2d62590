"""The cameras of an album and the shifts of their clocks, over the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from photofinish.domain.access import Scope
from support.api import Api
from support.faces import bib, photo
from support.index import add

PATH = "/albums/race/cameras"
NOON = datetime(2026, 5, 3, 12)


@pytest.fixture
def race(api: Api) -> Api:
    """Twenty runners, each on a photo of two cameras; the Nikon is an hour behind."""
    for number in range(100, 120):
        at = NOON + timedelta(minutes=number)
        add(api.cloud.index, photo(f"race/a/{number}.jpg"), [], [bib(str(number))], taken_at=at, camera="Canon")
        behind = at - timedelta(hours=1)
        add(api.cloud.index, photo(f"race/b/{number}.jpg"), [], [bib(str(number))], taken_at=behind, camera="Nikon")
    return api


def test_shifts_are_found_set_and_searched_by(race: Api) -> None:
    shown = race.call("GET", PATH).get_json()
    assert shown["reference"] is None
    assert [(camera["name"], camera["photos"], camera["shift_s"], camera["found"]) for camera in shown["cameras"]] == [
        ("Canon", 20, 0, None),
        ("Nikon", 20, 0, None),
    ]
    found = race.call("GET", f"{PATH}?find=true").get_json()
    assert found["reference"] == "Canon"
    nikon = found["cameras"][1]["found"]
    assert (nikon["shift_s"], nikon["agreeing"], nikon["subjects"]) == (3600, 20, 20)
    assert nikon["confidence"] > 0.8

    window = {"bib": "100", "taken_from": (NOON + timedelta(minutes=100)).isoformat()}
    assert len(race.search("race", **window).get_json()["photos"]) == 1
    answer = race.call("PUT", PATH, json={"shifts_s": {"Nikon": 3600}})
    assert (answer.status_code, answer.get_json()["cameras"][1]["shift_s"]) == (200, 3600)
    photos = race.search("race", **window).get_json()["photos"]
    assert len(photos) == 2
    assert {found["corrected_at"] for found in photos} == {"2026-05-03T13:40:00"}
    assert {found["taken_at"] for found in photos} == {"2026-05-03T13:40:00", "2026-05-03T12:40:00"}
    assert race.call("PUT", PATH, json={"shifts_s": {}}).get_json()["cameras"][1]["shift_s"] == 0


def test_setting_shifts_is_audited(race: Api) -> None:
    race.call("PUT", PATH, json={"shifts_s": {"Nikon": 3600, "Canon": -60}})
    with race.database.transaction() as conn:
        rows = conn.execute("SELECT action, count FROM audit_entry WHERE action = 'set_camera_shifts'").fetchall()
    assert rows == [("set_camera_shifts", 2)]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"shifts_s": {"Nikon": "1h"}},
        {"shifts_s": {"Nikon": 10**12}},
        {"shifts_s": {"": 1}},
        {"shifts_s": {"a\0": 1}},
    ],
    ids=["nothing", "a text", "too much", "no name", "NUL"],
)
def test_what_is_no_shift_is_refused(race: Api, wrong: dict[str, Any]) -> None:
    assert race.call("PUT", PATH, json=wrong).status_code in (400, 422)
    assert all(camera["shift_s"] == 0 for camera in race.call("GET", PATH).get_json()["cameras"])


def test_an_unknown_reference_is_refused(race: Api) -> None:
    answer = race.call("GET", f"{PATH}?find=true&reference=Sony")
    assert answer.status_code == 422
    assert "Sony" in answer.get_json()["error"]["message"]


def test_cameras_need_write_access(race: Api) -> None:
    for scope, status in [(Scope.SEARCH, 403), (Scope.WRITE, 200)]:
        key = race.key_for(scope, frozenset({"race"}))
        assert race.call("GET", PATH, key=key).status_code == status
