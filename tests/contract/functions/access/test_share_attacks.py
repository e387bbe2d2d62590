"""Share links and cookies of pages under attack: revoked, expired, guessed, of another album, from another site."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from photofinish.adapters.memory.shares import MemorySessions, MemoryShares
from photofinish.application.sharing import create_share
from photofinish.domain.access import RateLimit, Scope
from photofinish.domain.album_card import Downloads
from photofinish.domain.shares import Share, ShareMay
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.refusals import RateLimited, WrongPin
from photofinish_functions.access.share_links import WRONG_PINS_PER_NETWORK, WRONG_PINS_PER_SHARE, ShareLinks
from photofinish_functions.api.app import make_app
from photofinish_functions.api.document import complete_document, operations
from support.access import Clock
from support.api import Api, error_of
from support.faces import bib, photo
from support.index import add

PIN, WRONG = "204816", "204817"
OTHER_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.org"}
VISITORS_MAY = {
    *("list_albums", "show_album", "search", "search_bib"),
    *("give_feedback", "show_session", "end_session"),
    *("create_download", "download_photo", "opt_out_myself"),
    *("subscribe", "list_subscriptions", "show_subscription", "end_subscription"),
}

BY_SECRET_LINK = {"fetch_download"}


class Buckets:
    """Those of an AccessStore at one moment, in which nothing is regained."""

    def __init__(self) -> None:
        self.used_s: Counter[str] = Counter()

    def take(self, bucket: str, limit: RateLimit) -> float:
        if self.used_s[bucket] >= limit.burst:
            return 1.0
        self.used_s[bucket] += 1
        return 0.0

    def charge(self, bucket: str, cost_s: float, *, budget_s: float) -> float:
        """Only one attempt is ever given back."""
        assert -cost_s <= budget_s
        self.used_s[bucket] -= 1
        return 0.0


class Sharing:
    """An API without caches, whose clock tests move, and shares of its album."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.clock = Clock()
        cloud = api.cloud
        gate = Gate(
            cloud.access,
            cloud.access_settings,
            sessions=cloud.sessions,
            shares=cloud.shares,
            keep_s=0,
            now=self.clock,
        )
        self.app = make_app(cloud, lambda: gate)

    def share(self, pin: str | None = None, may: ShareMay = ShareMay.FIND) -> tuple[Share, str]:
        share, token = create_share(
            self.api.cloud.shares,
            "race",
            label=None,
            may=may,
            downloads=Downloads.WEB,
            pin=pin,
            expires_at=self.clock.now + timedelta(days=1),
            now=self.clock.now,
        )
        return share, token.text

    def open(
        self, token: str, pin: str | None = None, client: FlaskClient | None = None, **request: Any
    ) -> TestResponse:
        body = {"token": token} | ({} if pin is None else {"pin": pin})
        return (client or self.app.test_client()).post("/v1/shares/open", json=body, **request)

    def visitor(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.open(token).get_json()['session_token']}"}

    def get(self, headers: dict[str, str], path: str = "/v1/albums/race/bibs/42") -> TestResponse:
        return self.app.test_client().get(path, headers=headers)


@pytest.fixture
def sharing(api: Api) -> Sharing:
    add(api.cloud.index, photo("race/1.jpg"), [], [bib("42")])
    return Sharing(api)


def test_a_revoked_link_opens_nothing_and_its_sessions_end(sharing: Sharing) -> None:
    share, token = sharing.share()
    visitor = sharing.visitor(token)
    assert sharing.get(visitor).status_code == 200
    assert sharing.api.call("DELETE", f"/albums/race/shares/{share.share_id}").status_code == 204
    assert error_of(sharing.get(visitor)) == (401, "unauthorized")
    refused = sharing.open(token)
    assert error_of(refused) == (401, "unknown_share")
    assert "withdrawn" in refused.get_json()["error"]["message"]


