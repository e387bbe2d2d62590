"""Share links, sessions of pages and albums' cards, through the real API on a real Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from photofinish.domain.access import Scope
from support.api import Api, error_of, names_of
from support.faces import bib, face, photo
from support.index import add

PIN = "204816"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def race(api: Api) -> Api:
    add(api.cloud.index, photo("race/1.jpg"), [face(), face()], [bib("42", face_index=0)])
    return api


def share(api: Api, album: str = "race", **body: Any) -> dict[str, Any]:
    answer = api.call("POST", f"/albums/{album}/shares", json=body)
    assert answer.status_code == 201, answer.get_json()
    made: dict[str, Any] = answer.get_json()
    return made


def token_of(made: dict[str, Any]) -> str:
    return str(made["url"]).rpartition("/s/")[2]


def opened(api: Api, token: str, client: FlaskClient | None = None, **request: Any) -> TestResponse:
    body = {"token": token} | request.pop("json", {})
    return (client or api.client).post("/v1/shares/open", json=body, **request)


def bearer(answer: TestResponse) -> dict[str, str]:
    assert answer.status_code == 200, answer.get_json()
    return {"Authorization": f"Bearer {answer.get_json()['session_token']}"}


def test_a_card_makes_an_album_and_is_shown(api: Api) -> None:
    card = {"title": "Spring 10k", "held_on": "2026-05-01", "watermark": {"text": "© us"}, "downloads": "original"}
    assert api.call("PUT", "/albums/new", json=card).get_json() == card | {"album": "new"}
    shown = api.call("GET", "/albums/new").get_json()
    assert {name: shown[name] for name in card} == card
    [listed] = api.call("GET", "/albums").get_json()["albums"]
    assert (listed["album"], listed["title"], listed["held_on"]) == ("new", "Spring 10k", "2026-05-01")
    assert api.call("PUT", "/albums/new", json={}).get_json()["downloads"] == "web"
    shown = api.call("GET", "/albums/new").get_json()
    assert (shown["downloads"], shown["visitors_may_download"]) == ("original", "web"), "organisers may download all"


def test_a_visitor_finds_photos_of_the_album_and_nothing_else(race: Api) -> None:
    add(race.cloud.index, photo("other/1.jpg"), [], [bib("42")])
    visitor = bearer(opened(race, token_of(share(race))))
    found = race.client.get("/v1/albums/race/bibs/42", headers=visitor)
    assert names_of(found) == ["race/1.jpg"]
    assert race.client.get("/v1/albums/race", headers=visitor).status_code == 200
    assert error_of(race.client.get("/v1/albums/other/bibs/42", headers=visitor)) == (404, "unknown_album")
    assert error_of(race.client.get("/v1/albums/race/photos", headers=visitor)) == (403, "forbidden")


def test_browsing_shows_all_photos_but_no_people(race: Api) -> None:
    visitor = bearer(opened(race, token_of(share(race, may="browse"))))
    assert race.client.get("/v1/albums/race/photos", headers=visitor).status_code == 200
    assert error_of(race.client.get("/v1/albums/race/people", headers=visitor)) == (403, "forbidden")


def test_the_answer_tells_what_a_page_needs(race: Api) -> None:
    race.call("PUT", "/albums/race", json={"title": "Race", "downloads": "none"})
    made = share(race, downloads="original", expires_on="2027-06-01", label="poster")
    assert made["expires_at"] == "2027-06-02T00:00:00Z"
    assert made["qr_svg"].startswith("<?xml") or made["qr_svg"].startswith("<svg")
    answer = opened(race, token_of(made)).get_json()
    assert (answer["album"], answer["title"], answer["may"]) == ("race", "Race", "find")
    assert answer["downloads"] == "none", "never more than the card allows"


def test_the_last_day_of_a_link_is_at_most_730_days_away(race: Api) -> None:
    last = datetime.now(UTC).date() + timedelta(days=730)
    end = f"{last + timedelta(days=1)}T00:00:00Z"
    assert share(race, expires_on=str(last))["expires_at"] == share(race, expires_at=end)["expires_at"] == end
    after = {"expires_on": str(last + timedelta(days=1))}, {"expires_at": end.replace(":00Z", ":01Z")}
    for body in (*after, {"expires_on": "9999-12-31"}, {"expires_at": "9999-12-31T23:59:59-12:00"}):
        refused = race.call("POST", "/albums/race/shares", json=body)
        assert error_of(refused) == (422, "invalid_value"), body
        assert "730 days" in refused.get_json()["error"]["message"]


def test_a_list_shows_shares_without_their_links(race: Api) -> None:
    made = share(race, label="poster", pin=PIN)
    [listed] = race.call("GET", "/albums/race/shares").get_json()["shares"]
    assert listed == {name: value for name, value in made.items() if name not in ("url", "qr_svg")}
    assert listed["has_pin"]


def test_a_cookie_stands_for_the_session(race: Api) -> None:
    client = race.client
    answer = opened(race, token_of(share(race)), client, headers=SAME_ORIGIN)
    [cookie] = answer.headers.getlist("Set-Cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert client.get("/v1/albums/race/bibs/42").status_code == 200
    told = client.get("/v1/sessions").get_json()
    assert (told["kind"], told["scope"], told["albums"], told["share"]["may"]) == ("share", "search", ["race"], "find")
    assert client.delete("/v1/sessions", headers=SAME_ORIGIN).status_code == 204
    assert client.get_cookie("photofinish") is None
    headers = bearer(answer)
    assert error_of(race.client.get("/v1/sessions", headers=headers)) == (401, "unauthorized"), (
        "ended, not only forgotten"
    )


def test_an_organiser_signs_in_with_a_key(race: Api) -> None:
    client = race.client
    key = race.key_for(Scope.ADMIN, frozenset({"race"}))
    answer = client.post("/v1/sessions", json={"api_key": key}, headers=SAME_ORIGIN)
    assert (answer.get_json()["scope"], answer.get_json()["albums"]) == ("admin", ["race"])
    [cookie] = answer.headers.getlist("Set-Cookie")
    assert "SameSite=Strict" in cookie
    assert client.get("/v1/albums/race/people").status_code == 200
    assert client.put("/v1/albums/race", json={}, headers=SAME_ORIGIN).status_code == 200
    assert error_of(client.post("/v1/sessions", json={"api_key": "pf_x"})) == (401, "unauthorized")


def test_feedback_is_a_suggestion_for_organisers(race: Api) -> None:
    token = token_of(share(race))
    one, other = bearer(opened(race, token)), bearer(opened(race, token))
    [found] = race.client.get("/v1/albums/race/bibs/42", headers=one).get_json()["photos"]
    body = {"photo_id": found["photo"]["photo_id"], "face_id": found["bib"]["face_id"]}
    path = "/v1/albums/race/find-me/feedback"
    for visitor, is_me in ((one, False), (one, True), (other, True)):
        assert race.client.post(path, json=body | {"is_me": is_me}, headers=visitor).status_code == 204
    assert error_of(race.client.get(path, headers=one)) == (403, "forbidden")
    [listed] = race.call("GET", "/albums/race/find-me/feedback").get_json()["faces"]
    assert (listed["face_id"], listed["yes"], listed["no"]) == (body["face_id"], 2, 0)
    unknown = body | {"face_id": "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f", "is_me": True}
    assert error_of(race.client.post(path, json=unknown, headers=one)) == (404, "unknown_face")
