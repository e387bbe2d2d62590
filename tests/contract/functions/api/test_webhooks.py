"""Webhooks over the API."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook as Verifier

from photofinish.adapters.internet.webhook_sender import PinnedSender
from photofinish.adapters.memory.webhook_deliveries import MemoryWebhookMessages
from photofinish.application.webhooks.delivering import WebhookDeliverer
from photofinish.application.webhooks.relaying import WebhookRelay
from photofinish.domain.access import Scope
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.webhook import MAX_PER_ALBUM
from support.api import Api, error_of
from support.faces import photo
from support.index import add
from support.webhook_receiver import Receiver, receiver, respond

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
UNKNOWN = "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"
URL = "https://hooks.example.org/photofinish"


@pytest.fixture
def race(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setenv("PHOTOFINISH_WEBHOOK_LOOPBACK", "true")
    add(api.cloud.index, photo("race/cam2/1.jpg"), [], [])
    return api


@pytest.fixture
def app() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture(params=["/albums/race/webhooks", "/webhooks"])
def path(request: pytest.FixtureRequest) -> str:
    where: str = request.param
    return where


def made(api: Api, path: str = "/albums/race/webhooks", **body: Any) -> dict[str, Any]:
    answer = api.call("POST", path, json={"url": URL} | body)
    assert answer.status_code == 201, answer.get_json()
    found: dict[str, Any] = answer.get_json()
    return found


def record(api: Api, *numbers: int, **fields: Any) -> None:
    for number in numbers:
        at = NOON + timedelta(minutes=number)
        told = AlbumEvent(id=fact_id(number), type=EventType.PHOTO_DONE, album="race", occurred_at=at, **fields)
        api.cloud.event_log.append([told])


def deliver(api: Api) -> None:
    """What the function `deliver_webhooks` does with all messages."""
    cloud = api.cloud
    messages = cloud.webhook_messages
    assert isinstance(messages, MemoryWebhookMessages)
    WebhookRelay(cloud.event_log, cloud.webhooks, cloud.webhook_deliveries, messages).run()
    keys = cloud.webhook_settings.webhook_key
    deliverer = WebhookDeliverer(
        cloud.webhook_deliveries, PinnedSender(timeout_s=5), messages, keys, allow_loopback=True
    )
    while messages.announced:
        deliverer.deliver(messages.announced.pop(0))


def test_a_webhook_is_added_shown_changed_and_removed(race: Api, path: str) -> None:
    added = made(race, path, event_types=["photo.done"], filter={"folder": "/cam2/"}, description="the app")["webhook"]
    assert added["album"] == ("race" if "race" in path else None)
    assert (added["event_types"], added["filter"]["folder"], added["enabled"]) == (["photo.done"], "cam2", True)
    one = f"{path}/{added['webhook_id']}"
    assert race.call("GET", one).get_json() == added
    assert race.call("GET", path).get_json() == {"webhooks": [added]}
    changed = race.call("PATCH", one, json={"description": "", "event_types": None}).get_json()
    assert (changed["description"], changed["event_types"], changed["filter"]["folder"]) == ("", None, "cam2")
    off = race.call("PATCH", one, json={"enabled": False}).get_json()
    assert (off["enabled"], off["disabled_reason"]) == (False, "requested")
    assert race.call("PATCH", one, json={"enabled": True, "filter": {}}).get_json()["filter"]["folder"] is None
    assert race.call("DELETE", one).status_code == 204
    assert error_of(race.call("GET", one)) == (404, "unknown_webhook")


def test_secrets_are_shown_once_and_replaced_without_a_break(race: Api, app: Receiver, path: str) -> None:
    first = made(race, path, url=app.url)
    one = f"{path}/{first['webhook']['webhook_id']}"
    second = race.call("POST", f"{one}/secrets")
    assert second.status_code == 201
    assert first["secret"] != second.get_json()["secret"]
    assert error_of(race.call("POST", f"{one}/secrets")) == (409, "too_many_secrets")
    record(race, 1)
    deliver(race)
    [request] = app.received
    for secret in (first["secret"], second.get_json()["secret"]):
        Verifier(secret).verify(request.body, request.headers)
        assert secret[6:] not in race.call("GET", one).text
    old, new = (version["secret_id"] for version in race.call("GET", one).get_json()["secrets"])
    assert race.call("DELETE", f"{one}/secrets/{old}").status_code == 204
    assert error_of(race.call("DELETE", f"{one}/secrets/{new}")) == (409, "last_secret")
    assert error_of(race.call("DELETE", f"{one}/secrets/{old}")) == (404, "unknown_webhook")


def test_a_webhook_with_a_key_pair_shows_its_public_keys_and_replaces_them(race: Api, app: Receiver, path: str) -> None:
    added = made(race, path, url=app.url, signature="v1a")
    one = f"{path}/{added['webhook']['webhook_id']}"
    assert (added["secret"], added["webhook"]["signature"]) == (None, "v1a")
    both = race.call("POST", f"{one}/secrets").get_json()["webhook"]["secrets"]
    assert race.call("GET", one).get_json()["secrets"] == both
    record(race, 1)
    deliver(race)
    [request] = app.received
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    signatures = request.headers["webhook-signature"].split(" ")
    for secret, signature in zip(both, signatures, strict=True):
        key = Ed25519PublicKey.from_public_bytes(b64decode(secret["public_key"].removeprefix("whpk_")))
        key.verify(b64decode(signature.removeprefix("v1a,")), signed)
    assert race.call("DELETE", f"{one}/secrets/{both[0]['secret_id']}").status_code == 204
    record(race, 2)
    deliver(race)
    [alone] = app.received[1].headers["webhook-signature"].split(" ")
    assert alone.startswith("v1a,")


def test_a_key_pair_whose_key_the_deployment_lost_is_shown_without_it(race: Api) -> None:
    one = f"/albums/race/webhooks/{made(race, signature='v1a')['webhook']['webhook_id']}"
    with race.database.transaction() as conn:
        conn.execute("UPDATE webhook_secret SET key_id = 'removed'")
    assert [secret["public_key"] for secret in race.call("GET", one).get_json()["secrets"]] == [None]


def test_a_repeated_request_adds_no_second_webhook_and_shows_no_secret(race: Api) -> None:
    path, key = "/albums/race/webhooks", {"Idempotency-Key": "k1"}
    first, second = (race.call("POST", path, json={"url": URL}, headers=key) for _ in range(2))
    assert first.get_json()["secret"] is not None
    assert second.get_json() == first.get_json() | {"secret": None}
    assert len(race.call("GET", path).get_json()["webhooks"]) == 1
    with race.database.transaction() as conn:
        [content] = conn.execute("SELECT content FROM kept_answer").fetchone() or ("",)
    assert "whsec_" not in content


def test_deliveries_tell_the_request_the_answer_and_the_time(race: Api, app: Receiver, path: str) -> None:
    app.respond = respond(500, b"out of order")
    one = f"{path}/{made(race, path, url=app.url)['webhook']['webhook_id']}"
    record(race, 1, folder="cam2")
    deliver(race)
    [delivery] = race.call("GET", f"{one}/deliveries?state=pending").get_json()["deliveries"]
    assert (delivery["message_id"], delivery["type"]) == (str(fact_id(1)), "photofinish.photo.done")
    assert (delivery["attempts"], delivery["next_attempt_at"] > delivery["started_at"]) == (1, True)
    details = race.call("GET", f"{one}/deliveries/{delivery['delivery_id']}").get_json()
    assert details["body"].encode() == app.received[0].body
    [attempt] = details["attempts"]
    assert (attempt["status"], attempt["answer"], attempt["url"]) == (500, "out of order", app.url)
    assert race.call("GET", one).get_json()["failing_since"] is not None
    app.respond = respond()
    again = race.call("POST", f"{one}/deliveries/{delivery['delivery_id']}/replay")
    assert (again.status_code, again.get_json()["state"]) == (202, "pending")
    deliver(race)
    assert [len(set(app.ids)), len(app.ids)] == [1, 2], "the same id"
    assert race.call("GET", f"{one}/deliveries?state=delivered").get_json()["deliveries"] != []


def test_pages_of_deliveries(race: Api, app: Receiver) -> None:
    one = f"/albums/race/webhooks/{made(race, url=app.url)['webhook']['webhook_id']}"
    record(race, 1, 2, 3)
    deliver(race)
    first = race.call("GET", f"{one}/deliveries?limit=2").get_json()
    second = race.call("GET", f"{one}/deliveries?limit=2&cursor={first['next_cursor']}").get_json()
    assert [len(page["deliveries"]) for page in (first, second)] == [2, 1]
    assert second["next_cursor"] is None
    assert error_of(race.call("GET", f"{one}/deliveries?cursor={first['next_cursor']}&state=failed"))[0] == 422
    assert error_of(race.call("GET", f"{one}/deliveries/999999")) == (404, "unknown_delivery")


def test_a_test_is_delivered_and_tells_what_came_back(race: Api, app: Receiver, path: str) -> None:
    one = f"{path}/{made(race, path, url=app.url)['webhook']['webhook_id']}"
    answer = race.call("POST", f"{one}/test")
    assert (answer.status_code, answer.get_json()["type"]) == (202, "photofinish.webhook.test")
    deliver(race)
    details = race.call("GET", f"{one}/deliveries/{answer.get_json()['delivery_id']}").get_json()
    assert (details["delivery"]["state"], details["attempts"][0]["status"]) == ("delivered", 204)


def test_a_range_of_time_is_replayed(race: Api, app: Receiver, path: str) -> None:
    record(race, 1, 2, 3)
    one = f"{path}/{made(race, path, url=app.url)['webhook']['webhook_id']}"
    deliver(race)
    assert app.received == []
    body = {"occurred_from": "2026-05-01T12:02:00Z", "occurred_before": "2026-05-01T12:03:00Z"}
    answer = race.call("POST", f"{one}/replay", json=body)
    assert (answer.status_code, answer.get_json()) == (202, {"deliveries": 1, "next_cursor": None})
    deliver(race)
    assert app.ids == [str(fact_id(2))]


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ({"url": "http://example.org/"}, (422, "url_not_allowed"), "https"),
        ({"url": "https://10.0.0.1/"}, (422, "url_not_allowed"), "public"),
        ({"url": "https://user:secret@example.org/"}, (422, "url_not_allowed"), "user name"),
        ({"url": "https://metadata.google.internal/"}, (422, "url_not_allowed"), "private"),
        ({"event_types": ["photo.finished"]}, (400, "bad_request"), "event_types"),
        ({"event_types": []}, (400, "bad_request"), "event_types"),
        ({"filter": {"photographer": "x"}}, (400, "bad_request"), "photographer"),
        ({"filter": {"photo_id": "1"}}, (400, "bad_request"), "photo id"),
        ({"signature": "v2"}, (400, "bad_request"), "signature"),
        ({"secret": "mine"}, (400, "bad_request"), "secret"),
        ({"description": "x" * 201}, (400, "bad_request"), "description"),
    ],
)
def test_what_is_refused_says_why(race: Api, body: dict[str, Any], error: tuple[int, str], words: str) -> None:
    answer = race.call("POST", "/albums/race/webhooks", json={"url": URL} | body)
    assert error_of(answer) == error
    assert words in answer.get_json()["error"]["message"]
    assert "user:secret" not in answer.text
    assert race.call("GET", "/albums/race/webhooks").get_json()["webhooks"] == []


def test_this_machine_is_refused_without_the_setting(api: Api) -> None:
    answer = api.call("POST", "/webhooks", json={"url": "http://localhost:8000/"})
    assert error_of(answer) == (422, "url_not_allowed")


def test_too_many_webhooks(race: Api) -> None:
    for _ in range(MAX_PER_ALBUM):
        made(race)
    answer = race.call("POST", "/albums/race/webhooks", json={"url": URL})
    assert error_of(answer) == (409, "too_many_webhooks")


def test_only_admins_of_the_album_or_of_all_albums(race: Api) -> None:
    webhook_id = made(race)["webhook"]["webhook_id"]
    of_race = race.key_for(Scope.ADMIN, frozenset({"race"}))
    of_other = race.key_for(Scope.ADMIN, frozenset({"other"}))
    writer = race.key_for(Scope.WRITE)
    one = f"/albums/race/webhooks/{webhook_id}"
    assert race.call("GET", one, key=of_race).status_code == 200
    assert race.call("GET", one, key=of_other).status_code == 404
    assert race.call("GET", one, key=writer).status_code == 403
    assert race.call("GET", "/webhooks", key=of_race).status_code == 403
    assert race.call("GET", f"/webhooks/{webhook_id}").status_code == 404, "it is of the album"
    assert race.call("GET", f"/albums/race/webhooks/{UNKNOWN}").status_code == 404


def test_the_audit_has_ids_and_no_urls(race: Api) -> None:
    webhook_id = made(race)["webhook"]["webhook_id"]
    entry = race.audit()[-1]
    assert (entry[1], entry[2], entry[3], entry[4]) == ("add_webhook", "race", webhook_id, "201")


def test_what_requests_change_is_relayed_at_once(race: Api) -> None:
    messages = race.cloud.webhook_messages
    assert isinstance(messages, MemoryWebhookMessages)
    before = messages.nudges
    assert race.call("PUT", "/albums/race/access", json={"users_may_search": True}).status_code == 200
    assert messages.nudges == before + 1
    assert race.call("GET", "/albums/race/access").status_code == 200
    assert race.search("race", bib="42").status_code == 200
    assert race.call("PUT", "/albums/race/access", json={"users_may_search": "?"}).status_code == 400
    assert messages.nudges == before + 1, "reading and refusals record nothing"
