"""50 photos are dropped, a QR code leads a runner to hers, she takes them home as a ZIP: in a real browser, with times.

    python -m bench.journey.run [--write]       in `tests/`; some minutes, mostly of analysis; PHOTOS=6 to try it

Drops a drawn race into the console of a local cloud, reads the QR code off the screen as a phone does (OpenCV), opens
the link on a phone's screen, searches with a selfie, and unpacks the ZIP. `--write` puts the times into docs/pages.md.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2

from photofinish_cli.sample_album import SampleAlbum, SamplePerson, make_sample_album
from support.browser import CLIENTS, chromium, why_not

PHOTOS, SEED = int(os.environ.get("PHOTOS", "50")), 11
ALBUM = "fifty-photos"
DOCUMENT = Path(__file__).parents[3] / "docs" / "pages.md"
BEGIN, END = "<!-- journey: written by `make journey` -->", "<!-- end of journey -->"
STEPS = {
    "sent": f"{PHOTOS} photos are in the bucket",
    "analysed": "… and analysed",
    "code": "the link and its QR code are made",
    "album": "the code is opened on a phone: the album is there",
    "chosen": "a selfie is chosen, and drawn anew",
    "found": "it is sent: her photos are found",
    "first": "… and the first picture is sharp",
    "zip": "all of them are saved as a ZIP",
}


def main() -> None:
    if reason := why_not():
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory(prefix="journey-") as name:
        folder = Path(name)
        album = make_sample_album(folder / "race", photos=PHOTOS, seed=SEED)
        runner, truth = most_photographed(album)
        with local_cloud(folder / "state") as environment:
            files = [str(photo.path) for photo in album.photos]
            times = script("journey_organiser.mjs", environment, ALBUM, str(folder / "qr.png"), *files)
            link = decoded(folder / "qr.png")
            found = script("journey_runner.mjs", environment, link, str(runner.selfie), str(folder / "hers.zip"))
        with zipfile.ZipFile(folder / "hers.zip") as saved:
            assert saved.testzip() is None
            hers = {Path(one).stem for one in saved.namelist()}
    strangers = sorted(hers - truth)
    assert len(hers) == found["photos"], f"{found['photos']} were shown, {len(hers)} are in the ZIP"
    assert not strangers, f"she is not on {strangers}"
    print(table := report(times | found, len(hers), len(truth)))
    if "--write" in sys.argv[1:]:
        text = DOCUMENT.read_text(encoding="utf-8")
        changed = re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", f"{BEGIN}\n{table}\n{END}", text, flags=re.DOTALL)
        DOCUMENT.write_text(changed, encoding="utf-8")


def most_photographed(album: SampleAlbum) -> tuple[SamplePerson, set[str]]:
    """The person on most photos, and the names of these without their suffixes."""
    on = Counter(runner.person for photo in album.photos for runner in photo.runners)
    person = next(one for one in album.people if one.person == on.most_common(1)[0][0])
    return person, {photo.path.stem for photo in album.photos if person.person in {one.person for one in photo.runners}}


@contextmanager
def local_cloud(state: Path) -> Iterator[dict[str, str]]:
    """A local cloud of its own; gives its environment."""

    def command(*arguments: str) -> str:
        environment = os.environ | {"PHOTOFINISH_STATE_DIR": str(state)}
        done = [sys.executable, "-m", "photofinish_cli", *arguments]
        return subprocess.run(done, env=environment, check=True, capture_output=True, text=True).stdout

    command("up", "--detach")
    try:
        yield json.loads(command("env", "--json"))
    finally:
        command("down")


def script(name: str, environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """Run a part of the journey; what it tells on its last line."""
    done = subprocess.run(
        ["node", f"pages/{name}", *arguments],
        cwd=CLIENTS,
        env=os.environ | environment | {"CHROMIUM": chromium() or ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{name}: {done.stdout}\n{done.stderr}"
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def decoded(picture: Path) -> str:
    """The text of the QR code in a picture of the screen."""
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(cv2.imread(str(picture)))
    assert "/s/" in text, f"no link in the QR code: {text!r}"
    return text


def report(times: dict[str, Any], saved: int, truth: int) -> str:
    rows = [f"| {text} | {times[step] / 1000:.1f} s |" for step, text in STEPS.items()]
    told = f"{saved} photos found and saved of the {truth} that she is on, none of anyone else"
    measured = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}"
    return "\n".join(["| step | time |", "|---|---|", *rows, "", f"{told}; {measured}."])


if __name__ == "__main__":
    main()