def test_an_expired_link_opens_nothing_and_its_sessions_end(sharing: Sharing) -> None:
    _, token = sharing.share()
    visitor = sharing.visitor(token)
    sharing.clock.advance(timedelta(days=1).total_seconds())
    assert error_of(sharing.get(visitor)) == (401, "unauthorized")
    assert "expired" in sharing.open(token).get_json()["error"]["message"]


def test_a_session_lasts_a_week_at_most(sharing: Sharing) -> None:
    key = sharing.api.key_for(Scope.ADMIN)
    client = sharing.app.test_client()
    client.post("/v1/sessions", json={"api_key": key})
    assert client.get("/v1/albums/race").status_code == 200
    sharing.clock.advance(timedelta(hours=12).total_seconds())
    assert error_of(client.get("/v1/albums/race")) == (401, "unauthorized")


def test_the_session_of_a_revoked_key_ends(sharing: Sharing) -> None:
    key = sharing.api.key_for(Scope.ADMIN)
    client = sharing.app.test_client()
    client.post("/v1/sessions", json={"api_key": key})
    assert client.get("/v1/albums/race/people").status_code == 200
    sharing.api.cloud.access.revoke_key(key.split("_")[1])
    assert error_of(client.get("/v1/albums/race/people")) == (401, "unauthorized")


def test_the_session_of_a_key_may_not_use_vectors(sharing: Sharing) -> None:
    key = sharing.api.key_for(Scope.ADMIN, may_use_vectors=True)
    client = sharing.app.test_client()
    client.post("/v1/sessions", json={"api_key": key})
    answer = client.post("/v1/rerank", json={}, headers={"Sec-Fetch-Site": "same-origin"})
    assert error_of(answer) == (403, "vectors_not_allowed")


@pytest.mark.parametrize(
    "headers", [OTHER_SITE, {"Origin": "https://evil.example.org"}, {}], ids=["fetch", "form", "none"]
)
def test_a_page_of_another_site_changes_nothing_with_the_cookie(sharing: Sharing, headers: dict[str, str]) -> None:
    client = sharing.app.test_client()
    client.post("/v1/sessions", json={"api_key": sharing.api.key_for(Scope.ADMIN)})
    for method, path in (("PUT", "/v1/albums/race"), ("DELETE", "/v1/albums/race"), ("DELETE", "/v1/sessions")):
        answer = client.open(path, method=method, json={}, headers=headers)
        assert error_of(answer) == (403, "cross_site"), (method, path)
    assert client.get("/v1/albums/race", headers=headers).status_code == 200
    from_own = client.put("/v1/albums/race", json={}, headers={"Origin": "http://localhost"})
    assert from_own.status_code == 200


def test_a_page_of_another_site_signs_no_visitor_in(sharing: Sharing) -> None:
    _, token = sharing.share()
    opened = sharing.open(token, headers=OTHER_SITE)
    assert opened.get_json()["session_token"], "an app of another origin may go on with the token"
    assert "Set-Cookie" not in opened.headers
    body = {"api_key": sharing.api.key_for(Scope.ADMIN)}
    answer = sharing.app.test_client().post("/v1/sessions", json=body, headers=OTHER_SITE)
    assert error_of(answer) == (403, "cross_site")


@pytest.mark.parametrize("cookie", ["photofinish", "__Host-photofinish"])
def test_a_cookie_is_a_session_or_nothing(sharing: Sharing, cookie: str) -> None:
    client = sharing.app.test_client()
    client.set_cookie(cookie, sharing.api.key_for(Scope.ADMIN))
    assert error_of(client.get("/v1/albums/race")) == (401, "unauthorized")


def test_off_this_machine_only_a_cookie_counts_that_no_subdomain_can_set(sharing: Sharing) -> None:
    client = sharing.app.test_client()
    host = "https://photos.example.org"
    opened = client.post("/v1/shares/open", json={"token": sharing.share()[1]}, base_url=host)
    [cookie] = opened.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-photofinish=")
    assert "Secure" in cookie
    token = opened.get_json()["session_token"]
    planted = sharing.app.test_client().get(
        "/v1/albums/race", base_url=host, headers={"Cookie": f"photofinish={token}"}
    )
    assert error_of(planted) == (401, "unauthorized")


