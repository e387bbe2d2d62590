"""Prints the events of an album as they come, one JSON line each, and resumes: live_listener.py ALBUM [SEQUENCE]

PHOTOFINISH_LIVE_URL and PHOTOFINISH_API_KEY say where and as whom; `photofinish env` prints both for the local cloud.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

import requests


def events(album: str, after: str | None) -> Iterator[tuple[str, str]]:
    """Yield id and data of each event after `after`, for ever; connects again whenever the stream ends."""
    url = f"{os.environ['PHOTOFINISH_LIVE_URL']}/v1/albums/{album}/events/stream"
    headers = {"X-Api-Key": os.environ["PHOTOFINISH_API_KEY"]}
    while True:
        if after is not None:
            headers["Last-Event-ID"] = after
        try:
            # A heartbeat comes every 15 s, so silence means that the connection is broken.
            with requests.get(url, headers=headers, stream=True, timeout=(5, 45)) as answer:
                if 400 <= answer.status_code < 500 and answer.status_code != 429:
                    sys.exit(answer.text)
                answer.raise_for_status()
                for kind, identity, data in _parse(answer.iter_lines(chunk_size=1, decode_unicode=True)):
                    after = identity or after
                    if kind == "message":
                        yield identity, data
        except requests.RequestException:
            pass  # the server restarts, or the network is away
        time.sleep(float(os.environ.get("RETRY_S", "2")))


def _parse(lines: Iterator[str]) -> Iterator[tuple[str, str, str]]:
    """Yield type, id and data of each event (html.spec.whatwg.org/multipage/server-sent-events.html)."""
    kind, identity, data = "message", "", ""
    for line in lines:
        name, _, value = line.partition(": ")
        if not line:
            if data:
                yield kind, identity, data
            kind, data = "message", ""
        elif name == "event":
            kind = value
        elif name == "id":
            identity = value
        elif name == "data":
            data = value


if __name__ == "__main__":
    for _, event in events(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None):
        print(event, flush=True)
