"""The live stream over real connections: who may read it, what it refuses, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import ANY

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.domain.access import Scope
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.secret_versions import SecretVersions
from photofinish_functions.access.live_tickets import LiveTickets
from support.access import PEPPER, new_key, pg_access
from support.live_server import LiveServer
from support.postgres import LIVE_USER, fresh_database, url_of
from support.waiting import wait_until

TIMEOUT_S = 60


class Live:
    """The function on a database of its own."""

    def __init__(self, server: LiveServer, owner: str) -> None:
        self.server = server
        self.owner = owner
        self.log = PgEventLog(Database(owner))
        self.key = self.new_key()

    def new_key(self, *albums: str) -> str:
        with pg_access(self.owner) as access:
            return new_key(access, albums=frozenset(albums) or None, scope=Scope.SEARCH).text

    def record(self, album: str, *numbers: int, **fields: Any) -> None:
        given = {"type": EventType.PHOTO_DONE} | fields
        for number in numbers:
            self.log.append(
                [AlbumEvent(id=fact_id(album, number), album=album, occurred_at=datetime.now(UTC), **given)]
            )

    def get(self, path: str, key: str | None = None, **headers: str) -> requests.Response:
        sent = headers if key is None else {"X-Api-Key": key} | headers
        return requests.get(f"{self.server.url}/v1{path}", headers=sent, stream=True, timeout=TIMEOUT_S)

    def refusal(self, path: str, key: str | None = None, **headers: str) -> tuple[int, str]:
        with self.get(path, key, **headers) as answer:
            return answer.status_code, answer.json()["error"]["code"]

    @contextmanager
    def socket(self, query: str = "", **headers: str) -> Iterator[ClientConnection]:
        url = f"{self.server.url}/v1/events/ws{query}".replace("http", "ws", 1)
        with connect(url, additional_headers=headers) as opened:
            yield opened

    def entries(self, action: str) -> list[str]:
        with pg_access(self.owner) as access:
            return [entry.outcome for entry in access.audit_entries() if entry.action == action]


def messages(answer: requests.Response) -> Iterator[dict[str, str]]:
    """The fields of each message of a stream."""
    found: dict[str, str] = {}
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if not line:
            yield found
            found = {}
        else:
            name, _, value = line.partition(": ")
            found[name] = value


def tell(socket: ClientConnection, **message: Any) -> None:
    socket.send(json.dumps(message))


def told(socket: ClientConnection) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(socket.recv(timeout=TIMEOUT_S))
    return answer


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with fresh_database() as owner:
        server = LiveServer(
            url_of(owner, LIVE_USER),
            tmp_path_factory.mktemp("live"),
            {"PHOTOFINISH_CORS_ORIGINS": "https://photos.example.org,http://localhost:*"},
        )
        server.start()
        try:
            yield Live(server, owner)
        finally:
            server.stop()


def ticket(key: str, album: str) -> str:
    return LiveTickets(SecretVersions.parse(PEPPER)).ticket("key", key.split("_")[1], album)


def test_a_stream_begins_now_and_tells_what_comes(live: Live) -> None:
    live.record("now", 1)
    with live.get("/albums/now/events/stream", live.key) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        stream = messages(answer)
        start = next(stream)
        assert (start["event"], start["retry"]) == ("start", "2000")
        live.record("now", 2, folder="cam2")
        event = next(stream)
        data = json.loads(event["data"])
        assert int(event["id"]) == int(data["sequence"]) > int(start["id"])
        assert (data["type"], data["data"]["folder"]) == ("photofinish.photo.done", "cam2")


def test_a_stream_resumes_after_an_event_a_sequence_or_a_cursor(live: Live) -> None:
    live.record("resumed", 1, 2, 3)
    with live.get("/albums/resumed/events/stream?after=0", live.key) as answer:
        stream = messages(answer)
        positions = [next(stream)["id"] for _ in range(4)][1:]
    with live.get("/albums/resumed/events/stream?after=0", live.key, **{"Last-Event-ID": positions[0]}) as answer:
        stream = messages(answer)
        assert [next(stream)["id"] for _ in range(3)] == positions
    with live.get(f"/albums/resumed/events/stream?after={int(positions[1]):018d}", live.key) as answer:
        stream = messages(answer)
        assert [next(stream)["id"] for _ in range(2)] == positions[1:]


def test_only_wanted_events_are_told(live: Live) -> None:
    live.record("wanted", 1, folder="cam1")
    live.record("wanted", 2, type=EventType.PHOTO_REJECTED, folder="cam2")
    with live.get("/albums/wanted/events/stream?after=0&status=rejected&folder=cam2", live.key) as answer:
        stream = messages(answer)
        next(stream)
        live.record("wanted", 3, folder="cam2")
        live.record("wanted", 4, type=EventType.PHOTO_REJECTED, folder="cam2")
        kinds = {json.loads(next(stream)["data"])["type"] for _ in range(2)}
        assert kinds == {"photofinish.photo.rejected"}


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("/albums/race/events/stream?type=nonsense", (400, "bad_request")),
        ("/albums/race/events/stream?nonsense=1", (400, "bad_request")),
        ("/albums/race/events/stream?after=-1", (400, "bad_request")),
        ("/albums/race/events/stream?cursor=x", (422, "invalid_query")),
        ("/albums/race/events/stream?type=photo.done&status=done", (422, "invalid_query")),
        ("/albums/__x__/events/stream", (422, "invalid_value")),
        ("/albums/race/events/streams", (404, "unknown_path")),
    ],
)
def test_bad_requests_get_one_code(live: Live, path: str, refused: tuple[int, str]) -> None:
    assert live.refusal(path, live.key) == refused


def test_a_stream_needs_a_key_that_sees_the_album(live: Live) -> None:
    assert live.refusal("/albums/race/events/stream") == (401, "unauthorized")
    assert live.refusal("/albums/race/events/stream", "pf_" + "a" * 16 + "_" + "b" * 52) == (401, "unauthorized")
    assert live.refusal("/albums/race/events/stream", live.new_key("other")) == (404, "unknown_album")
    assert live.refusal(f"/albums/race/events/stream?key={live.key}") == (401, "unauthorized")
    assert live.key not in live.server.log
    assert live.entries("authenticate")
    assert "404 unknown_album" in live.entries("stream_events")


def test_a_ticket_opens_one_stream_of_its_album(live: Live) -> None:
    path = f"/albums/race/events/stream?after=0&ticket={ticket(live.key, 'race')}"
    with live.get(path) as answer:
        assert answer.status_code == 200
    assert live.refusal(path) == (401, "unauthorized")
    other = f"/albums/other/events/stream?ticket={ticket(live.key, 'race')}"
    assert live.refusal(other) == (404, "unknown_album")
    hidden = f"/albums/race/events/stream?ticket={ticket(live.new_key('other'), 'race')}"
    assert live.refusal(hidden) == (401, "unauthorized")


def test_pages_of_allowed_origins_may_read(live: Live) -> None:
    path = f"/albums/race/events/stream?ticket={ticket(live.key, 'race')}"
    with live.get(path, Origin="http://localhost:5173") as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    with live.get("/albums/race/events/stream", live.key, Origin="https://example.com") as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_one_socket_has_several_subscriptions(live: Live) -> None:
    with live.socket(**{"X-Api-Key": live.key}) as socket:
        tell(socket, action="ping")
        assert told(socket) == {"kind": "pong"}
        tell(socket, action="subscribe", album="north", subscription="all of north")
        assert told(socket) == {
            "kind": "subscribed", "subscription": "all of north", "album": "north", "sequence": ANY,
        }  # fmt: skip
        tell(socket, action="subscribe", album="south", type=["photo.failed"])
        assert told(socket)["subscription"] == "south"
        live.record("south", 1)
        live.record("north", 1)
        news = told(socket)
        assert (news["kind"], news["subscription"]) == ("events", "all of north")
        assert [event["source"] for event in news["events"]] == ["/v1/albums/north"]
        tell(socket, action="unsubscribe", subscription="all of north")
        assert told(socket) == {"kind": "unsubscribed", "subscription": "all of north"}
        live.record("north", 2)
        live.record("south", 2, type=EventType.PHOTO_FAILED)
        assert told(socket)["subscription"] == "south"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "bad_request"),
        ('{"action": "dance"}', "bad_request"),
        ('{"action": "subscribe"}', "bad_request"),
        ('{"action": "subscribe", "album": "race", "typ": 1}', "bad_request"),
        ('{"action": "subscribe", "album": "race", "cursor": "x"}', "invalid_query"),
        ('{"action": "subscribe", "album": "hidden"}', "unknown_album"),
        ('{"action": "unsubscribe", "subscription": "none"}', "unknown_subscription"),
    ],
)
def test_a_wrong_message_is_answered_and_the_socket_goes_on(live: Live, message: str, code: str) -> None:
    with live.socket(**{"X-Api-Key": live.new_key("race")}) as socket:
        socket.send(message)
        answer = told(socket)
        assert (answer["kind"], answer["code"]) == ("error", code)
        assert answer["message"]
        tell(socket, action="subscribe", album="race")
        assert told(socket)["kind"] == "subscribed"
        tell(socket, action="subscribe", album="race")
        assert told(socket)["code"] == "subscribed"


def test_a_socket_needs_a_key_or_a_ticket(live: Live) -> None:
    with pytest.raises(InvalidStatus) as refused, live.socket():
        pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body or b"{}")["error"]["code"] == "unauthorized"
    with live.socket(f"?ticket={ticket(live.key, 'race')}") as socket:
        tell(socket, action="subscribe", album="race")
        assert told(socket)["kind"] == "subscribed"
        tell(socket, action="subscribe", album="other")
        assert told(socket)["code"] == "unknown_album"


def test_bytes_and_long_messages_end_a_socket(live: Live) -> None:
    for message, code in ((b"bytes", 1003), ("x" * 20_000, 1009)):
        with live.socket(**{"X-Api-Key": live.key}) as socket:
            socket.send(message)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=TIMEOUT_S)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code


def test_connections_end_when_the_function_stops(live: Live) -> None:
    with (
        live.socket(**{"X-Api-Key": live.key}) as socket,
        live.get("/albums/race/events/stream", live.key) as answer,
    ):
        stream = messages(answer)
        next(stream)
        live.server.stop()
        assert json.loads(next(stream)["data"])["code"] == "restarting"
        with pytest.raises(StopIteration):
            next(stream)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=TIMEOUT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    live.server.start()
    wait_until(lambda: live.get("/albums/race/events/stream", live.key).ok, "it serves again")