def test_visitors_may_do_what_is_listed_here_and_nothing_else(sharing: Sharing) -> None:
    """Every operation of the OpenAPI document, in the album of the link."""
    visitor = sharing.visitor(sharing.share()[1])
    tried = 0
    for path, method, operation in operations(complete_document(sharing.app.api_doc, sharing.app)):
        if operation["operationId"] in VISITORS_MAY | BY_SECRET_LINK or not operation.get("security"):
            continue
        filled = re.sub(r"{(\w+)}", lambda name: "race" if name[1] == "album" else "0" * 32, path)
        answer = sharing.app.test_client().open(filled, method=method, headers=visitor, json={})
        assert answer.status_code == 403, (method, path, answer.get_json())
        tried += 1
    assert tried > 60


def test_ten_thousand_wrong_pins_are_a_few_attempts() -> None:
    """From a hundred networks at one moment, one of which then tries the right one."""
    shares = MemoryShares(MemorySessions())
    now = datetime.now(UTC)
    _, token = create_share(
        shares,
        "race",
        label=None,
        may=ShareMay.FIND,
        downloads=Downloads.WEB,
        pin=PIN,
        expires_at=now + timedelta(days=1),
        now=now,
    )
    links = ShareLinks(shares, Buckets(), now=lambda: now)  # type: ignore[arg-type]
    outcomes: Counter[type[Exception]] = Counter()
    for attempt in range(10_000):
        with pytest.raises((WrongPin, RateLimited)) as refused:
            links.open(token.text, WRONG, f"network {attempt % 100}")
        outcomes[refused.type] += 1
    assert outcomes == {WrongPin: WRONG_PINS_PER_SHARE.burst, RateLimited: 10_000 - WRONG_PINS_PER_SHARE.burst}
    with pytest.raises(RateLimited):
        links.open(token.text, PIN, "network 1")


def test_wrong_pins_at_once_are_counted_one_by_one(sharing: Sharing) -> None:
    """By the real store, from threads, as by instances that know nothing of each other."""
    _, token = sharing.share(PIN)
    cloud = sharing.api.cloud

    def attempt(_: int) -> bool:
        links = ShareLinks(cloud.shares, cloud.access, now=lambda: datetime.now(UTC))
        try:
            links.open(token, WRONG, "venue")
        except WrongPin:
            return True
        except RateLimited:
            return False
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        compared = sum(pool.map(attempt, range(16)))
    assert compared == WRONG_PINS_PER_NETWORK.burst


def test_a_right_pin_is_not_counted(sharing: Sharing) -> None:
    _, token = sharing.share(PIN)
    links = ShareLinks(sharing.api.cloud.shares, sharing.api.cloud.access, now=lambda: datetime.now(UTC))
    for _ in range(WRONG_PINS_PER_NETWORK.burst + 1):
        links.open(token, PIN, "venue")
    for _ in range(WRONG_PINS_PER_NETWORK.burst):
        with pytest.raises(WrongPin):
            links.open(token, WRONG, "venue")
    with pytest.raises(RateLimited):
        links.open(token, PIN, "venue")
    assert links.open(token, PIN, "elsewhere").share.album == "race"


def test_wrong_pins_are_audited_with_the_album_and_without_the_pin(sharing: Sharing) -> None:
    share, token = sharing.share(PIN)
    assert error_of(sharing.open(token)) == (401, "pin_required")
    assert error_of(sharing.open(token, WRONG)) == (401, "wrong_pin")
    assert error_of(sharing.open("a" * 32)) == (401, "unknown_share")
    assert sharing.open(token, PIN).status_code == 200
    assert [entry[:5] for entry in sharing.api.audit()] == [
        (share.share_id, "open_share", "race", None, "401 pin_required"),
        (share.share_id, "open_share", "race", None, "401 wrong_pin"),
        ("", "authenticate", None, None, "401 unauthorized"),
        (share.share_id, "open_share", "race", share.share_id, "200"),
    ]
