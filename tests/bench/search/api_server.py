"""The function `api` in a process of its own, as Cloud Run starts it: functions-framework under gunicorn."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from database import free_port

from photofinish.domain.access import RateLimit
from support.access import SECRETS, new_key, pg_access
from support.api import write_key_file

FUNCTIONS = Path(__file__).parents[3] / "functions"
START_TIMEOUT_S = 60
RATE = RateLimit(per_second=100_000, burst=100_000)


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Where it listens, a key that may search every album, and its process."""

    port: int
    key: str
    pid: int


@contextmanager
def api_server(conninfo: str, folder: Path, *, threads: int, workers: int) -> Iterator[ApiServer]:
    """The function on the database of `conninfo`, with so many processes and threads in each; logs into `folder`."""
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": conninfo,
        **SECRETS,
        "PHOTOFINISH_LINK_KEY": "LOCAL:a-secret-of-the-bench",
        "PHOTOFINISH_REGION": "local",
        "PHOTOFINISH_PHOTO_BUCKET": "photos",
        "PHOTOFINISH_DERIVED_BUCKET": "derived",
        "PHOTOFINISH_THREADS": "1",
        "GOOGLE_CLOUD_PROJECT": "test",
        "GOOGLE_APPLICATION_CREDENTIALS": str(write_key_file(folder)),
        "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1",  # links are signed without asking anybody
        "THREADS": str(threads),
        "WORKERS": str(workers),
        "FUNCTION_TARGET": "api",
        "FUNCTION_SOURCE": str(FUNCTIONS / "main.py"),
        "FUNCTION_SIGNATURE_TYPE": "http",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    argv = [sys.executable, "-m", "gunicorn", "--config", "python:photofinish_functions.gunicorn_config"]
    with pg_access(conninfo) as access:
        key = new_key(access, rate=RATE).text
    with (folder / "api.log").open("w") as log:
        process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the function does not start; see {folder / 'api.log'}")
            time.sleep(0.05)
        yield ApiServer(port, key, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=START_TIMEOUT_S)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0
