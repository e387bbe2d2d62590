"""Subscriptions over the API, and the links in their messages."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from werkzeug.test import TestResponse

from photofinish.application.notifying.wording import WORDING
from photofinish.domain.access import AlbumAccess, Scope
from photofinish.domain.album_policy import AlbumPolicy, LegalBasis
from photofinish.domain.subscription import MAX_PER_USER, Language
from photofinish.domain.subscription_link import LinkAction, SubscriptionLink, link_text
from photofinish.domain.suppression import suppression_similarity
from support.api import Api, error_of, files, selfie_of_astronaut
from support.faces import bib, photo
from support.firebase_keys import PROJECT, KeyServer, serving
from support.index import add

PATH = "/albums/race/subscriptions"
ADDRESS = "ada@example.org"
BY_NUMBER = {"channel": "email", "address": ADDRESS, "bib": "a-42"}
UNKNOWN = "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"


@pytest.fixture(scope="module")
def google() -> Iterator[KeyServer]:
    with serving() as made:
        made.add("one")
        yield made


@pytest.fixture
def race(api: Api, google: KeyServer, monkeypatch: pytest.MonkeyPatch) -> Api:
    for name, value in {
        "PHOTOFINISH_NOTIFICATION_CHANNELS": "email, fcm,webhook",
        "PHOTOFINISH_PUBLIC_URL": "https://photos.example.org",
        "PHOTOFINISH_WEBHOOK_LOOPBACK": "true",
        "PHOTOFINISH_FIREBASE_PROJECT": PROJECT,
        "PHOTOFINISH_FIREBASE_KEYS_URL": google.url,
        "PHOTOFINISH_USER_RATE": "1000/1000",
    }.items():
        monkeypatch.setenv(name, value)
    add(api.cloud.index, photo("race/1.jpg"), [], [bib("42")])
    api.cloud.access.set_album_access("race", AlbumAccess(users_may_search=True))
    return api


@pytest.fixture
def user(race: Api, google: KeyServer) -> Any:
    headers = {"Authorization": f"Bearer {google.token('one')}"}

    def call(method: str, path: str, **options: Any) -> TestResponse:
        return race.client.open(f"/v1{path}", method=method, headers=headers, **options)

    return call


def selfie_form(content: bytes, **fields: Any) -> dict[str, Any]:
    sent = {"channel": "fcm", "address": "token"} | fields
    return {
        "selfie": files(content),
        "subscription": (io.BytesIO(json.dumps(sent).encode()), "s.json", "application/json"),
    }


def link(api: Api, action: LinkAction, subscription_id: str) -> str:
    keys = api.cloud.webhook_settings.webhook_key
    return f"/v1/subscription-links/{link_text(SubscriptionLink(action, subscription_id), keys)}"


def test_a_runner_subscribes_and_ends_it(race: Api, user: Any) -> None:
    answer = user("POST", PATH, json=BY_NUMBER | {"language": "es"})
    assert answer.status_code == 201, answer.get_json()
    made = answer.get_json()["subscription"]
    assert (made["bib"], made["confirmed_at"], made["language"]) == ("A42", None, "es")
    assert ADDRESS not in answer.text
    listed = user("GET", PATH).get_json()
    assert (listed["subscriptions"], listed["channels"]) == ([made], ["email", "fcm"])
    assert user("GET", f"{PATH}/{made['subscription_id']}").get_json() == made
    counts = race.call("GET", "/albums/race/subscription-counts").get_json()["counts"]
    assert counts == [{"channel": "email", "is_confirmed": False, "subscriptions": 1}]
    assert race.cloud.webhook_messages.nudges == 1  # type: ignore[attr-defined]
    assert user("DELETE", f"{PATH}/{made['subscription_id']}").status_code == 204
    assert user("GET", PATH).get_json()["subscriptions"] == []


def test_a_selfie_is_not_kept_and_its_face_finds_photos(race: Api) -> None:
    answer = race.call("POST", PATH, data=selfie_form(selfie_of_astronaut()))
    assert answer.status_code == 201, answer.get_json()
    made = answer.get_json()["subscription"]
    assert (made["selfies"], made["bib"], made["confirmed_at"] is None) == (1, None, False)
    with race.database.transaction() as conn:
        [[similarity]] = conn.execute("SELECT min_similarity FROM subscription_template").fetchall()
    assert similarity == pytest.approx(race.cloud.calibration.stranger_similarity)


def test_the_album_decides_what_a_selfie_needs(race: Api) -> None:
    race.cloud.album_policies.set_policy("race", AlbumPolicy(legal_basis=LegalBasis.CONSENT))
    refused = race.call("POST", PATH, data=selfie_form(selfie_of_astronaut()))
    assert error_of(refused) == (422, "consent_incomplete")
    answer = race.call("POST", PATH, data=selfie_form(selfie_of_astronaut(), text_version="2026-03"))
    assert answer.get_json()["subscription"]["text_version"] == "2026-03"
    ends = AlbumPolicy(legal_basis=LegalBasis.CONTRACT, ends_on=date(2999, 1, 1))
    race.cloud.album_policies.set_policy("race", ends)
    assert race.call("POST", PATH, json=BY_NUMBER).get_json()["subscription"]["ends_at"] < "2999"


def test_a_face_that_opted_out_is_not_stored(race: Api) -> None:
    content = selfie_of_astronaut()
    faces = [face.embedding for face in race.cloud.pictures.people([content], is_wanted=lambda: True)]
    threshold = suppression_similarity(race.cloud.calibration)
    race.cloud.suppression.add("race", faces, min_similarity=threshold, by="k")
    assert error_of(race.call("POST", PATH, data=selfie_form(content))) == (422, "face_not_indexed")
    with race.database.transaction() as conn:
        assert conn.execute("SELECT FROM subscription").fetchall() == []


def test_what_cannot_be_subscribed_is_refused(race: Api, user: Any) -> None:
    for body, expected in (
        ({"channel": "email", "address": ADDRESS}, (422, "invalid_value")),
        (BY_NUMBER | {"address": "ada@example"}, (422, "invalid_value")),
        (BY_NUMBER | {"address": "a@b.org\r\nBcc:c@d.org"}, (400, "bad_request")),
        (BY_NUMBER | {"channel": "pigeon"}, (400, "bad_request")),
        (BY_NUMBER | {"channel": "webhook", "address": "http://169.254.169.254/"}, (422, "url_not_allowed")),
        ({"channel": "email", "address": ADDRESS, "person_id": UNKNOWN}, (404, "unknown_person")),
    ):
        assert error_of(race.call("POST", PATH, json=body)) == expected, body
    webhook = BY_NUMBER | {"channel": "webhook", "address": "https://hooks.example.org/"}
    assert error_of(user("POST", PATH, json=webhook)) == (422, "channel_off")
    assert error_of(race.call("POST", PATH, json=webhook, key=race.key_for())) == (422, "channel_off")
    assert error_of(user("POST", PATH, json=BY_NUMBER | {"person_id": UNKNOWN})) == (403, "find_me_only")


def test_each_sees_their_own_and_has_a_limit(race: Api, user: Any) -> None:
    other = race.call("POST", PATH, json=BY_NUMBER).get_json()["subscription"]["subscription_id"]
    for method in ("GET", "DELETE"):
        assert error_of(user(method, f"{PATH}/{other}")) == (404, "unknown_subscription")
    for number in range(MAX_PER_USER):
        body = {"channel": "fcm", "address": f"token-{number}", "bib": "1"}
        assert user("POST", PATH, json=body).status_code == 201
    assert error_of(user("POST", PATH, json=body | {"address": "one-more"})) == (409, "subscription_limit")
    page = user("GET", f"{PATH}?limit=3").get_json()
    rest = user("GET", f"{PATH}?limit=3&cursor={page['next_cursor']}").get_json()
    assert len({one["subscription_id"] for one in (*page["subscriptions"], *rest["subscriptions"])}) == MAX_PER_USER
    mine = page["subscriptions"][0]["subscription_id"]
    assert race.call("DELETE", f"{PATH}/{mine}", key=race.key_for(Scope.WRITE)).status_code == 204


def test_a_webhook_gets_its_secret_once(race: Api) -> None:
    body = {"channel": "webhook", "address": "http://localhost:8000/", "bib": "42"}
    answer = race.call("POST", PATH, json=body).get_json()
    assert answer["secret"].startswith("whsec_")
    assert (
        race.call("POST", PATH, json=body).get_json()["subscription"]["subscription_id"]
        == (answer["subscription"]["subscription_id"])
    )


def test_nothing_is_offered_by_default(api: Api) -> None:
    add(api.cloud.index, photo("race/1.jpg"), [], [bib("42")])
    assert api.call("GET", PATH).get_json()["channels"] == []
    assert error_of(api.call("POST", PATH, json=BY_NUMBER)) == (422, "channel_off")


def test_a_link_asks_first_and_a_post_ends_the_subscription(race: Api) -> None:
    made = race.call("POST", PATH, json=BY_NUMBER | {"language": "de"}).get_json()["subscription"]
    url, said = link(race, LinkAction.END, made["subscription_id"]), WORDING[Language.GERMAN]
    asked = race.client.get(url)
    assert (asked.status_code, asked.mimetype) == (200, "text/html")
    assert said.ends_button in asked.text
    assert "form-action 'self'" in asked.headers["Content-Security-Policy"]
    assert race.call("GET", f"{PATH}/{made['subscription_id']}").status_code == 200, "a GET ended it"
    one_click = race.client.post(url, data={"List-Unsubscribe": "One-Click"})
    assert (one_click.status_code, said.ended in one_click.text) == (200, True)
    assert error_of(race.call("GET", f"{PATH}/{made['subscription_id']}")) == (404, "unknown_subscription")
    assert race.client.post(url).status_code == race.client.get(url).status_code == 200


def test_a_link_confirms_an_address(race: Api) -> None:
    made = race.call("POST", PATH, json=BY_NUMBER).get_json()["subscription"]
    url = link(race, LinkAction.CONFIRM, made["subscription_id"])
    assert WORDING[Language.ENGLISH].confirms_button in race.client.get(url).text
    assert race.call("GET", f"{PATH}/{made['subscription_id']}").get_json()["confirmed_at"] is None
    for _ in range(2):
        assert "You will be told" in race.client.post(url).text
    assert race.call("GET", f"{PATH}/{made['subscription_id']}").get_json()["confirmed_at"] is not None
    assert "button" not in race.client.get(url).text.replace(",button", "").split("</style>")[1]


def test_a_changed_link_is_refused(race: Api) -> None:
    url = link(race, LinkAction.END, UNKNOWN)
    for method in ("GET", "POST"):
        assert error_of(race.client.open(url[:-2] + "AA", method=method)) == (404, "unknown_link")
    assert race.client.post(link(race, LinkAction.CONFIRM, UNKNOWN)).status_code == 200
