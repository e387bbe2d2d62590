"""A client of one WebChannel that can misbehave: it repeats, reorders and breaks requests."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import requests

DEADLINE_S = 30.0
Arrays = list[tuple[int, Any]]


class Channel:
    """A channel of ``rpc`` at a server; `open` it first."""

    def __init__(self, address: str, rpc: str = "Listen") -> None:
        self.url = f"http://{address}/google.firestore.v1.Firestore/{rpc}/channel"
        self.sid = ""
        self.handshake: list[Any] = []
        self._rids = itertools.count(1000)
        self._sent = 0

    def open(self, *messages: Any, headers: str = "") -> None:
        """``headers`` as the SDK sends them in the form that opens a channel: lines of ``Name:value``."""
        body = self._next_form(messages)
        if headers:
            body = urlencode({"headers": headers}).encode() + b"&" + body
        response = self._post({"CVER": "22"}, body)
        response.raise_for_status()
        [(number, self.handshake)] = parse(response.content)
        assert number == 0
        self.sid = self.handshake[1]

    def send(self, *messages: Any, received: int = 0) -> requests.Response:
        """Post messages after those that were sent before."""
        return self.post(self._next_form(messages), received)

    def post(self, form: bytes, received: int = 0) -> requests.Response:
        return self._post({"SID": self.sid, "AID": str(received)}, form)

    def read(self, received: int = 0, *, wait_ms: int | None = None) -> Arrays:
        """One response of long polling."""
        query = {"CI": "1"} if wait_ms is None else {"CI": "1", "TO": str(wait_ms)}
        response = self._get(received, query)
        response.raise_for_status()
        return parse(response.content)

    @contextmanager
    def stream(self, received: int = 0) -> Iterator[Iterator[tuple[int, Any]]]:
        """The arrays of a streaming response, which is broken off at the end of the block."""
        with self._get(received, {"CI": "0"}, stream=True) as response:
            response.raise_for_status()
            yield _arrays(response)

    def terminate(self) -> requests.Response:
        return self._post({"SID": self.sid, "TYPE": "terminate"}, b"")

    def _next_form(self, messages: Sequence[Any]) -> bytes:
        first, self._sent = self._sent, self._sent + len(messages)
        return form(messages, first)

    def _get(self, received: int, query: dict[str, str], *, stream: bool = False) -> requests.Response:
        query = {"VER": "8", "RID": "rpc", "SID": self.sid, "AID": str(received), "TYPE": "xmlhttp", **query}
        return requests.get(self.url, params=query, stream=stream, timeout=DEADLINE_S)

    def _post(self, query: dict[str, str], form: bytes) -> requests.Response:
        query = {"VER": "8", "RID": str(next(self._rids)), **query}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return requests.post(self.url, params=query, data=form, headers=headers, timeout=DEADLINE_S)


def form(messages: Sequence[Any], first: int) -> bytes:
    """The body of a post with these messages, numbered from ``first``."""
    fields = {"count": str(len(messages)), "ofs": str(first)}
    fields |= {f"req{index}___data__": json.dumps(message) for index, message in enumerate(messages)}
    return urlencode(fields).encode()


def parse(content: bytes) -> Any:
    """All arrays of a complete response; for a response to a post its three numbers."""
    arrays: Any = []
    while content:
        length, _, rest = content.partition(b"\n")
        arrays += json.loads(rest[: int(length)])
        content = rest[int(length) :]
    return [tuple(array) if isinstance(array, list) else array for array in arrays]


def _arrays(response: requests.Response) -> Iterator[tuple[int, Any]]:
    lines = response.raw
    while True:
        length = b""
        while not length.endswith(b"\n"):
            byte = lines.read(1)
            if not byte:
                return
            length += byte
        yield from map(tuple, json.loads(lines.read(int(length))))
