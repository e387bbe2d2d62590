"""Photos are dropped, a link is shared, and a runner finds herself in a real browser and takes her photos home."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
import requests

from e2e.conftest import LocalCloud
from photofinish_cli.sample_album import SampleAlbum
from support import browser

pytestmark = pytest.mark.timeout(300)
ALBUM, TITLE, PIN = "runners-race", "Runners' race", "2468"


def test_a_runner_finds_herself_on_a_phone(cloud: LocalCloud, sample_album: SampleAlbum) -> None:
    if reason := browser.why_not():
        pytest.skip(reason)
    photos = [photo for photo in sample_album.photos if photo.path.suffix == ".jpg" and not photo.is_blurry][:4]
    runner = photos[0].runners[0]
    person = next(person for person in sample_album.people if person.person == runner.person)
    hers = [photo for photo in photos if person.person in {one.person for one in photo.runners}]
    start = time.monotonic()
    cloud.final_documents([cloud.upload(f"{ALBUM}/{photo.path.name}", photo.path.read_bytes()) for photo in photos])
    analysed_s = time.monotonic() - start
    result = subprocess.run(
        ["node", "--test", "--test-reporter=spec", "runner.test.mjs"],
        cwd=browser.CLIENTS,
        env=os.environ
        | {
            "CHROMIUM": browser.chromium() or "",
            "SHARE_URL": shared(cloud),
            "SHARE_PIN": PIN,
            "SELFIE": str(person.selfie),
            "BIB": person.bib_number,
            "FOUND": str(len(hers)),
            "ALBUM": ALBUM,
        },
        capture_output=True,
        text=True,
    )
    print(f"{len(photos)} photos dropped and analysed in {analysed_s:.1f} s", result.stdout, sep="\n")
    assert result.returncode == 0, result.stdout + result.stderr


def shared(cloud: LocalCloud) -> str:
    """A link to the album, with a PIN."""
    album = f"{cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/{ALBUM}"
    key = {"X-Api-Key": cloud.environment["PHOTOFINISH_API_KEY"]}
    card = requests.put(album, json={"title": TITLE, "downloads": "web"}, headers=key, timeout=60)
    assert card.status_code == 200, card.text
    share = requests.post(f"{album}/shares", json={"may": "find", "pin": PIN}, headers=key, timeout=60)
    assert share.status_code == 201, share.text
    url: str = share.json()["url"]
    return url
