"""Upload a folder of photos as one batch, straight to the bucket, and wait for the results.

    PHOTOFINISH_API_URL=… PHOTOFINISH_API_KEY=… python upload_batch.py ALBUM FOLDER

Prints the batch as JSON. Needs `requests` and `google-crc32c`.
"""

from __future__ import annotations

import base64
import json
import mimetypes
import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import google_crc32c
import requests

PART_BYTES = 1024 * 1024  # a multiple of 256 KiB
ATTEMPTS = 20
API = os.environ["PHOTOFINISH_API_URL"]
HEADERS = {"X-Api-Key": os.environ["PHOTOFINISH_API_KEY"]}


def announce(path: Path, folder: Path) -> dict[str, Any]:
    checksum = google_crc32c.Checksum(path.read_bytes())  # type: ignore[no-untyped-call]
    return {
        "name": path.relative_to(folder).as_posix(),
        "size": path.stat().st_size,
        "content_type": mimetypes.guess_type(path.name)[0] or "application/octet-stream",
        "crc32c": base64.b64encode(checksum.digest()).decode(),  # type: ignore[no-untyped-call]
    }


def create_batch(album: str, files: list[dict[str, Any]]) -> dict[str, Any]:
    """The key makes a repetition after a lost answer safe: there is one batch, whatever happens."""
    headers = HEADERS | {"Idempotency-Key": str(uuid.uuid4())}
    url = f"{API}/v1/albums/{requests.utils.quote(album, safe='')}/batches"
    for _ in range(ATTEMPTS):
        try:
            answer = requests.post(url, json={"files": files}, headers=headers, timeout=60)
        except requests.ConnectionError:
            time.sleep(1)
            continue
        if answer.status_code in (409, 429, 503) and "Retry-After" in answer.headers:
            time.sleep(int(answer.headers["Retry-After"]))
            continue
        answer.raise_for_status()
        created: dict[str, Any] = answer.json()
        return created
    raise SystemExit("The API does not answer: try again later.")


def upload(path: Path, target: dict[str, Any]) -> None:
    started = requests.request(target["method"], target["url"], headers=target["headers"], timeout=60)
    started.raise_for_status()
    session, size, sent = started.headers["Location"], path.stat().st_size, 0
    is_interrupted = False  # then the server is asked what it has
    with path.open("rb") as file:
        for _ in range(size // PART_BYTES + ATTEMPTS):
            file.seek(sent)
            part = b"" if is_interrupted else file.read(PART_BYTES)
            content_range = f"bytes {'*' if is_interrupted else f'{sent}-{sent + len(part) - 1}'}/{size}"
            try:
                answer = requests.put(session, data=part, headers={"Content-Range": content_range}, timeout=60)
            except requests.ConnectionError:
                is_interrupted = True
                time.sleep(1)
                continue
            is_interrupted = False
            if answer.status_code != 308:
                answer.raise_for_status()
                return
            received = answer.headers.get("Range")  # bytes=0-1048575; none: nothing was received
            sent = int(received.rpartition("-")[2]) + 1 if received else 0
    raise SystemExit(f"{path} could not be uploaded: try again later.")


def result_of(poll_url: str) -> dict[str, Any]:
    while True:
        answer = requests.get(f"{API}{poll_url}?limit=1000", headers=HEADERS, timeout=60)
        answer.raise_for_status()
        page: dict[str, Any] = answer.json()
        if page["batch"]["state"] != "open":
            return page
        time.sleep(int(answer.headers["Retry-After"]))


def main(album: str, folder: Path) -> None:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    created = create_batch(album, [announce(path, folder) for path in paths])
    for path, one in zip(paths, created["uploads"], strict=True):
        upload(path, one["upload"])
    print(json.dumps(result_of(created["poll_url"])))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
