"""Pictures of every page for the documents, of the sample album, in a local cloud of its own.

    python -m support.page_pictures [--state DIR]        in `tests/`; `make page-pictures`

Needs some minutes, most of them for the analysis. `--state` names a local cloud that is kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import requests
import typer
from PIL import Image

from support import browser

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
ALBUM, PIN, COUNT = "sample-race", "2468", 24
DESKTOP_WIDTH = 960
WEBP = {"quality": 62, "method": 6}


def main(state: Annotated[Path | None, typer.Option(help="State directory to keep.")] = None) -> None:
    if reason := browser.why_not():
        raise typer.BadParameter(reason)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="page-pictures-")))
        if state is None:
            stack.callback(command, folder / "state", "down")
        cloud = state or folder / "state"
        command(cloud, "demo", "--out", str(folder / "demo"), "--count", str(COUNT))
        environment = json.loads(command(cloud, "env", "--json"))
        taken = folder / "taken"
        taken.mkdir()
        subprocess.run(
            ["node", "pages/pictures.mjs", str(taken)],
            cwd=browser.CLIENTS,
            env=os.environ | prepared(environment, folder / "demo" / "sample-album"),
            check=True,
        )
        PICTURES.mkdir(exist_ok=True)
        for path in sorted(taken.glob("*.png")):
            keep(path, PICTURES / f"{path.stem}.webp")


def prepared(environment: dict[str, str], sample: Path) -> dict[str, str]:
    """Give the album a card and a link; returns the variables of `pages/pictures.mjs`. `sample`: the sample album."""
    api, key = environment["PHOTOFINISH_API_URL"], environment["PHOTOFINISH_API_KEY"]

    def call(method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{api}/v1/albums/{ALBUM}{path}"
        answer = requests.request(method, url, json=body, headers={"X-Api-Key": key}, timeout=60)
        assert answer.ok, answer.text
        answered: dict[str, Any] = answer.json()
        return answered

    call("PUT", "", {"title": "Sample race", "held_on": "2026-05-03", "downloads": "web"})
    share = call("POST", "/shares", {"may": "browse", "label": "Posters at the finish", "pin": PIN})
    person = json.loads((sample / "truth.json").read_text(encoding="utf-8"))["people"][0]
    return {
        "CHROMIUM": browser.chromium() or "",
        "SERVER": api,
        "KEY": key,
        "SHARE_URL": share["url"],
        "PIN": PIN,
        "SELFIE": str(sample / person["selfie"]),
        "BIB": person["bib_number"],
        "ALBUM": ALBUM,
    }


def keep(screenshot: Path, path: Path) -> None:
    """Keep a picture small; a repository has it for ever."""
    image = Image.open(screenshot).convert("RGB")
    if image.width > DESKTOP_WIDTH:
        image = image.resize(
            (DESKTOP_WIDTH, round(image.height * DESKTOP_WIDTH / image.width)), Image.Resampling.LANCZOS
        )
    image.save(path, "WEBP", **WEBP)


def command(state: Path, *arguments: str) -> str:
    """What `photofinish …` prints. The servers that it starts keep its output open, so that is a file."""
    with tempfile.TemporaryFile("w+") as output:
        environment = os.environ | {"PHOTOFINISH_STATE_DIR": str(state)}
        subprocess.run(
            [sys.executable, "-m", "photofinish_cli", *arguments], env=environment, stdout=output, check=True
        )
        output.seek(0)
        return output.read()


if __name__ == "__main__":
    typer.run(main)
