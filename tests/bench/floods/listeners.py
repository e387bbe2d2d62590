"""A thousand apps that listen to albums or ask for them, in a process of its own.

    python listeners.py LIVE_URL API_URL KEY LISTENERS ALBUM ALBUM …

Nine of ten hold a live stream, one of ten asks for the album's statistics again and again. Prints how many events came
and how many answers, once its input ends.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import resource
import sys
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import aiohttp

_PAUSE_S = 5.0
_OPENED_AT_ONCE = 50


@dataclass
class Heard:
    """What all of them got together."""

    streams: int = 0
    events: int = 0
    answers: int = 0
    refused: int = 0
    """Answers that were none: too many requests, errors, lost connections."""


async def listen(url: str, album: str, key: str, heard: Heard, opening: asyncio.Semaphore) -> None:
    address = urlsplit(url)
    async with opening:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        path = f"/v1/albums/{album}/events/stream"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: live\r\nX-Api-Key: {key}\r\n\r\n".encode())
        head = await reader.readline()
    if b" 200 " not in head:
        heard.refused += 1
        return
    heard.streams += 1
    while content := await reader.read(65536):
        heard.events += content.count(b"\nid: ")
    heard.streams -= 1


async def poll(session: aiohttp.ClientSession, url: str, album: str, key: str, heard: Heard) -> None:
    while True:
        try:
            async with session.get(f"{url}/v1/albums/{album}/statistics", headers={"X-Api-Key": key}) as answer:
                await answer.read()
                heard.answers += answer.status == 200
                heard.refused += answer.status != 200
        except (aiohttp.ClientError, TimeoutError):
            heard.refused += 1
        await asyncio.sleep(_PAUSE_S)


async def run(live: str, api: str, key: str, listeners: int, albums: list[str]) -> None:
    heard, opening = Heard(), asyncio.Semaphore(_OPENED_AT_ONCE)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_OPENED_AT_ONCE)) as session:
        tasks = [
            asyncio.create_task(
                poll(session, api, album, key, heard) if number % 10 == 0 else listen(live, album, key, heard, opening)
            )
            for number, album in zip(range(listeners), itertools.cycle(albums), strict=False)
        ]
        await asyncio.to_thread(sys.stdin.read)
        most = heard.streams
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(asdict(heard) | {"streams": most}))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(run(*sys.argv[1:4], int(sys.argv[4]), sys.argv[5:]))
