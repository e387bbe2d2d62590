"""Batches through the whole local cloud: announced over the API, uploaded to the bucket, followed to the end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from e2e.conftest import LocalCloud, wait_for
from photofinish.domain.photo import PhotoRef
from support.pictures import encode, noise

CLIENTS = Path(__file__).parents[1] / "clients"
PARTS = 256 * 1024
PROGRAMS = [
    pytest.param([sys.executable, "upload_batch.py"], id="python"),
    pytest.param(
        ["node", "upload_batch.mjs"],
        id="node",
        marks=pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    ),
]


def call(cloud: LocalCloud, method: str, path: str, **request: Any) -> requests.Response:
    headers = {"X-Api-Key": cloud.environment["PHOTOFINISH_API_KEY"]} | request.pop("headers", {})
    return requests.request(method, f"{cloud.environment['PHOTOFINISH_API_URL']}{path}", headers=headers, **request)


def create(cloud: LocalCloud, album: str, **sizes: int) -> dict[str, Any]:
    files = [{"name": f"{name}.jpg", "size": size, "content_type": "image/jpeg"} for name, size in sizes.items()]
    answer = call(cloud, "POST", f"/v1/albums/{album}/batches", json={"files": files}, timeout=60)
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    return made


def start(upload: dict[str, Any]) -> str:
    target = upload["upload"]
    answer = requests.request(target["method"], target["url"], headers=target["headers"], timeout=60)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def put(session: str, content: bytes, content_range: str) -> requests.Response:
    return requests.put(session, data=content, headers={"Content-Range": content_range}, timeout=60)


def batch_in_state(cloud: LocalCloud, poll_url: str, state: str) -> dict[str, Any]:
    def page() -> dict[str, Any] | None:
        found: dict[str, Any] = call(cloud, "GET", poll_url, timeout=60).json()
        return found if found["batch"]["state"] == state else None

    found: dict[str, Any] = wait_for(page, f"the state {state} of the batch", 150)
    return found


def events_of(cloud: LocalCloud, made: dict[str, Any]) -> list[str]:
    path = f"/v1/albums/{made['batch']['album']}/events?limit=1000&batch_id={made['batch']['batch_id']}"
    return [one["type"] for one in call(cloud, "GET", path, timeout=60).json()["events"]]


@pytest.mark.parametrize("program", PROGRAMS)
def test_client_programs_upload_a_batch_and_see_it_complete(
    cloud: LocalCloud, program: list[str], tmp_path: Path
) -> None:
    for number in range(20):
        (tmp_path / f"IMG_{number:02}.jpg").write_bytes(encode(noise(160, 120, seed=number)))
    (tmp_path / "again.jpg").write_bytes((tmp_path / "IMG_07.jpg").read_bytes())
    (tmp_path / "IMG_20.jpg").write_bytes(b"no picture")
    (tmp_path / "IMG_21.jpg").write_bytes(encode(noise(1600, 1200, seed=21), quality=100))  # in several parts
    album = f"batch-{Path(program[1]).suffix[1:]}"
    run = subprocess.run(
        [*program, album, str(tmp_path)],
        cwd=CLIENTS,
        env=os.environ | cloud.environment,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert run.returncode == 0, run.stderr
    page = json.loads(run.stdout)
    assert page["batch"]["state"] == "completed"
    assert page["batch"]["counts"] == {"awaited": 0, "queued": 0, "done": 22, "rejected": 1, "failed": 0}
    [rejected] = [one for one in page["files"] if one["status"] == "rejected"]
    assert (rejected["name"], rejected["error"]["code"]) == ("IMG_20.jpg", "not_a_picture")
    told = events_of(cloud, page)
    assert told.count("photofinish.batch.completed") == 1
    assert told.count("photofinish.photo.done") == 22
    copies = [one for one in page["files"] if one["name"] in ("IMG_07.jpg", "again.jpg")]
    [duplicate] = [one for one in copies if one["duplicate_of"] is not None]
    assert duplicate["duplicate_of"] in {one["photo_id"] for one in copies if one is not duplicate}


def test_an_interrupted_upload_goes_on_where_it_was(cloud: LocalCloud) -> None:
    content = encode(noise(800, 600, seed=1), quality=100)
    assert len(content) > PARTS
    made = create(cloud, "batch-resumed", photo=len(content))
    session = start(made["uploads"][0])
    asked = put(session, b"", f"bytes */{len(content)}")
    assert (asked.status_code, asked.headers.get("Range")) == (308, None)
    assert put(session, content[:PARTS], f"bytes 0-{PARTS - 1}/{len(content)}").status_code == 308
    asked = put(session, b"", f"bytes */{len(content)}")  # another process, after the first died
    assert (asked.status_code, asked.headers["Range"]) == (308, f"bytes=0-{PARTS - 1}")
    assert put(session, content[PARTS:], f"bytes {PARTS}-{len(content) - 1}/{len(content)}").ok
    assert put(session, b"", f"bytes */{len(content)}").ok
    page = batch_in_state(cloud, made["poll_url"], "completed")
    assert page["batch"]["counts"]["done"] == 1
    ref = PhotoRef(bucket=cloud.bucket.name, name="batch-resumed/photo.jpg", generation=0)
    assert cloud.bucket.blob(ref.name).download_as_bytes() == content


def test_a_file_of_another_size_does_not_come_in(cloud: LocalCloud) -> None:
    content = encode(noise(160, 120))
    made = create(cloud, "batch-lies", refused=len(content) + 1, rejected=len(content) + 1)
    refused = requests.put(start(made["uploads"][0]), data=content, timeout=60)
    assert (refused.status_code, "EntityTooSmall" in refused.text) == (400, True)
    # Put there by other means with the metadata of the announcement: rejected on arrival.
    blob = cloud.bucket.blob("batch-lies/rejected.jpg")
    blob.metadata = {"announced-size": str(len(content) + 1)}
    blob.upload_from_string(content, content_type="image/jpeg")

    def rejected() -> dict[str, Any] | None:
        files = call(cloud, "GET", made["poll_url"] + "?status=rejected", timeout=60).json()["files"]
        return files[0] if files else None

    found = wait_for(rejected, "the rejection", 60)
    assert (found["name"], found["error"]["code"]) == ("rejected.jpg", "not_as_announced")
    assert batch_in_state(cloud, made["poll_url"], "open")["batch"]["counts"]["awaited"] == 1


def test_a_cancelled_batch_keeps_what_arrived(cloud: LocalCloud) -> None:
    content = encode(noise(160, 120, seed=3))
    made = create(cloud, "batch-cancelled", here=len(content), never=len(content))
    assert requests.put(start(made["uploads"][0]), data=content, timeout=60).ok
    wait_for(
        lambda: call(cloud, "GET", made["poll_url"], timeout=60).json()["batch"]["counts"]["awaited"] == 1,
        "the arrival of a file",
    )
    cancelled = call(cloud, "POST", made["poll_url"] + "/cancel", timeout=60).json()
    assert cancelled["state"] == "cancelled"
    late = requests.put(start(made["uploads"][1]), data=content, timeout=60)
    assert late.ok
    wait_for(
        lambda: call(cloud, "GET", made["poll_url"], timeout=60).json()["batch"]["counts"]["done"] == 1,
        "the result of the file that arrived",
        150,
    )
    page = call(cloud, "GET", made["poll_url"], timeout=60).json()
    assert page["batch"]["counts"]["awaited"] == 1
    assert "photofinish.batch.completed" not in events_of(cloud, made)


def test_a_repetition_carries_out_what_the_killed_api_did_not_answer(cloud: LocalCloud) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {
        "files": [{"name": f"{number}.jpg", "size": 1, "content_type": "image/jpeg"} for number in range(1000)],
    }
    path = "/v1/albums/batch-killed/batches"
    pid = cloud.pids()["api"]

    def first() -> None:
        try:
            call(cloud, "POST", path, json=body, headers=key, timeout=60)
        except requests.RequestException:
            return  # killed in the middle, as it should be

    asking = threading.Thread(target=first)
    asking.start()
    wait_for(lambda: cloud.sql("SELECT FROM kept_answer WHERE album = 'batch-killed'"), "the claim of the request")
    os.kill(pid, signal.SIGKILL)
    asking.join()
    # The claim of a request that no instance answers lapses after a minute.
    earlier = (
        "UPDATE kept_answer SET claimed_at = claimed_at - interval '1 minute' WHERE album = 'batch-killed' RETURNING 1"
    )
    cloud.sql(earlier)

    def repeated() -> requests.Response | None:
        try:
            answer = call(cloud, "POST", path, json=body, headers=key, timeout=60)
        except requests.RequestException:
            return None  # it is starting
        return answer if answer.status_code == 202 else None

    answer = wait_for(repeated, "the answer of the API that was started again", 120)
    again = wait_for(repeated, "the answer that was kept")
    assert again.json() == answer.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    batches = cloud.sql("SELECT batch_id FROM upload_batch JOIN album USING (album_id) WHERE name = 'batch-killed'")
    assert answer.json()["batch"]["batch_id"] in {str(batch_id) for (batch_id,) in batches}
