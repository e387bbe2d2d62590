"""The dialogs of a runner in a real browser, on the real API: she is told of new photos by e-mail, and is forgotten."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.domain.album_policy import AlbumPolicy, Indexing
from support.api import Api, selfie_of_astronaut
from support.browser import CLIENTS, chromium, why_not
from support.faces import bib, photo
from support.http_server import served
from support.index import add
from support.pictures import astronaut

DEADLINE_S = 240
ADDRESS = "ada@example.org"


@pytest.mark.timeout(DEADLINE_S)
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_a_runner_is_told_of_new_photos_and_is_forgotten_in_two_taps(
    api: Api, encoder: FaceEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTOFINISH_NOTIFICATION_CHANNELS", "email")
    monkeypatch.setenv("PHOTOFINISH_PUBLIC_URL", "https://photos.example.org")
    add(api.cloud.index, photo("race/1.jpg"), encoder.encode([astronaut()])[0], [bib("42", face_index=0)])
    api.cloud.album_policies.set_policy("race", AlbumPolicy(indexing=Indexing.OPT_OUT, purpose="finding race photos"))
    selfie = tmp_path / "selfie.jpg"
    selfie.write_bytes(selfie_of_astronaut())
    with served(api.app) as url:
        token = api.call("POST", "/albums/race/shares", json={"may": "find"}).get_json()["url"].rpartition("/")[2]
        done = subprocess.run(
            ["node", "pages/runner_dialogs.mjs", f"{url}/s/{token}", "42", ADDRESS, str(selfie)],
            cwd=CLIENTS,
            env=os.environ | {"CHROMIUM": chromium() or ""},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S - 20,
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    steps = {one["step"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert steps["told"]["isOpen"], "nothing is sent without an address"
    assert steps["forgotten"]["taps"] == 2
    assert "maybe you" not in steps["forgotten"]["tags"].lower(), "the calibration is certain of an own selfie"
    assert not steps["forgotten"]["results"]
    assert not steps["forgotten"]["selfie"], "it does not stay in the page either"
    assert [step["axe"] for step in steps.values() if step.get("axe")] == []
    assert steps["ended"]["broken"] == []
    counts = api.call("GET", "/albums/race/subscription-counts").get_json()
    assert ADDRESS not in json.dumps(counts)
    with api.database.transaction() as conn:
        told = "SELECT channel, address FROM subscription JOIN subscription_contact USING (subscription_id)"
        assert conn.execute(told).fetchall() == [("email", ADDRESS)]
    assert len(api.call("GET", "/albums/race/opt-outs").get_json()["opt_outs"]) == 1
    assert api.search("race", selfie_of_astronaut()).get_json()["photos"] == []
