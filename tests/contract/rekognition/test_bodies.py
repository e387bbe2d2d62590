"""Bodies that are slow, malformed or of callers without a key, over real connections to the server as deployed."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest

from photofinish_functions.gunicorn_config import threads
from support.rekognition import RekognitionServer

ANSWER_TIMEOUT_S = 60
HEADERS = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: RekognitionService.ListCollections\r\n"


@contextmanager
def connection(server: RekognitionServer) -> Iterator[socket.socket]:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=ANSWER_TIMEOUT_S) as made:
        yield made


def answer_of(made: socket.socket) -> tuple[int, str]:
    """Status, and the protocol's error code."""
    received = b""
    while part := made.recv(65536):
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["__type"]


def test_slow_bodies_without_a_key_do_not_delay_others(server: RekognitionServer) -> None:
    """Each connection would keep a thread until its body is complete; here there are more than threads."""
    with ExitStack() as stack:
        slow = [stack.enter_context(connection(server)) for _ in range(2 * threads)]
        for made in slow:
            made.sendall(HEADERS + b"Content-Length: 1000000\r\n\r\n{")
        assert server.client().list_collections()["CollectionIds"] is not None
        for made in slow:  # the answer does not wait for the body
            assert answer_of(made) == (400, "MissingAuthenticationTokenException")


@pytest.mark.parametrize("length", [b"Content-Length: 16777216", b"Transfer-Encoding: chunked"])
def test_nothing_of_a_body_without_a_key_is_needed(server: RekognitionServer, length: bytes) -> None:
    with connection(server) as made:
        made.sendall(HEADERS + length + b"\r\n\r\n")
        assert answer_of(made) == (400, "MissingAuthenticationTokenException")


def test_a_request_line_is_bounded(server: RekognitionServer) -> None:
    with connection(server) as made:
        made.sendall(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert made.recv(65536).split()[1] in {b"400", b"414"}
