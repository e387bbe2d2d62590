"""What a mobile app sees: the Firebase SDK listens to an album while its photos are being processed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from e2e.conftest import LocalCloud
from photofinish_cli.sample_album import SampleAlbum

CLIENTS = Path(__file__).parents[1] / "clients"
pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not (CLIENTS / "node_modules" / "firebase").is_dir() or shutil.which("node") is None,
        reason="the Firebase SDK is not installed: needs Node and `make tests/clients/node_modules`",
    ),
]


def test_an_app_watches_photos_arrive_and_become_done(cloud: LocalCloud, sample_album: SampleAlbum) -> None:
    photos = sample_album.photos[:2]
    browsable = {"users_may_search": True, "users_may_browse": True}
    answer = requests.put(
        f"{cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/watched/access",
        json=browsable,
        headers={"X-Api-Key": cloud.environment["PHOTOFINISH_API_KEY"]},
        timeout=60,
    )
    assert answer.json() == {"album": "watched", "anonymous_users": False} | browsable
    project = cloud.environment["GOOGLE_CLOUD_PROJECT"]
    app = subprocess.Popen(
        ["node", "album_listener.mjs", project, "watched", str(len(photos))],
        cwd=CLIENTS,
        env=os.environ | cloud.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert app.stdout is not None
        assert json.loads(app.stdout.readline()) == {"listening": True}
        refs = [cloud.upload(f"watched/{photo.path.name}", photo.path.read_bytes()) for photo in photos]
        out, _ = app.communicate(timeout=200)
    finally:
        app.kill()
        app.wait()
    assert app.returncode == 0
    changes = [change for line in out.splitlines() if "name" in (change := json.loads(line))]
    for ref in refs:
        seen = [change["status"] for change in changes if change["name"] == ref.name]
        assert seen[0] == "queued", seen
        assert seen[-1] == "done", seen
        assert set(seen) == {"queued", "processing", "done"}, seen
    numbers = {number for change in changes for number in change["bib_numbers"] or []}
    assert numbers & {runner.bib_number for photo in photos for runner in photo.runners}
