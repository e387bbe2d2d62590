"""What a WebChannel carries: numbered maps from the client, numbered arrays to the client (pure).

Both directions survive broken requests. The client repeats the maps of a failed request, and every request names the
last array that the client has received (AID), so the server repeats the arrays after it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from photofinish_emulators.common.rpc_errors import invalid, resource_exhausted
from photofinish_emulators.firestore.web.json_messages import Json, dumps

MAX_MAPS_PER_REQUEST = 1000
"""The client puts no more into one request."""
MAX_EARLY_MAPS = 10 * MAX_MAPS_PER_REQUEST
MAX_CHUNK_BYTES = 256 * 1024
_MAP_DATA = re.compile(r"req(\d{1,9})___data__")
_COUNT = re.compile(r"\d{1,15}")


def parse_form(body: bytes) -> dict[int, str]:
    """The data of each map in a request of the client, by number.

    A form such as ``count=2&ofs=5&req0___data__=...&req1___data__=...`` has maps 5 and 6.

    Raises:
        Refused: this is not such a form.
    """
    pairs = _pairs(body)
    fields = dict(pairs)
    first = fields.get("ofs", "0")
    if not _COUNT.fullmatch(first):
        raise invalid(f"ofs must be a number, not {first[:20]!r}.")
    return {int(first) + int(match[1]): value for name, value in pairs if (match := _MAP_DATA.fullmatch(name))}


def parse_headers(body: bytes) -> dict[str, str]:
    """The headers that the client sends in the form that opens a channel, by lower-case name.

    A page cannot send them as headers without another request that asks whether it may (CORS).

    Raises:
        Refused: this is not a form.
    """
    lines = dict(_pairs(body)).get("headers", "").split("\r\n")
    return {
        name.strip().lower(): value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon
    }


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=MAX_MAPS_PER_REQUEST + 3, errors="strict"
        )
    except ValueError as error:
        raise invalid(f"The body is not a form of a channel: {error}") from None


def chunk(text: str) -> bytes:
    """JSON after its length, by which the client finds the end of each part of a response.

    The client counts UTF-16 units, which are bytes here because the JSON is ASCII.
    """
    return f"{len(text)}\n{text}".encode("ascii")


class Inbox:
    """Puts the client's maps in order, and drops repeated ones. Requests may overtake each other."""

    def __init__(self) -> None:
        self._next = 0
        self._early: dict[int, str] = {}

    def take(self, maps: Mapping[int, str]) -> list[str]:
        """Add the maps of a request; return those that are next in order.

        Raises:
            Refused: too many maps wait for one that has not come.
        """
        self._early |= {number: data for number, data in maps.items() if number >= self._next}
        if len(self._early) > MAX_EARLY_MAPS:
            raise resource_exhausted(f"{len(self._early):,} messages wait for message {self._next}.")
        ready = []
        while self._next in self._early:
            ready.append(self._early.pop(self._next))
            self._next += 1
        return ready


@dataclass(frozen=True, slots=True)
class Batch:
    """Arrays that are sent together: their JSON, and the number of the last."""

    text: str
    last: int


class Outbox:
    """The arrays that the client has not confirmed, oldest first."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes of all these arrays."""
        self.last = 0
        """Number of the newest array; the answer to the handshake is array 0."""
        self._arrays: deque[tuple[int, str]] = deque()

    def add(self, data: Json) -> None:
        self.last += 1
        text = dumps(data)
        self._arrays.append((self.last, text))
        self.size += len(text)

    def confirm(self, number: int) -> None:
        """The client has received all arrays up to this number."""
        while self._arrays and self._arrays[0][0] <= number:
            self.size -= len(self._arrays.popleft()[1])

    def after(self, number: int) -> Batch | None:
        """The next arrays after this number, as many as fit into a chunk and at least one; None if there are none."""
        texts: list[str] = []
        size = 0
        for array, text in self._arrays:
            if array > number:
                size += len(text)
                if texts and size > MAX_CHUNK_BYTES:
                    break
                texts.append(f"[{array},{text}]")
                number = array
        return Batch(f"[{','.join(texts)}]", number) if texts else None

    def size_after(self, number: int) -> int:
        return sum(len(text) for array, text in self._arrays if array > number)


def parse_number(text: str | None, name: str, default: int) -> int:
    """A number in the query of a request.

    Raises:
        Refused: it is not a number.
    """
    if text is None:
        return default
    if not re.fullmatch(r"-?\d{1,15}", text):
        raise invalid(f"{name} must be a number, not {text[:20]!r}.")
    return int(text)
