"""The proxy that stands before the servers of a local cloud while faults are injected, before a real HTTP server."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.tcp_proxy import CALM, TcpProxy, Weather

ANSWER = b"answer" * 20_000


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(server: ThreadingHTTPServer) -> Iterator[TcpProxy]:
    proxy = TcpProxy(lambda: int(server.server_address[1]), seed=1)
    yield proxy
    proxy.close()


def answer(proxy: TcpProxy) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


def test_it_passes_everything_on(proxy: TcpProxy) -> None:
    assert [answer(proxy) for _ in range(3)] == [ANSWER] * 3


def test_it_delays_answers(proxy: TcpProxy) -> None:
    proxy.become(Weather(delay_s=0.2))
    began = time.monotonic()
    assert answer(proxy) == ANSWER
    assert time.monotonic() - began >= 0.2


def test_it_cuts_answers_in_the_middle(proxy: TcpProxy) -> None:
    proxy.become(Weather(reset_share=1))
    with pytest.raises((http.client.HTTPException, OSError)):
        answer(proxy)
    proxy.become(CALM)
    assert answer(proxy) == ANSWER


def test_it_refuses_new_connections_and_ends_open_ones(proxy: TcpProxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    connection.request("GET", "/")
    assert connection.getresponse().read() == ANSWER
    proxy.become(Weather(refuses=True))
    with pytest.raises((http.client.HTTPException, OSError)):
        answer(proxy)
    with pytest.raises((http.client.HTTPException, OSError)):
        _asked_again(connection)
    connection.close()
    proxy.become(CALM)
    assert answer(proxy) == ANSWER


def _asked_again(connection: http.client.HTTPConnection) -> bytes:
    connection.request("GET", "/")
    return connection.getresponse().read()


def test_a_server_that_does_not_run_refuses() -> None:
    def none() -> int:
        raise KeyError("not chosen yet")

    early = TcpProxy(none)
    with pytest.raises((http.client.HTTPException, OSError)):
        answer(early)
    early.close()
