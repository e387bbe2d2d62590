"""Concurrent searchers: when one has their answer, the next one comes."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from urllib.parse import quote

import numpy as np
import psutil
from api_server import ApiServer
from database import SPACE, postmaster
from numpy.typing import NDArray

TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back: latencies by the clients' clock, and what went wrong."""

    latencies_ms: NDArray[np.float64]
    wall_s: float
    errors: list[str]
    photos: float
    """Found by a search, on average."""
    function_cpu_ms: float
    database_cpu_ms: float
    """Processor time per search: on a busy machine the figure that still tells something."""

    @property
    def rate(self) -> float:
        return len(self.latencies_ms) / self.wall_s

    def percentile(self, percent: float) -> float:
        return float(np.percentile(self.latencies_ms, percent))


def embedding_request(server: ApiServer, album: str, vector: NDArray[np.float32], limit: int) -> bytes:
    """A search by an embedding."""
    encoded = base64.b64encode(vector.astype("<f4").tobytes()).decode()
    body = json.dumps({"embeddings": {"space": SPACE, "vectors": [encoded]}, "limit": limit}).encode()
    return _request(server, album, body, "application/json")


def selfie_request(server: ApiServer, album: str, picture: bytes, limit: int) -> bytes:
    """A search by a picture."""
    boundary = "a-boundary-of-its-own"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="limit"\r\n\r\n{limit}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="selfie"; filename="me.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode() + picture
    body += f"\r\n--{boundary}--\r\n".encode()
    return _request(server, album, body, f"multipart/form-data; boundary={boundary}")


def search(server: ApiServer, database: Path, requests: Sequence[bytes], *, searchers: int, total: int) -> Answers:
    """`total` searches by so many at once, with the requests in turn; `database` is the folder that it works in."""
    before = _cpu_s(server.pid), _cpu_s(postmaster(database))
    answers = asyncio.run(_search(server.port, requests, searchers, total))
    after = _cpu_s(server.pid), _cpu_s(postmaster(database))
    function_ms, database_ms = ((end - start) / total * 1000 for start, end in zip(before, after, strict=True))
    return replace(answers, function_cpu_ms=function_ms, database_cpu_ms=database_ms)


def _cpu_s(pid: int) -> float:
    """Of a process and its children, those that are there now and those that ended."""
    process = psutil.Process(pid)
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    ended = times[0].children_user + times[0].children_system
    return float(sum(one.user + one.system for one in times) + ended)


async def _search(port: int, requests: Sequence[bytes], searchers: int, total: int) -> Answers:
    numbers = count()
    latencies: list[float] = []
    errors: list[str] = []
    photos: list[int] = []

    async def searcher() -> None:
        while (number := next(numbers)) < total:
            began = time.perf_counter()
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    status, body = await _ask(port, requests[number % len(requests)])
            except (OSError, EOFError, TimeoutError) as error:
                errors.append(repr(error))
            else:
                latencies.append((time.perf_counter() - began) * 1000)
                if status == 200:
                    photos.append(body.count(b'"score"'))
                else:
                    errors.append(f"{status} {body[:200]!r}")

    began = time.perf_counter()
    await asyncio.gather(*[searcher() for _ in range(searchers)])
    wall_s = time.perf_counter() - began
    return Answers(np.array(latencies), wall_s, errors, float(np.mean(photos or [0])), 0.0, 0.0)


async def _ask(port: int, request: bytes) -> tuple[int, bytes]:
    """Status and body of one request over a connection of its own, as people come: each searches once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head.split(b" ", 2)[1])
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        return status, await reader.readexactly(length)
    finally:
        writer.close()


def _request(server: ApiServer, album: str, body: bytes, content_type: str) -> bytes:
    head = (
        f"POST /v1/albums/{quote(album)}/search HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: {server.key}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
