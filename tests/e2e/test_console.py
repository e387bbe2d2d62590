"""The console in a real browser: an organiser's day, from signing in to a shared link."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from e2e.conftest import LocalCloud
from photofinish_cli.sample_album import SampleAlbum

CLIENTS = Path(__file__).parents[1] / "clients"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.timeout(600),
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
    told: list[dict[str, Any]] = []
    with (tmp_path_factory.mktemp("errors") / "errors").open("w+", encoding="utf-8") as errors:
        journey = subprocess.Popen(
            ["node", "pages/console.mjs", album, number, *(str(photo.path) for photo in photos), str(broken)],
            cwd=CLIENTS,
            env=os.environ | cloud.environment | {"CHROMIUM": str(CHROMIUM)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert journey.stdout is not None
        try:
            for line in journey.stdout:
                told.append(json.loads(line))
                if told[-1]["step"] == "created":  # the end of the journey erases it
                    entrant = "SELECT name FROM entrant WHERE number = %s AND name = 'Ada Lovelace'"
                    told[-1]["entrants"] = cloud.sql(entrant, number)
            code = journey.wait()
        finally:
            journey.kill()
        errors.seek(0)
        assert code == 0, f"{told[-1:]}\n{errors.read()}"
    return {one["step"]: one for one in told} | {"album": album, "number": number}


def test_a_key_is_exchanged_for_a_session_that_scripts_cannot_read(steps: dict[str, Any]) -> None:
    assert steps["refused"]["message"] == "This key is not valid, or it has expired."
    assert steps["signed in"]["readable"] == ""


def test_problems_of_a_start_list_are_shown_before_it_is_saved(steps: dict[str, Any]) -> None:
    assert steps["start list"]["entries"] == "2 entries in the start list"
    assert steps["start list"]["problems"] == ["Line 4: 77 (3) is listed twice", "Line 5: “?” is not a number"]
    assert steps["created"]["album"] == steps["album"]
    assert steps["created"]["entrants"] == [("Ada Lovelace",)]


def test_uploads_go_on_after_a_lost_network_and_tell_what_was_rejected(steps: dict[str, Any]) -> None:
    assert steps["uploaded"]["isLost"]
    [rejected] = steps["uploaded"]["rejected"]
    assert rejected.startswith("broken.jpg")


def test_a_folder_that_was_dropped_already_shows_no_empty_bars(steps: dict[str, Any]) -> None:
    assert steps["dropped again"]["bars"] == 0


def test_a_view_that_cannot_be_shown_says_so_in_its_heading(steps: dict[str, Any]) -> None:
    assert "no photo with this id" in steps["no such photo"]["message"]


def test_the_grid_is_filtered_and_the_filter_is_in_the_address(steps: dict[str, Any]) -> None:
    assert steps["grid"]["photos"] == 3
    assert steps["filtered"]["address"] == "?status=rejected"


def test_a_corrected_number_can_be_undone(steps: dict[str, Any]) -> None:
    step = steps["corrected"]
    assert (step["corrected"], step["undone"]) == ("4711", step["read"])


def test_nothing_is_asked_in_vain_without_a_session(steps: dict[str, Any]) -> None:
    assert steps["signed out at first"]["complaints"] == []


def test_a_box_is_drawn_by_hand_and_taken_back(steps: dict[str, Any]) -> None:
    step = steps["box drawn"]
    assert all(abs(is_at - drawn) <= 1 for is_at, drawn in zip(step["style"], (10, 10, 20, 10), strict=True)), step
    assert (step["added"], step["left"]) == (1, 0)


def test_people_are_named_merged_and_split(steps: dict[str, Any]) -> None:
    assert steps["named"]["faces"] == ["Ada", "Bea"]
    step = steps["merged and split"]
    assert len(step["merged"]) == 1
    assert (step["both"], step["left"]) == (2, 1)


def test_numbers_are_decided_by_the_keyboard(steps: dict[str, Any]) -> None:
    step = steps["decided"]
    assert (step["confirmed"], step["rejected"], step["sent"]) == (200, 200, {"confirmed": False})


def test_a_webhook_is_added_with_its_secret(steps: dict[str, Any]) -> None:
    assert steps["webhook"]["secret"] == "whsec_"


def test_the_clock_of_a_camera_is_shifted(steps: dict[str, Any]) -> None:
    assert "write +1:00" in steps["clocks"]["refused"]
    assert steps["clocks"]["shifts"][:1] == [3600]


def test_a_key_is_made_used_and_revoked(steps: dict[str, Any]) -> None:
    step = steps["key"]
    assert step["card"] == steps["album"].replace("-", " "), "albums are listed with their titles"
    assert (step["form"], step["status"]) == ("pf_", 200)


def test_the_audit_is_filtered_by_what_was_done(steps: dict[str, Any]) -> None:
    assert steps["audit"]["actions"] == ["revoke_key"]
    assert steps["audit"]["address"] == "?action=revoke_key"


def test_nothing_is_in_the_way_in_the_dark_either(steps: dict[str, Any]) -> None:
    assert steps["in the dark"]["found"] == {}


def test_an_album_is_erased_with_a_receipt(steps: dict[str, Any], cloud: LocalCloud, tmp_path: Path) -> None:
    assert steps["erased"]["refused"]
    (tmp_path / "receipt.json").write_text(steps["erased"]["receipt"], encoding="ascii")
    assert json.loads(steps["erased"]["receipt"])["target"]["kind"] == "album"
    cloud.command("receipt", "verify", str(tmp_path / "receipt.json"))
    assert not cloud.sql("SELECT FROM photo JOIN album USING (album_id) WHERE album.name = %s", steps["album"])


def test_a_link_is_shared_with_its_code(steps: dict[str, Any], cloud: LocalCloud) -> None:
    assert steps["shared"]["link"].startswith(f"{cloud.environment['PHOTOFINISH_API_URL']}/s/")
    screen = np.frombuffer(base64.b64decode(steps["shared"]["code"]), np.uint8)
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(cv2.imdecode(screen, cv2.IMREAD_COLOR))
    assert text == steps["shared"]["link"], "as a phone reads it off the screen"


def test_nothing_is_in_the_way_of_a_screen_reader(steps: dict[str, Any]) -> None:
    found = {name: step["axe"] for name, step in steps.items() if isinstance(step, dict) and step.get("axe")}
    assert not found


def test_no_script_failed(steps: dict[str, Any]) -> None:
    assert steps["signed out"]["broken"] == []
