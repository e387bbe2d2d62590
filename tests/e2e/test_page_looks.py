"""How the pages look on a phone, on a desktop and in the dark, compared with the pictures in `looks/`.

`make page-looks` makes those anew, after a change that is meant.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from e2e.conftest import LocalCloud
from support import browser, looks

pytestmark = pytest.mark.timeout(120)
KEPT = Path(__file__).parent / "looks"
WIDTHS = KEPT / "widths.json"
ALBUM, PIN = "looks-race", "2468"
LOOKS = [f"{page}-{look}" for page in ("components", "pin", "album") for look in ("phone", "desktop", "dark")]
MAY_CHANGE = 0.002  # of the page: a button of another colour is more
SAME_WIDTH_PX = 0.5


@pytest.fixture(scope="module")
def screenshots(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the pages as they look now. Skips where the browser draws other letters than in `looks/`."""
    if reason := browser.why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("looks")
    done = subprocess.run(
        ["node", "pages/looks.mjs", str(folder)],
        cwd=browser.CLIENTS,
        env=os.environ | {"CHROMIUM": browser.chromium() or "", "SHARE_URL": _shared(cloud), "PIN": PIN},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    widths = json.loads(done.stdout)["widths"]
    if "RENEW_LOOKS" in os.environ:
        _renew(folder, widths)
    kept = json.loads(WIDTHS.read_text(encoding="utf-8"))
    if any(abs(width - wanted) > SAME_WIDTH_PX for width, wanted in zip(widths, kept, strict=True)):
        pytest.skip(f"this browser draws sentences {widths} pixels wide, the one of the pictures {kept}")
    return folder


@pytest.mark.parametrize("name", LOOKS)
def test_a_page_looks_as_it_did(screenshots: Path, name: str) -> None:
    changed = looks.changed_share(screenshots / f"{name}.png", KEPT / f"{name}.png")
    if changed > MAY_CHANGE:
        shown = Path(os.environ.get("LOOKS_DIR", ".state/looks"))
        shown.mkdir(parents=True, exist_ok=True)
        shutil.copy(screenshots / f"{name}.png", shown)
        pytest.fail(
            f"{changed:.1%} of the page looks different: compare {shown / name}.png with {KEPT / name}.png; if that is"
            " meant, run `make page-looks`"
        )


@pytest.mark.parametrize("other", ["album-dark", "components-phone"])
def test_another_page_does_not_pass_for_it(screenshots: Path, other: str) -> None:
    assert looks.changed_share(screenshots / "album-phone.png", KEPT / f"{other}.png") > 10 * MAY_CHANGE


def _renew(folder: Path, widths: list[float]) -> None:
    KEPT.mkdir(exist_ok=True)
    for name in LOOKS:
        looks.keep(folder / f"{name}.png", KEPT / f"{name}.png")
    WIDTHS.write_text(f"{json.dumps(widths)}\n", encoding="utf-8")


def _shared(cloud: LocalCloud) -> str:
    """A link with a PIN to an album that has a card and no photo."""
    album = f"{cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/{ALBUM}"
    key = {"X-Api-Key": cloud.environment["PHOTOFINISH_API_KEY"]}
    card = {"title": "Spring 10k", "held_on": "2026-05-03", "downloads": "web"}
    assert requests.put(album, json=card, headers=key, timeout=60).status_code == 200
    share = requests.post(f"{album}/shares", json={"may": "find", "pin": PIN}, headers=key, timeout=60)
    assert share.status_code == 201, share.text
    url: str = share.json()["url"]
    return url
