"""The function `find_by_bib` through a real Flask application, on both indexes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photofinish.adapters.memory_index import MemoryFaceIndex
from photofinish.domain.face import face_id
from photofinish.ports import FaceIndex
from photofinish_functions.find_by_bib import find_by_bib
from support.faces import bib, embedding, face, photo
from support.index import VERSION, add
from support.index import postgres_index as in_postgres
from support.postgres import database  # noqa: F401  (a fixture)
from support.search_api import API_KEYS, AUTHORIZED, KEY, METHODS, client_of, error_of

RUNNER = photo("O'Brien 10k/cam 1/IMG_1.jpg", generation=17)
any_request = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)


@pytest.fixture
def memory_index() -> FaceIndex:
    return MemoryFaceIndex()


@pytest.fixture
def postgres_index(database: str) -> Iterator[FaceIndex]:  # noqa: F811
    with in_postgres(database) as index:
        yield index


@pytest.fixture(params=["memory", "postgres"])
def index(request: pytest.FixtureRequest) -> FaceIndex:
    index: FaceIndex = request.getfixturevalue(f"{request.param}_index")
    add(index, RUNNER, [face(embedding([1, 0, 0]))], [bib("42", 0.875, face_index=0)])
    add(index, photo("O'Brien 10k/IMG_2.jpg"), [], [bib("42", 0.5), bib("7", 0.5)])
    return index


@pytest.fixture
def client(index: FaceIndex) -> FlaskClient:
    return client_of(lambda request: find_by_bib(request, index=index, api_keys=API_KEYS))


def ask(client: FlaskClient, **query: str) -> tuple[int, dict[str, object]]:
    response = client.get("/", query_string=query, headers=AUTHORIZED)
    return response.status_code, response.get_json()


def test_best_read_first(client: FlaskClient) -> None:
    status, body = ask(client, album="O'Brien 10k", number="42")
    assert status == 200
    assert body["album"] == "O'Brien 10k"
    first, second = body["matches"]  # type: ignore[misc]
    assert first == {
        "photo": {
            "bucket": "photos",
            "name": RUNNER.name,
            "generation": 17,
            "photo_id": RUNNER.photo_id,
        },
        "number": "42",
        "ocr_score": 0.875,
        "box": [0.2, 0.4, 0.1, 0.05],
        "face_id": face_id(RUNNER, VERSION, 0),
    }
    assert (second["photo"]["name"], second["face_id"]) == ("O'Brien 10k/IMG_2.jpg", None)  # type: ignore[index]


def test_limit_and_nothing_found(client: FlaskClient) -> None:
    assert len(ask(client, album="O'Brien 10k", number="42", limit="1")[1]["matches"]) == 1  # type: ignore[arg-type]
    assert ask(client, album="O'Brien 10k", number="43") == (200, {"album": "O'Brien 10k", "matches": []})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"album": "nowhere", "number": "42"}, (404, "unknown_album")),
        ({"number": "42"}, (400, "bad_request")),
        ({"album": "O'Brien 10k"}, (400, "bad_request")),
        ({"album": "O'Brien 10k", "number": "42", "limit": "0"}, (400, "bad_request")),
        ({"album": "O'Brien 10k", "number": "42", "limit": "1001"}, (400, "bad_request")),
        ({"album": "O'Brien 10k", "number": "42' OR '1'='1"}, (400, "bad_request")),
        ({"album": "a/b", "number": "42"}, (400, "bad_request")),
        ({"album": "__secret__", "number": "42"}, (400, "bad_request")),
        ({"album": "' OR ''='", "number": "42"}, (404, "unknown_album")),
        ({"album": "x'); DROP TABLE bib; --", "number": "42"}, (404, "unknown_album")),
    ],
)
def test_errors(client: FlaskClient, query: dict[str, str], expected: tuple[int, str]) -> None:
    assert error_of(client.get("/", query_string=query, headers=AUTHORIZED)) == expected


@any_request
@given(album=st.text(max_size=150), number=st.text(max_size=30), limit=st.text(max_size=12))
def test_whatever_is_asked_gets_a_clear_answer_and_harms_nothing(
    client: FlaskClient, album: str, number: str, limit: str
) -> None:
    query = {
        name: value.encode("utf-8", "surrogatepass")
        for name, value in {"album": album, "number": number, "limit": limit}.items()
    }
    answer = client.get("/", query_string=query, headers=AUTHORIZED)
    assert error_of(answer) in {(400, "bad_request"), (404, "unknown_album")}
    assert ask(client, album="O'Brien 10k", number="42", limit="1")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"X-Api-Key": KEY + "x"}, {"Authorization": f"Basic {KEY}"}],
)
def test_without_a_valid_key_nothing_is_told(client: FlaskClient, headers: dict[str, str]) -> None:
    answers = [
        client.open("/", method=method, query_string={"album": album, "number": "42"}, headers=headers)
        for album in ("O'Brien 10k", "nowhere", "a/b")
        for method in ("GET", "POST")
    ]
    assert {answer.data for answer in answers} == {answers[0].data}
    assert error_of(answers[0]) == (401, "unauthorized")
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"


def test_either_header_will_do(client: FlaskClient) -> None:
    query = {"album": "O'Brien 10k", "number": "42"}
    for headers in ({"X-Api-Key": KEY}, {"Authorization": f"bearer {KEY}"}):
        assert client.get("/", query_string=query, headers=headers).status_code == 200


@pytest.mark.parametrize("method", [method for method in METHODS if method != "GET"])
def test_only_get(client: FlaskClient, method: str) -> None:
    answer = client.open("/", method=method, headers=AUTHORIZED)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


def test_nobody_keeps_an_answer(client: FlaskClient) -> None:
    answers = [
        client.get("/", query_string={"album": "O'Brien 10k", "number": "42"}, headers=AUTHORIZED),
        client.get("/", headers=AUTHORIZED),
        client.get("/"),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 401]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_database_out_of_reach_is_said_so_without_details(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = "postgresql://me:hunter2@127.0.0.1:1/photofinish"
    with in_postgres(nowhere, connection_timeout_s=0.2) as index:
        client = client_of(lambda request: find_by_bib(request, index=index, api_keys=API_KEYS))
        answer = client.get("/", query_string={"album": "race", "number": "42"}, headers=AUTHORIZED)
    assert error_of(answer) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert "127.0.0.1" not in answer.text
    assert "hunter2" not in answer.text + caplog.text


class _BrokenIndex(MemoryFaceIndex):
    def has_album(self, album: str) -> bool:
        raise ZeroDivisionError("our own mistake with private details")


def test_an_error_of_ours_is_logged_and_not_explained(caplog: pytest.LogCaptureFixture) -> None:
    client = client_of(lambda request: find_by_bib(request, index=_BrokenIndex(), api_keys=API_KEYS))
    answer = client.get("/", query_string={"album": "race", "number": "42"}, headers=AUTHORIZED)
    assert error_of(answer) == (500, "internal")
    assert "private details" not in answer.text
    assert "private details" in caplog.text
