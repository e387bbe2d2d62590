"""The console in a real browser: an organiser's day, from signing in to a shared link."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import LocalCloud
from photofinish_cli.sample_album import SampleAlbum

CLIENTS = Path(__file__).parents[1] / "clients"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (CLIENTS / "node_modules" / "@axe-core").is_dir() or shutil.which("node") is None or CHROMIUM is None,
        reason="needs Node, Chromium and `make tests/clients/node_modules`",
    ),
]


@pytest.fixture(scope="module")
def steps(cloud: LocalCloud, sample_album: SampleAlbum, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the journey tells of each step; it is made once."""
    photos = [photo for photo in sample_album.photos if photo.path.suffix == ".jpg"][:2]
    number = photos[0].runners[1].bib_number
    broken = tmp_path_factory.mktemp("console") / "broken.jpg"
    broken.write_bytes(b"this is not a picture")
    album = f"day-{uuid.uuid4().hex[:8]}"
    done = subprocess.run(
        ["node", "pages/console.mjs", album, number, *(str(photo.path) for photo in photos), str(broken)],
        cwd=CLIENTS,
        env=os.environ | cloud.environment | {"CHROMIUM": str(CHROMIUM)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["step"]: one for one in told} | {"album": album, "number": number}


def test_a_key_is_exchanged_for_a_session_that_scripts_cannot_read(steps: dict[str, Any]) -> None:
    assert steps["refused"]["message"] == "This key is not valid, or it has expired."
    assert steps["signed in"]["readable"] == ""


def test_problems_of_a_start_list_are_shown_before_it_is_saved(steps: dict[str, Any], cloud: LocalCloud) -> None:
    assert steps["start list"]["entries"] == "2 entries in the start list"
    assert steps["start list"]["problems"] == ["Line 4: 77 (3) is listed twice", "Line 5: “?” is not a number"]
    assert steps["created"]["album"] == steps["album"]
    assert cloud.sql(f"SELECT name FROM entrant WHERE number = '{steps['number']}' AND name = 'Ada Lovelace'")


def test_uploads_go_on_after_a_lost_network_and_tell_what_was_rejected(steps: dict[str, Any]) -> None:
    assert steps["uploaded"]["isLost"]
    [rejected] = steps["uploaded"]["rejected"]
    assert rejected.startswith("broken.jpg")


def test_the_grid_is_filtered_and_the_filter_is_in_the_address(steps: dict[str, Any]) -> None:
    assert steps["grid"]["photos"] == 3
    assert steps["filtered"]["address"] == "?status=rejected"


def test_a_corrected_number_can_be_undone(steps: dict[str, Any]) -> None:
    step = steps["corrected"]
    assert (step["corrected"], step["undone"]) == ("4711", step["read"])


def test_a_link_is_shared_with_its_code(steps: dict[str, Any], cloud: LocalCloud) -> None:
    assert steps["shared"]["link"].startswith(f"{cloud.environment['PHOTOFINISH_API_URL']}/s/")


def test_nothing_is_in_the_way_of_a_screen_reader(steps: dict[str, Any]) -> None:
    found = {name: step["axe"] for name, step in steps.items() if isinstance(step, dict) and step.get("axe")}
    assert not found


def test_no_script_failed(steps: dict[str, Any]) -> None:
    assert steps["signed out"]["broken"] == []
