"""Keys are made, listed and revoked, and the audit is read, through the real API on a real Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from photofinish.domain.access import PresentedKey, Scope
from support.api import Api, error_of
from support.faces import bib, photo
from support.index import add

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
APP = {"label": "Spring 10k app", "albums": ["race"]}


@pytest.fixture
def race(api: Api) -> Api:
    add(api.cloud.index, photo("race/1.jpg"), [], [bib("42")])
    return api


def create(api: Api, key: str | None = None, **body: Any) -> TestResponse:
    return api.call("POST", "/keys", key=key, json=APP | body)


def created(api: Api, **body: Any) -> dict[str, Any]:
    answer = create(api, **body)
    assert answer.status_code == 201, answer.get_json()
    made: dict[str, Any] = answer.get_json()
    return made


class TestKeys:
    def test_a_made_key_may_do_what_it_was_made_for_until_it_is_revoked(self, race: Api) -> None:
        made = created(race)
        assert race.call("GET", "/albums/race/bibs/42", key=made["key"]).status_code == 200
        assert error_of(race.call("GET", "/albums/other/bibs/42", key=made["key"])) == (404, "unknown_album")
        assert error_of(race.call("DELETE", "/albums/race", key=made["key"])) == (403, "forbidden")
        assert race.call("DELETE", f"/keys/{made['key_id']}").status_code == 204
        fresh = race.cloud.access.find_key(made["key_id"])  # instances that used it notice within seconds
        assert fresh is not None
        assert fresh.revoked_at is not None

    def test_its_secret_is_in_one_answer_and_stored_nowhere(self, race: Api) -> None:
        headers = {"Idempotency-Key": "make-one"}
        first, again = (race.call("POST", "/keys", json=APP, headers=headers) for _ in range(2))
        assert again.get_json() == first.get_json() | {"key": None}
        presented = PresentedKey.parse(first.get_json()["key"])
        assert presented is not None
        listed = race.call("GET", "/keys")
        assert presented.secret not in listed.text
        [shown] = [key for key in listed.get_json()["keys"] if key["key_id"] == presented.key_id]
        assert shown == {name: value for name, value in first.get_json().items() if name != "key"}
        with race.database.transaction() as conn:
            stored = conn.execute("SELECT api_key::text FROM api_key UNION ALL SELECT content FROM kept_answer")
            assert presented.secret not in str(stored.fetchall())

    def test_everything_about_it_is_as_asked_for(self, race: Api) -> None:
        ends = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
        made = created(
            race,
            label=" Backend ",
            albums=None,
            scope="admin",
            rate={"per_second": 0.5, "burst": 9},
            expires_at=ends.isoformat(),
            vectors=True,
        )
        assert (made["label"], made["albums"], made["scope"], made["vectors"]) == ("Backend", None, "admin", True)
        assert made["rate"] == {"per_second": 0.5, "burst": 9}
        assert datetime.fromisoformat(made["expires_at"]) == ends
        assert created(race, never_expires=True)["expires_at"] is None
        in_a_year = datetime.fromisoformat(created(race)["expires_at"]) - datetime.now(UTC)
        assert timedelta(days=364) < in_a_year < timedelta(days=366)

    def test_what_cannot_be_meant_makes_nothing(self, race: Api) -> None:
        before = len(race.cloud.access.list_keys())
        for body, code in (
            ({"label": "  "}, (422, "invalid_value")),
            ({"label": "a\nb"}, (422, "invalid_value")),
            ({"albums": []}, (422, "invalid_value")),
            ({"albums": ["two\nlines"]}, (422, "invalid_value")),
            ({"albums": "race"}, (400, "bad_request")),
            ({"scope": "owner"}, (400, "bad_request")),
            ({"expires_at": "2026-01-01T00:00:00Z"}, (422, "invalid_value")),
            ({"expires_at": "9999-12-31T23:59:59-12:00"}, (422, "invalid_value")),
            ({"expires_at": "2036-01-01T00:00:00Z", "never_expires": True}, (422, "invalid_value")),
            ({"rate": {"per_second": 0, "burst": 1}}, (400, "bad_request")),
        ):
            assert error_of(create(race, **body)) == code, body
        assert len(race.cloud.access.list_keys()) == before

    def test_albums_must_be_named_or_null(self, race: Api) -> None:
        answer = race.call("POST", "/keys", json={"label": "x"})
        assert error_of(answer) == (400, "bad_request")

    def test_an_unknown_key_cannot_be_revoked(self, race: Api) -> None:
        assert error_of(race.call("DELETE", "/keys/aaaaaaaaaaaaaaaa")) == (404, "unknown_key")
        assert error_of(race.call("DELETE", "/keys/not-an-id")) == (400, "bad_request")

    def test_only_administrators_of_all_albums_do_any_of_this(self, race: Api) -> None:
        others = [
            race.key_for(Scope.SEARCH),
            race.key_for(Scope.WRITE),
            race.key_for(Scope.ADMIN, frozenset({"race"})),
        ]
        victim = race.key.split("_")[1]
        for key in others:
            for method, path in (("GET", "/keys"), ("POST", "/keys"), ("DELETE", f"/keys/{victim}"), ("GET", "/audit")):
                assert error_of(race.call(method, path, key=key, json=APP)) == (403, "forbidden"), path
        assert race.call("GET", "/keys").status_code == 200

    def test_rights_to_vectors_are_only_given_by_who_has_them(self, race: Api) -> None:
        plain = race.key_for(Scope.ADMIN)
        assert error_of(create(race, plain, vectors=True)) == (403, "vectors_not_allowed")
        client = race.client
        assert client.post("/v1/sessions", json={"api_key": race.key}, headers=SAME_ORIGIN).status_code == 200
        by_page = client.post("/v1/keys", json=APP | {"vectors": True}, headers=SAME_ORIGIN)
        assert error_of(by_page) == (403, "vectors_not_allowed"), "a session never uses vectors"

    def test_a_page_of_another_site_makes_no_key_with_the_cookie(self, race: Api) -> None:
        client = race.client
        client.post("/v1/sessions", json={"api_key": race.key}, headers=SAME_ORIGIN)
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {}):
            assert error_of(client.post("/v1/keys", json=APP, headers=headers)) == (403, "cross_site")
        assert client.post("/v1/keys", json=APP, headers=SAME_ORIGIN).status_code == 201


class TestAudit:
    def test_it_is_read_from_the_newest_entry_page_by_page(self, race: Api) -> None:
        for number in ("1", "2", "3"):
            race.call("GET", f"/albums/race/bibs/{number}", headers={"X-Request-Id": f"request-{number}"})
        first = race.call("GET", "/audit?limit=2").get_json()
        assert [entry["request_id"] for entry in first["entries"]] == ["request-3", "request-2"]
        assert first["entries"][0] | {"at": None} == {
            "at": None,
            "principal": "key",
            "principal_id": race.key.split("_")[1],
            "action": "search_bib",
            "album": "race",
            "target": None,
            "outcome": "200",
            "network": "127.0.0.0/24",
            "count": 0,
            "request_id": "request-3",
        }
        rest = race.call("GET", f"/audit?limit=2&cursor={first['next_cursor']}").get_json()
        assert [entry["request_id"] for entry in rest["entries"]] == ["request-1"]
        assert rest["next_cursor"] is None, "what was read since is not on it"

    def test_it_is_filtered(self, race: Api) -> None:
        key_id = created(race)["key_id"]
        race.call("GET", "/albums/race/bibs/42")
        race.call("GET", "/albums/race/photos/" + "0" * 32)

        def actions(**query: str) -> list[str]:
            answer = race.call("GET", "/audit", query_string=query)
            assert answer.status_code == 200, answer.get_json()
            return [entry["action"] for entry in answer.get_json()["entries"]]

        assert actions(album="race") == ["show_photo", "search_bib"]
        assert actions(action="create_key") == ["create_key"]
        assert actions(target=key_id) == ["create_key"]
        assert actions(principal_id="another") == []
        assert actions(until="2026-01-01T00:00:00Z") == []
        assert "search_bib" in actions(since="2026-01-01T00:00:00Z")

    def test_a_cursor_is_only_valid_for_its_filters(self, race: Api) -> None:
        for _ in range(2):
            race.call("GET", "/albums/race/bibs/42")
        cursor = race.call("GET", "/audit?album=race&limit=1").get_json()["next_cursor"]
        assert error_of(race.call("GET", f"/audit?limit=1&cursor={cursor}")) == (422, "invalid_query")

    def test_what_is_no_query_is_refused(self, race: Api) -> None:
        for query in ("until=0.5", "since=2026-05-01", "since=2026-05-01T10:00:00", "limit=0", "luck=1", "target=%00"):
            assert error_of(race.call("GET", f"/audit?{query}")) == (400, "bad_request"), query
