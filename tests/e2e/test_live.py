"""An app watches an album being processed, with the programs that docs/events.md shows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import requests

from e2e.conftest import LocalCloud
from support.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
CLIENTS = Path(__file__).parents[1] / "clients"
GREY = cv2.imencode(".jpg", np.full((400, 400, 3), 96, np.uint8))[1].tobytes()
PROGRAMS = {"python": (sys.executable, CLIENTS / "live_listener.py")} | (
    {"node": (node, CLIENTS / "live_listener.mjs")} if (node := shutil.which("node")) else {}
)


@contextmanager
def listening(cloud: LocalCloud, album: str, output: Path, program: tuple[str, Path]) -> Iterator[None]:
    with output.open("w") as file:
        process = subprocess.Popen([*program, album, "0"], env=os.environ | cloud.environment, stdout=file)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_client_program_sees_a_photo_being_processed(cloud: LocalCloud, tmp_path: Path, program: str) -> None:
    album, output = f"watched-by-{program}", tmp_path / "events"
    with listening(cloud, album, output, PROGRAMS[program]):
        cloud.final_documents([cloud.upload(f"{album}/cam2/1.jpg", GREY)])
        told = wait_until(lambda: "photo.done" in (text := output.read_text()) and text.endswith("\n") and text, "done")
    kinds = [event["type"] for event in map(json.loads, told.splitlines())]
    assert kinds[0] == "photofinish.photo.queued"
    assert sorted(kinds) == ["photofinish.face.indexed", "photofinish.photo.done", "photofinish.photo.queued"]


def test_a_page_opens_a_stream_with_a_ticket_of_the_api(cloud: LocalCloud) -> None:
    cloud.final_documents([cloud.upload("ticketed/1.jpg", GREY)])
    key = {"X-Api-Key": cloud.environment["PHOTOFINISH_API_KEY"]}
    api, live = cloud.environment["PHOTOFINISH_API_URL"], cloud.environment["PHOTOFINISH_LIVE_URL"]
    ticket = requests.post(f"{api}/v1/albums/ticketed/events/tickets", headers=key, timeout=60).json()["ticket"]
    url = f"{live}/v1/albums/ticketed/events/stream"
    with requests.get(url, params={"ticket": ticket, "after": "0"}, stream=True, timeout=60) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines(chunk_size=1, decode_unicode=True)
        assert next(line for line in lines if "photofinish.photo.queued" in line)
    assert requests.get(url, params={"ticket": ticket}, timeout=60).status_code == 401
