"""A film in a browser: its poster, when a runner is in it, a player that starts then; none where faces are hidden."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
import requests

from e2e.conftest import LocalCloud
from photofinish_cli.sample_album import SampleAlbum
from support import browser
from support.sample_films import film_of_two_scenes
from support.videos import moving, video

pytestmark = pytest.mark.timeout(300)
SHOWN, HIDDEN = "film-shown", "film-hidden"


def test_a_runner_watches_herself_where_the_album_allows_it(cloud: LocalCloud, sample_album: SampleAlbum) -> None:
    if reason := browser.why_not():
        pytest.skip(reason)
    content, (_, second) = film_of_two_scenes(sample_album)
    put(cloud, HIDDEN, "policy", {"redact": "everyone"})
    refs = [cloud.upload(f"{album}/finish.mp4", content, "video/mp4") for album in (SHOWN, HIDDEN)]
    # No browser on Linux plays HEVC in software.
    refs.append(cloud.upload(f"{SHOWN}/start.mp4", video(moving(2), codec="libx265"), "video/mp4"))
    shown, hidden, _ = cloud.final_documents(refs)
    assert (shown["status"], hidden["status"]) == ("done", "done"), (shown.get("error"), hidden.get("error"))
    bib = next(runner.bib_number for runner in second.runners if runner.bib_number in shown["bib_numbers"])
    at_s = cloud.json("find", SHOWN, "--bib", bib)["photos"][0]["in_video"]["at_s"]
    for album in (SHOWN, HIDDEN):
        put(cloud, album, "", {"title": album, "downloads": "original"})
    result = subprocess.run(
        ["node", "--test", "--test-reporter=spec", "films.test.mjs"],
        cwd=browser.CLIENTS,
        env=os.environ
        | cloud.environment
        | {
            "SHOWN": SHOWN,
            "CHROMIUM": browser.chromium() or "",
            "SHOWN_URL": shared(cloud, SHOWN),
            "HIDDEN_URL": shared(cloud, HIDDEN),
            "BIB": bib,
            "AT_S": str(at_s),
        },
        capture_output=True,
        text=True,
    )
    print(result.stdout)
    assert result.returncode == 0, result.stdout + result.stderr


def shared(cloud: LocalCloud, album: str) -> str:
    """A link to all photos of an album, with originals as far as the album gives them."""
    answer = call(cloud, "POST", f"{album}/shares", {"may": "browse", "downloads": "original"})
    url: str = answer["url"]
    return url


def put(cloud: LocalCloud, album: str, part: str, body: dict[str, Any]) -> None:
    call(cloud, "PUT", f"{album}/{part}".rstrip("/"), body)


def call(cloud: LocalCloud, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = requests.request(
        method,
        f"{cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/{path}",
        json=body,
        headers={"X-Api-Key": cloud.environment["PHOTOFINISH_API_KEY"]},
        timeout=60,
    )
    assert answer.ok, answer.text
    content: dict[str, Any] = answer.json()
    return content
