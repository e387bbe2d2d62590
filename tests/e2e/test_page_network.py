"""The runner's page in a real browser on a slow network and on none."""

from __future__ import annotations

import os
import subprocess

import pytest
import requests

from e2e.conftest import LocalCloud
from photofinish_cli.sample_album import SampleAlbum
from support import browser, made_album

pytestmark = pytest.mark.timeout(300)
ALBUM, PHOTOS = "slow-race", 150


def test_the_page_on_a_slow_network_and_on_none(cloud: LocalCloud, sample_album: SampleAlbum) -> None:
    if reason := browser.why_not():
        pytest.skip(reason)
    pictures = [photo.path for photo in sample_album.photos if photo.path.suffix == ".jpg"][:4]
    made_album.fill(cloud.environment, ALBUM, PHOTOS, pictures)
    result = subprocess.run(
        ["node", "--test", "--test-reporter=spec", "--test-timeout=120000", "network.test.mjs"],
        cwd=browser.CLIENTS,
        env=os.environ
        | {
            "CHROMIUM": browser.chromium() or "",
            "SHARE_URL": _shared(cloud),
            "ALBUM": ALBUM,
            "PHOTOS": str(_analysed(cloud)),
        },
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def _analysed(cloud: LocalCloud) -> int:
    """How many photos the page will list."""
    album = f"{cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/{ALBUM}"
    shown = requests.get(album, headers={"X-Api-Key": cloud.environment["PHOTOFINISH_API_KEY"]}, timeout=60)
    count: int = shown.json()["photos_by_status"]["done"]
    return count


def _shared(cloud: LocalCloud) -> str:
    """A link that opens all photos of the album."""
    album = f"{cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/{ALBUM}"
    key = {"X-Api-Key": cloud.environment["PHOTOFINISH_API_KEY"]}
    share = requests.post(f"{album}/shares", json={"may": "browse"}, headers=key, timeout=60)
    assert share.status_code == 201, share.text
    url: str = share.json()["url"]
    return url
