"""The transport of the web SDK, request by request: what the SDK relies on when connections break."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import requests
from google.cloud import firestore

from photofinish_emulators.common.shared_port import HTTP2_PREFACE
from photofinish_emulators.firestore.web.arrays import MAX_EARLY_MAPS
from support.firestore_server import FirestoreServer
from support.webchannel import DEADLINE_S, Channel, form

MAX_FORM_BYTES = 64 * 1024 * 1024


def add_target(project: str, collection: str = "photos", **options: Any) -> dict[str, Any]:
    database = f"projects/{project}/databases/(default)"
    query = {"parent": f"{database}/documents", "structuredQuery": {"from": [{"collectionId": collection}]}}
    return {"database": database, "addTarget": {"query": query, "targetId": 2, **options}}


def documents(arrays: list[tuple[int, Any]]) -> list[str]:
    """The ids of the documents in listen responses, in order."""
    changes = [data[0].get("documentChange") for _, data in arrays if isinstance(data[0], dict)]
    return [change["document"]["name"].rpartition("/")[2] for change in changes if change]


def is_unknown(response: requests.Response) -> bool:
    """Whether the SDK opens a new channel after this response."""
    return response.status_code == 400 and response.text.find("Unknown SID") > 0


@pytest.fixture
def channel(server: FirestoreServer) -> Channel:
    return Channel(server.address)


@pytest.fixture
def listening(channel: Channel, client: firestore.Client, project: str) -> Channel:
    """A channel that listens to a collection with one document."""
    client.document("photos/first").set({"n": 1})
    channel.open(add_target(project))
    return channel


def test_the_handshake_names_the_session_the_version_and_the_keepalive(channel: Channel) -> None:
    channel.open()
    kind, sid, host_prefix, version, _, keepalive_ms = channel.handshake
    assert (kind, host_prefix, version) == ("c", "", 8)
    assert len(sid) > 20
    assert 0 < keepalive_ms <= 30_000


def test_sessions_have_different_names_that_cannot_be_guessed(server: FirestoreServer) -> None:
    channels = [Channel(server.address) for _ in range(20)]
    for channel in channels:
        channel.open()
    assert len({channel.sid[:12] for channel in channels}) == 20


def test_results_and_later_changes_arrive_on_a_stream(listening: Channel, client: firestore.Client) -> None:
    seen: list[tuple[int, Any]] = []
    with listening.stream() as arrays:
        for array in arrays:
            seen.append(array)
            if documents([array]) == ["first"]:
                client.document("photos/second").set({"n": 2})
            if documents([array]) == ["second"]:
                break
    assert documents(seen) == ["first", "second"]
    numbers = [number for number, _ in seen]
    assert numbers == list(range(1, len(seen) + 1))


def test_an_idle_stream_shows_at_once_that_nothing_holds_it_back(channel: Channel) -> None:
    channel.open()
    with channel.stream() as arrays:
        assert next(arrays) == (1, ["noop"])


def test_long_polling_answers_with_what_is_there_and_then_waits_for_a_change(
    listening: Channel, client: firestore.Client
) -> None:
    arrays: list[tuple[int, Any]] = []
    received = 0
    while documents(arrays) != ["first"]:
        arrays += listening.read(received)
        received = arrays[-1][0]
    client.document("photos/second").set({"n": 2})
    arrays = []
    while documents(arrays) != ["second"]:
        arrays += listening.read(received)
        received = arrays[-1][0]


def test_long_polling_waits_as_long_as_the_client_asks(channel: Channel) -> None:
    channel.open()
    assert channel.read(wait_ms=10) == [(1, ["noop"])]


def test_unconfirmed_arrays_are_sent_again_after_a_broken_back_channel(listening: Channel) -> None:
    with listening.stream() as arrays:
        first = [next(arrays), next(arrays)]
    again = listening.read(received=0)
    assert again[:2] == first
    confirmed = first[0][0]
    assert listening.read(received=confirmed)[0] == first[1]


def test_a_post_confirms_too_and_says_what_is_on_the_way(listening: Channel) -> None:
    last = listening.read()[-1][0]
    present, written, outstanding = json.loads(listening.send(received=last).content.partition(b"\n")[2])
    assert (present, written, outstanding) == (0, last, 0)
    assert listening.read(received=0, wait_ms=10)[0][0] > last


def test_a_repeated_post_is_handled_once_and_posts_may_overtake_each_other(
    server: FirestoreServer, client: firestore.Client, project: str
) -> None:
    database = f"projects/{project}/databases/(default)"
    name = f"{database}/documents/counters/one"

    def increment(field: str) -> dict[str, Any]:
        transform = {"fieldPath": field, "increment": {"integerValue": "1"}}
        return {"writes": [{"update": {"name": name}, "updateMask": {}, "updateTransforms": [transform]}]}

    channel = Channel(server.address, "Write")
    channel.open({"database": database})
    assert channel.post(form([increment("b")], 2)).ok
    for _ in range(3):
        assert channel.post(form([increment("a")], 1)).ok
    results = 0
    received = 0
    while results < 2:
        arrays = channel.read(received)
        received = arrays[-1][0]
        results += sum("writeResults" in data[0] for _, data in arrays if isinstance(data[0], dict))
    assert client.document("counters/one").get().to_dict() == {"a": 1, "b": 1}


def test_a_newer_back_channel_takes_over(listening: Channel, client: firestore.Client) -> None:
    with listening.stream() as older:
        first = next(older)
        with listening.stream(received=first[0]) as newer:
            rest = list(older)  # ends
            assert documents([first, *rest]) in ([], ["first"])
            client.document("photos/second").set({"n": 2})
            seen: list[tuple[int, Any]] = []
            while "second" not in documents(seen):
                seen.append(next(newer))


def test_terminate_ends_the_session(listening: Channel) -> None:
    with listening.stream() as arrays:
        next(arrays)
        assert listening.terminate().ok
        list(arrays)  # ends
    assert is_unknown(listening.send({}))
    with pytest.raises(requests.HTTPError, match="400"):
        listening.read()
    assert listening.terminate().ok


def test_a_client_that_has_more_than_was_sent_is_of_another_session(channel: Channel) -> None:
    channel.open()
    assert is_unknown(channel.send({}, received=5))
    with pytest.raises(requests.HTTPError, match="400"):
        channel.read(received=5, wait_ms=10)
    assert channel.read(received=0, wait_ms=10) == [(1, ["noop"])]


def test_after_a_restart_the_client_opens_a_new_channel_and_resumes(
    tmp_path: Path, project: str, server: FirestoreServer
) -> None:
    with FirestoreServer(tmp_path / "state") as own:
        url = f"http://{own.address}/v1/projects/{project}/databases/(default)/documents/photos"
        requests.post(url, params={"documentId": "first"}, json={}, timeout=DEADLINE_S).raise_for_status()
        before = Channel(own.address)
        before.open(add_target(project))
        tokens: list[str] = []
        received = 0
        while not tokens:
            arrays = before.read(received)
            received = arrays[-1][0]
            changes = [data[0].get("targetChange", {}) for _, data in arrays]
            tokens = [change["resumeToken"] for change in changes if change.get("targetChangeType") == "CURRENT"]
        own.restart()
        assert is_unknown(before.send({}))
        requests.post(url, params={"documentId": "second"}, json={}, timeout=DEADLINE_S).raise_for_status()
        after = Channel(own.address)
        after.open(add_target(project, resumeToken=tokens[0]))
        arrays = []
        while not any(data[0].get("targetChange", {}).get("targetChangeType") == "CURRENT" for _, data in arrays):
            arrays += after.read(arrays[-1][0] if arrays else 0)
        assert documents(arrays) == ["second"]


def test_an_error_of_the_rpc_reaches_the_client_and_ends_the_channel(listening: Channel, project: str) -> None:
    assert listening.send(add_target(project)).ok  # the target id is in use
    arrays: list[tuple[int, Any]] = []
    while not arrays or arrays[-1][1] != ["close"]:
        arrays += listening.read(arrays[-1][0] if arrays else 0)
    error = arrays[-2][1][0]["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert "Target id 2 is in use" in error["message"]


@pytest.mark.parametrize("message", [{"unknown": 1}, [], {"addTarget": {"targetId": "x"}}, {"database": "\ud800"}])
def test_a_message_that_is_none_is_an_error(channel: Channel, message: Any) -> None:
    channel.open(message)
    [(_, [body]), (_, close)] = channel.read()
    assert (body["error"]["status"], close) == ("INVALID_ARGUMENT", ["close"])


@pytest.mark.parametrize("query", [{"VER": "7"}, {}, {"VER": "8", "SID": "guessed"}, {"VER": "8", "SID": "null"}])
def test_other_requests_are_refused(channel: Channel, query: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        response = requests.request(method, channel.url, params=query, timeout=DEADLINE_S)
        assert response.status_code == 400


def test_a_form_that_is_too_large_is_refused_and_the_channel_continues(listening: Channel) -> None:
    response = listening.post(b"count=1&ofs=1&req0___data__=" + b"x" * MAX_FORM_BYTES)
    assert response.status_code == 413
    assert documents(listening.read()) in ([], ["first"])
    assert listening.send().ok


def test_messages_that_wait_for_a_lost_one_are_bounded(channel: Channel) -> None:
    channel.open({})
    for first in range(2, MAX_EARLY_MAPS + 1003, 1000):
        assert channel.post(form([{}] * 1000, first)).ok
    arrays = channel.read()
    assert "RESOURCE_EXHAUSTED" in json.dumps(arrays)


def test_a_page_of_this_machine_may_read_the_answers(channel: Channel) -> None:
    origin = "http://localhost:5173"
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-goog-api-client,authorization",
    }
    preflight = requests.options(channel.url, headers={"Origin": origin, **asked}, timeout=DEADLINE_S)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Headers"] == asked["Access-Control-Request-Headers"]
    unknown = requests.get(channel.url, params={"VER": "8", "SID": "x"}, headers={"Origin": origin}, timeout=DEADLINE_S)
    for response in (preflight, unknown):
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert response.headers["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example:8080"}]
)
def test_other_pages_may_not(channel: Channel, headers: dict[str, str]) -> None:
    for method in ("OPTIONS", "POST"):
        response = requests.request(method, channel.url, params={"VER": "8"}, headers=headers, timeout=DEADLINE_S)
        assert response.status_code == 403
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("pieces", [[1, 2], [10], [len(HTTP2_PREFACE) - 1]])
def test_grpc_is_recognized_when_its_first_bytes_come_in_pieces(server: FirestoreServer, pieces: list[int]) -> None:
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = HTTP2_PREFACE + settings
        for size in pieces:
            connection.sendall(data[:size])
            data = data[size:]
        connection.sendall(data)
        frame_header = connection.recv(9, socket.MSG_WAITALL)
        assert frame_header[3] == 4, "the server answers with its own settings"


def test_http_is_recognized_when_its_first_bytes_come_in_pieces(server: FirestoreServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (b"P", b"OST / HTTP/1.1\r\nHost: loc", b"alhost\r\nContent-Length: 0\r\n\r\n"):
            connection.sendall(piece)
        assert connection.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 405"


def test_large_messages_pass_in_both_directions(client: firestore.Client) -> None:
    """Through the port that gRPC shares with HTTP: more than any buffer holds."""
    text = "x" * 900_000
    batch = client.batch()
    for number in range(10):
        batch.set(client.document(f"large/{number}"), {"text": text})
    batch.commit()
    assert [found.get("text") == text for found in client.collection("large").stream()] == [True] * 10
