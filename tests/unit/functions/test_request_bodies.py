"""Bodies that are read have a deadline; the rest of others is not waited for."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.unreader import SocketUnreader
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestTimeout

from photofinish_functions import request_bodies
from photofinish_functions.request_bodies import RequestBody, deadline_s, is_gone


class _Request:
    headers: tuple[tuple[str, str], ...] = ()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A caller and the server's end of its connection."""
    caller, server = socket.socketpair()
    with caller, server:
        yield caller, server


def environ_of(server: socket.socket, length: int | None) -> dict[str, Any]:
    """As gunicorn makes it."""
    unreader = SocketUnreader(server)
    reader = ChunkedReader(_Request(), unreader) if length is None else LengthReader(unreader, length)
    return {"wsgi.input": Body(reader), "wsgi.input_terminated": True, "gunicorn.socket": server}


def body_of(server: socket.socket, length: int | None) -> RequestBody:
    return RequestBody(environ_of(server, length), length)


def read_all(body: RequestBody) -> None:
    while body.read(64):
        pass


@given(st.none() | st.integers(0, 2**40))
def test_a_deadline_is_10_to_50_s(length: int | None) -> None:
    assert 10 <= deadline_s(length) <= 50


def test_a_whole_body_is_read_and_the_connection_stays_usable(pair: tuple[socket.socket, socket.socket]) -> None:
    caller, server = pair
    caller.sendall(b"0123456789")
    body = body_of(server, 10)
    assert body.read(4) + body.read() + body.read() == b"0123456789"
    body.close()
    caller.sendall(b"next")
    assert server.recv(4) == b"next"


@pytest.mark.parametrize("length", [100, None])
def test_a_body_that_trickles_in_ends_at_its_deadline(
    length: int | None, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_bodies, "deadline_s", lambda _: 0.2)
    caller, server = pair
    ended = threading.Event()

    def trickle() -> None:
        caller.sendall(b"64\r\n" if length is None else b"x")
        while not ended.wait(0.01):
            try:
                caller.sendall(b"x")
            except OSError:
                return

    sender = threading.Thread(target=trickle)
    sender.start()
    try:
        body = body_of(server, length)
        with pytest.raises(RequestTimeout, match="not complete after 0 s"):
            read_all(body)
    finally:
        ended.set()
        sender.join()


def test_a_sender_that_is_gone_is_no_whole_body(pair: tuple[socket.socket, socket.socket]) -> None:
    caller, server = pair
    caller.sendall(b"0123")
    caller.close()
    body = body_of(server, 10)
    with pytest.raises(ClientDisconnected):
        read_all(body)


@pytest.mark.parametrize(
    "sent", [b"zz\r\nabc\r\n", b"-1\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"3;\x00\r\nabc\r\n0\r\n\r\n"]
)
def test_malformed_chunks_are_a_bad_request(sent: bytes, pair: tuple[socket.socket, socket.socket]) -> None:
    caller, server = pair
    caller.sendall(sent)
    caller.shutdown(socket.SHUT_WR)
    body = body_of(server, None)
    with pytest.raises(BadRequest):
        read_all(body)


def test_a_body_that_is_closed_unread_is_not_waited_for(pair: tuple[socket.socket, socket.socket]) -> None:
    caller, server = pair
    body_of(server, 10).close()
    assert server.recv(1) == b"", "nothing more is received"
    server.sendall(b"answer")
    assert caller.recv(6) == b"answer"


def test_what_is_discarded_is_bounded_in_time_and_size(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, server = pair
    caller.sendall(b"0123")
    body_of(server, 10).discard(within_s=0.05)  # returns, although six bytes never come
    assert server.recv(1) == b""
    monkeypatch.setattr(request_bodies, "MAX_REQUEST_BYTES", 100)
    endless = io.BytesIO(bytes(10**6))
    RequestBody({"wsgi.input": endless, "wsgi.input_terminated": True}, None).discard(within_s=60)
    assert endless.tell() == 100


def test_a_request_without_a_body_has_none() -> None:
    assert RequestBody({"wsgi.input": io.BytesIO(b"of the next request")}, None).read() == b""


def test_a_caller_that_has_closed_its_connection_is_gone(pair: tuple[socket.socket, socket.socket]) -> None:
    caller, server = pair
    environ = {"gunicorn.socket": server}
    assert not is_gone(environ)
    caller.sendall(b"the next request")
    assert not is_gone(environ)
    assert server.recv(100) == b"the next request"
    caller.close()
    assert is_gone(environ)
    assert not is_gone({})
