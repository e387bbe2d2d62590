"""How much memory a process takes that streams a ZIP of 2 GB from the local storage server, and how fast it is.

    python -m bench.downloads.memory        in `tests/`; takes 2 GB of disk and some minutes

A client fetches the archive through gunicorn, as the function `api` serves it, stops in the middle and goes on with
`Range`; the whole file is checked with `unzip -t`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from flask import Flask, Response, request
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from photofinish.adapters.google.photo_store import GcsPhotoStore
from photofinish.adapters.memory.downloads import MemoryDownloads
from photofinish.application.downloads.resumable import ResumableArchive
from photofinish.domain.download import Download, DownloadedPhoto, DownloadSize
from photofinish.domain.photo import PhotoRef
from photofinish_emulators.storage import Storage
from support.ports import free_port
from support.waiting import wait_until

FILES = [8_000_000] * 230 + [40_000_000] * 4
"""Sizes: as cameras write JPEG, and some raw files, which are read twice."""
_TOKEN = b"t" * 32


def client_of(url: str) -> Client:
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return Client(project="test", credentials=credentials, client_options=ClientOptions(api_endpoint=url))


def app() -> Flask:
    """What gunicorn serves: the archive of the files that BENCH_FILES lists."""
    told = json.loads(os.environ["BENCH_FILES"])
    store = GcsPhotoStore(client_of(told["url"]), "photos", "derived")
    photos = [
        DownloadedPhoto(
            photo=PhotoRef(bucket="photos", name=name, generation=generation),
            path=name,
            size_bytes=size,
            taken_at=None,
        )
        for name, generation, size in told["files"]
    ]
    downloads = MemoryDownloads()
    download = Download(
        download_id="bench",
        album="race",
        made_by=("key", "bench"),
        is_organiser=True,
        size=DownloadSize.ORIGINAL,
        with_metadata=False,
        photos=tuple(photos),
        expires_at=datetime.now(UTC) + timedelta(days=1),
    )
    downloads.add(replace(download), _TOKEN)
    made = Flask(__name__)

    @made.get("/")
    def archive() -> Response:
        known = downloads.find(_TOKEN, datetime.now(UTC))
        assert known is not None
        sent = ResumableArchive(known, store, downloads)
        start = 0 if request.range is None else request.range.ranges[0][0]
        answer = Response(sent.parts(start, sent.layout.length), status=206 if start else 200)
        answer.content_length = sent.layout.length - start
        return answer

    return made


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(directory=Path(folder) / "storage", port=free_port(), notify_project=None)
        (Path(folder) / "storage").mkdir()
        server = subprocess.Popen(storage.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: _answers(f"{storage.url}/_internal/healthcheck"), "the storage server answers")
            _measure(storage.url, Path(folder) / "photos.zip")
        finally:
            server.terminate()
            server.wait()


def _measure(storage_url: str, file: Path) -> None:
    client = client_of(storage_url)
    bucket = client.create_bucket("photos")
    content = os.urandom(1024) * (max(FILES) // 1024 + 1)
    files = []
    for number, size in enumerate(FILES):
        blob = bucket.blob(f"race/{number:04}.jpg")
        blob.upload_from_string(content[:size], content_type="image/jpeg")
        files.append((blob.name, int(blob.generation), size))
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-b",
        f"127.0.0.1:{port}",
        "--worker-class",
        "gthread",
        "--threads",
        "4",
    ]
    environment = os.environ | {"BENCH_FILES": json.dumps({"url": storage_url, "files": files})}
    served = subprocess.Popen([*command, "bench.downloads.memory:app()"], env=environment)
    try:
        url = f"http://127.0.0.1:{port}/"
        wait_until(
            lambda: bool(psutil.Process(served.pid).children()) and _answers(url, first=True), "gunicorn answers"
        )
        [worker] = psutil.Process(served.pid).children()
        before = worker.memory_info().rss
        started, half = time.monotonic(), sum(FILES) // 2
        peak = before
        with file.open("wb") as target:
            for start, stop in ((0, half), (half, None)):
                asked = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
                with urllib.request.urlopen(asked) as answer:  # a file of the bench's own server
                    while (stop is None or target.tell() < stop) and (
                        part := answer.read(min(2**20, (stop or 2**62) - target.tell()))
                    ):
                        target.write(part)
                        peak = max(peak, worker.memory_info().rss)
        took_s = time.monotonic() - started
        checked = subprocess.run(["unzip", "-tq", file], capture_output=True, text=True, check=False)
        print(
            json.dumps(
                {
                    "bytes": file.stat().st_size,
                    "interrupted_at": half,
                    "seconds": round(took_s, 1),
                    "mb_per_s": round(file.stat().st_size / took_s / 1e6),
                    "rss_before_mb": round(before / 1e6, 1),
                    "rss_growth_mb": round((peak - before) / 1e6, 1),
                    "unzip": checked.stdout.strip() or checked.stderr.strip(),
                }
            )
        )
    finally:
        served.terminate()
        served.wait()


def _answers(url: str, *, first: bool = False) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            if first:
                answer.read(1)
            return bool(answer.status < 300)
    except OSError:
        return False


if __name__ == "__main__":
    main()
