"""What all routes of the API have in common: keys, audit, limits, request ids, headers, CORS, errors."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.exceptions import BadGateway

from photofinish.adapters.memory.failing import fail_once
from photofinish.adapters.postgres.database import Database
from photofinish.domain.access import RateLimit, Scope
from photofinish.errors import Misconfigured
from photofinish.settings import ApiSettings
from photofinish.wiring import App
from photofinish_functions.api.browsers import is_allowed
from support.api import ORIGIN, Api, app_of, error_of
from support.faces import bib, photo
from support.index import add
from support.logs import captured_log

OPEN = {
    ("GET", "/v1/health"),
    ("GET", "/v1/ready"),
    ("GET", "/v1/openapi.json"),
    ("GET", "/v1/pictures/link"),
    ("GET", "/v1/downloads/token"),
    ("GET", "/v1/docs"),
    ("GET", "/v1/docs/start.js"),
    ("GET", "/v1/docs/swagger-ui.css"),
    ("GET", "/v1/docs/swagger-ui.js"),
    ("POST", "/v1/shares/open"),
    ("POST", "/v1/sessions"),
    ("GET", "/v1/subscription-links/link"),
    ("POST", "/v1/subscription-links/link"),
}
PHOTO = photo("race/IMG_1.jpg")


@pytest.fixture
def race(api: Api) -> Api:
    add(api.cloud.index, PHOTO, [], [bib("42")])
    return api


def path_of(rule: str) -> str:
    """A path that matches the rule."""
    for parameter, value in {
        "<album>": "race",
        "<number>": "42",
        "<photo_id>": PHOTO.photo_id,
    }.items():
        rule = rule.replace(parameter, value)
    return rule.replace("<", "").replace(">", "")


def routes(api: Api) -> list[tuple[str, str]]:
    """Method and path of every route of the API; pages have no data."""
    return [
        (method, path_of(rule.rule))
        for rule in api.app.url_map.iter_rules()
        if rule.rule.startswith("/v1/")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


class TestKeys:
    def test_every_route_needs_a_key(self, race: Api) -> None:
        guarded = [(method, path) for method, path in routes(race) if (method, path) not in OPEN]
        assert len(guarded) >= 10
        changed = race.key[:-1] + ("b" if race.key.endswith("a") else "a")
        for method, path in guarded:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-Api-Key": changed}):
                answer = race.client.open(path, method=method, headers=headers)
                assert error_of(answer) == (401, "unauthorized"), (method, path)
                assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_either_header_works(self, race: Api) -> None:
        for headers in ({"X-Api-Key": race.key}, {"Authorization": f"bearer {race.key}"}):
            assert race.client.get("/v1/albums/race/bibs/42", headers=headers).status_code == 200

    def test_other_albums_are_answered_like_unknown_ones(self, race: Api) -> None:
        add(race.cloud.index, photo("secret/1.jpg"), [], [bib("42")])
        key = race.key_for(albums=frozenset({"race"}))
        assert race.call("GET", "/albums/race/bibs/42", key=key).status_code == 200
        for method, path in routes(race):
            if "/albums/race" not in path:
                continue
            answers = []
            for album in ("secret", "nowhere", "%22%00"):
                answer = race.client.open(
                    path.replace("race", album), method=method, json={}, headers={"X-Api-Key": key}
                )
                assert error_of(answer) == (404, "unknown_album"), (method, path, album)
                answers.append(answer.get_json()["error"]["message"])
            assert len(set(answers)) == 1

    def test_routes_without_an_album_need_a_key_of_all_albums(self, race: Api) -> None:
        key = race.key_for(albums=frozenset({"race"}))
        for path in ("/compare", "/embeddings", "/rerank"):
            assert error_of(race.call("POST", path, key=key, json={})) == (403, "forbidden")

    def test_each_key_lists_its_albums(self, race: Api) -> None:
        add(race.cloud.index, photo("secret/1.jpg"), [], [bib("42")])

        def listed(key: str | None, **query: Any) -> Any:
            answer = race.call("GET", "/albums", key=key, query_string=query).get_json()
            return [album["album"] for album in answer["albums"]], answer["next_cursor"], answer["next_after"]

        assert listed(None) == (["race", "secret"], None, None)
        assert listed(race.key_for(albums=frozenset({"race", "nowhere"}))) == (["race"], None, None)
        assert listed(race.key_for(albums=frozenset())) == ([], None, None)
        names, cursor, after = listed(None, limit=1)
        assert (names, after) == (["race"], "race")
        assert listed(None, limit=1, cursor=cursor) == (["secret"], None, None)
        assert listed(None, limit=1, after=after) == (["secret"], None, None)

    def test_a_cursor_is_only_valid_for_its_own_list(self, race: Api) -> None:
        add(race.cloud.index, photo("secret/1.jpg"), [], [bib("42")])
        cursor = race.call("GET", "/albums?limit=1").get_json()["next_cursor"]
        for path in (
            f"/albums/race/people?cursor={cursor}",
            f"/albums/race/people-operations?cursor={cursor}",
            f"/albums/race/photos?cursor={cursor}",
            f"/albums?cursor={cursor}&after=race",
            "/albums?cursor=x",
        ):
            assert error_of(race.call("GET", path)) == (422, "invalid_query"), path

    def test_a_search_key_cannot_change_anything(self, race: Api) -> None:
        key = race.key_for(Scope.SEARCH)
        answer = race.call("PUT", "/albums/race/access", key=key, json={"users_may_search": True})
        assert error_of(answer) == (403, "forbidden")

    def test_requests_above_the_rate_limit_are_refused(self, race: Api) -> None:
        key = race.key_for(rate=RateLimit(per_second=0.1, burst=2))
        answers = [race.call("GET", "/albums/race/bibs/42", key=key) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert error_of(answers[2]) == (429, "rate_limited")
        assert 1 <= int(answers[2].headers["Retry-After"]) <= 10


class TestAudit:
    def test_every_request_leaves_an_entry(self, race: Api) -> None:
        key = race.key_for(albums=frozenset({"race"}))
        key_id = key.split("_")[1]
        headers = {"X-Request-Id": "my-request-1"}
        race.call("GET", "/albums/race/bibs/42", key=key, headers=headers)
        race.search("race", key=key, bib="4711")
        race.call("GET", f"/albums/race/photos/{PHOTO.photo_id}", key=key)
        race.search("race", b"no picture", key=key)
        race.search("race", key=key, limit=-1)
        entries = race.audit()
        assert [entry[:5] for entry in entries] == [
            (key_id, "search_bib", "race", None, "200"),
            (key_id, "search", "race", None, "200"),
            (key_id, "show_photo", "race", PHOTO.photo_id, "404 unknown_photo"),
            (key_id, "search", "race", None, "422 not_a_picture"),
            (key_id, "search", "race", None, "400 bad_request"),
        ]
        assert [entry[6] for entry in entries[:2]] == [1, 0]
        assert entries[0][5] == "my-request-1"

    def test_refusals_are_recorded_and_repeated_ones_counted(self, race: Api) -> None:
        key = race.key_for(albums=frozenset({"race"}), rate=RateLimit(per_second=1e-6, burst=4))
        key_id = key.split("_")[1]
        for _ in range(2):
            race.call("PUT", "/albums/race/access", key=key, json={"users_may_search": True})
            race.call("GET", "/albums/wedding/bibs/42", key=key)
        for _ in range(5):
            race.call("GET", "/albums/race/bibs/42", key=key)
        race.client.get("/v1/albums/race/bibs/42", headers={"X-Api-Key": f"{key}x"})
        entries = [(*entry[:5], entry[6]) for entry in race.audit()]
        assert entries == [
            (key_id, "set_album_access", "race", None, "403 forbidden", 1),
            (key_id, "search_bib", "wedding", None, "404 unknown_album", 1),
            (key_id, "search_bib", "race", None, "429 rate_limited", 1),
            ("", "authenticate", None, None, "401 unauthorized", 1),
        ]

    def test_a_refusal_that_cannot_be_recorded_is_not_answered(self, race: Api) -> None:
        with race.database.transaction() as conn:
            conn.execute("ALTER TABLE audit_entry ADD CONSTRAINT full_up CHECK (false) NOT VALID")
        key = race.key_for(albums=frozenset({"race"}))
        assert error_of(race.call("GET", "/albums/wedding/bibs/42", key=key)) == (500, "internal")

    def test_without_an_entry_there_is_no_answer(self, race: Api) -> None:
        with race.database.transaction() as conn:
            conn.execute("ALTER TABLE audit_entry ADD CONSTRAINT full_up CHECK (action <> 'search_bib') NOT VALID")
        answer = race.call("GET", "/albums/race/bibs/42")
        assert error_of(answer) == (500, "internal")
        assert "IMG_1" not in answer.text


class TestRequestIds:
    def test_a_well_formed_id_is_kept(self, race: Api) -> None:
        answer = race.call("GET", "/albums", headers={"X-Request-Id": "0af7651916cd43dd8448eb211c80319c"})
        assert answer.headers["X-Request-Id"] == "0af7651916cd43dd8448eb211c80319c"

    @pytest.mark.parametrize("sent", ["", "short", "x" * 65, "has spaces in it", '"quoted-and-long"', "-starts-bad"])
    def test_any_other_id_is_replaced(self, race: Api, sent: str) -> None:
        given = [race.call("GET", "/albums", headers={"X-Request-Id": sent}).headers["X-Request-Id"] for _ in "12"]
        assert sent not in given
        assert len(set(given)) == 2

    def test_it_is_in_the_logs(self, race: Api) -> None:
        fail_once(race.cloud.index.reading, ZeroDivisionError("a bug"))
        with captured_log() as written:
            answer = race.call("GET", "/albums/race/bibs/42", headers={"X-Request-Id": "find-me-again"})
        assert error_of(answer) == (500, "internal")
        assert "a bug" not in answer.text
        assert '"request_id": "find-me-again"' in written.getvalue()
        assert "a bug" in written.getvalue()


class TestErrors:
    @pytest.mark.parametrize(
        ("method", "path", "expected"),
        [
            ("GET", "/nothing", (404, "unknown_path")),
            ("GET", "/albums/", (404, "unknown_path")),
            ("GET", "//albums", (404, "unknown_path")),
            ("GET", "/albums/race/bibs/42/", (404, "unknown_path")),
            ("PUT", "/albums/race/search", (405, "method_not_allowed")),
            ("DELETE", "/albums", (405, "method_not_allowed")),
            ("GET", "/albums/race/bibs/4%2F2", (404, "unknown_path")),
            ("GET", "/albums/race/bibs/%2742", (400, "bad_request")),
            ("GET", "/albums/race/photos/1", (400, "bad_request")),
            ("GET", "/albums/two%0Alines/bibs/42", (404, "unknown_album")),
            ("GET", "/albums?limit=0", (400, "bad_request")),
            ("GET", "/albums?after=a/b", (422, "invalid_value")),
            ("GET", "/albums?luck=1", (400, "bad_request")),
            ("POST", "/compare", (415, "unsupported_media_type")),
            ("POST", "/rerank", (415, "unsupported_media_type")),
        ],
    )
    def test_all_errors_have_the_same_form(self, race: Api, method: str, path: str, expected: tuple[int, str]) -> None:
        assert error_of(race.call(method, path)) == expected

    @pytest.mark.parametrize("name", ["two%0Alines", "..", "__race__", "x" * 256, "%00"])
    def test_who_may_make_an_album_learns_that_its_name_is_not_allowed(self, race: Api, name: str) -> None:
        rules = [rule for rule in race.app.url_map.iter_rules() if "<album>" in rule.rule]
        making = [rule for rule in rules if vars(race.app.view_functions[rule.endpoint])["guard"].makes_album]
        assert len(making) >= 7
        restricted = race.key_for(Scope.ADMIN, frozenset({"race"}))
        for rule in making:
            [method] = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            path = rule.rule.removeprefix("/v1").replace("<album>", name)
            answer = race.call(method, path, json={})
            assert error_of(answer) == (422, "album_name_not_allowed"), path
            assert "printable characters" in answer.get_json()["error"]["message"]
            assert error_of(race.call(method, path, key=restricted, json={})) == (404, "unknown_album"), path
        audited = {entry[1:5] for entry in race.audit()}
        assert ("set_album_card", None, None, "422 album_name_not_allowed") in audited

    def test_a_server_error_of_the_framework_is_logged(self, race: Api) -> None:
        fail_once(race.cloud.index.has_album, BadGateway("a bug"))
        with captured_log() as written:
            assert error_of(race.client.get("/v1/ready")) == (500, "internal")
        assert "a bug" in written.getvalue()

    def test_the_answer_to_a_wrong_method_lists_the_right_ones(self, race: Api) -> None:
        assert race.call("GET", "/compare").headers["Allow"] == "OPTIONS, POST"

    def test_an_unreachable_database_is_reported_without_details(
        self, race: Api, caplog: pytest.LogCaptureFixture
    ) -> None:
        cloud = App(race.cloud.settings)
        nowhere = "postgresql://me:hunter2@127.0.0.1:1/photofinish"
        cloud._database = Database(nowhere, connection_timeout_s=0.2)
        client = app_of(cloud).test_client()
        for path in ("/v1/albums/race/bibs/42", "/v1/ready"):
            answer = client.get(path, headers={"X-Api-Key": race.key})
            assert error_of(answer) == (503, "unavailable")
            assert int(answer.headers["Retry-After"]) > 0
            assert "127.0.0.1" not in answer.text
        assert client.get("/v1/health").status_code == 200
        cloud._database.close()
        assert "hunter2" not in caplog.text

    def test_it_is_ready_when_the_database_answers(self, race: Api) -> None:
        assert race.client.get("/v1/health").get_json() == {"status": "ok"}
        assert race.client.get("/v1/ready").get_json() == {"status": "ok"}


class TestBrowsers:
    def test_answers_are_not_cached(self, race: Api) -> None:
        answers = [race.call("GET", "/albums"), race.call("GET", "/nothing"), race.client.get("/v1/albums")]
        assert [answer.status_code for answer in answers] == [200, 404, 401]
        for answer in answers:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Strict-Transport-Security"]

    def test_pages_of_allowed_origins_may_call_it(self, race: Api) -> None:
        preflight = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-api-key,content-type",
        }
        answer = race.client.options("/v1/albums/race/search", headers={"Origin": ORIGIN} | preflight)
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        assert "X-Api-Key" in answer.headers["Access-Control-Allow-Headers"]
        answer = race.call("GET", "/albums", headers={"Origin": ORIGIN})
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
        refused = race.client.get("/v1/albums", headers={"Origin": ORIGIN})
        assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, ORIGIN)

    @pytest.mark.parametrize("origin", ["https://evil.example", f"{ORIGIN}.evil.example", "null", "*", ""])
    def test_pages_of_other_origins_may_not(self, race: Api, origin: str) -> None:
        preflight = {"Access-Control-Request-Method": "POST"}
        for answer in (
            race.client.options("/v1/albums/race/search", headers={"Origin": origin} | preflight),
            race.call("GET", "/albums", headers={"Origin": origin}),
        ):
            assert not [name for name in answer.headers.keys() if name.startswith("Access-Control-")]  # noqa: SIM118
            assert "Origin" in answer.headers["Vary"]

    def test_cookies_are_not_used(self, race: Api) -> None:
        answer = race.call("GET", "/albums", headers={"Origin": ORIGIN})
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Set-Cookie" not in answer.headers

    def test_origins_are_listed_exactly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PHOTOFINISH_CORS_ORIGINS", "https://a.example, http://localhost:5173/")
        assert ApiSettings.from_env().cors_origins == ("https://a.example", "http://localhost:5173")
        monkeypatch.delenv("PHOTOFINISH_CORS_ORIGINS")
        assert ApiSettings.from_env().cors_origins == ()
        for wrong in ("*", "https://*.example", "https://a.example/path", "a.example", "https://a.example:*"):
            monkeypatch.setenv("PHOTOFINISH_CORS_ORIGINS", wrong)
            with pytest.raises(Misconfigured, match="PHOTOFINISH_CORS_ORIGINS"):
                ApiSettings.from_env()

    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [
            ("http://localhost", True),
            ("http://localhost:5173", True),
            ("http://[::1]:8080", True),
            ("https://localhost:5173", False),
            ("http://localhost:5173.evil.example", False),
            ("http://localhost.evil.example:5173", False),
            ("http://127.0.0.1:8000", False),
            (None, False),
        ],
    )
    def test_a_loopback_host_may_be_allowed_with_every_port(self, origin: str | None, allowed: bool) -> None:
        assert is_allowed(origin, ["http://localhost:*", "http://[::1]:*"]) is allowed
