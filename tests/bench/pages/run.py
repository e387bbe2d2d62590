"""The pages with large albums: first paint and filters of the console, frames while scrolling, Lighthouse.

    python -m bench.pages.run [--photos 50000] [--state DIR] [--report FILE]        in `tests/`

In a local cloud of its own, with the real function of the API; an album of `--photos` for the console and one of 10,000
for runners, both made up. `--state` keeps the local cloud and its albums for the next run; `photofinish down --state
DIR` stops it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import requests
import typer

from bench.pages.report import report_of
from photofinish_cli.sample_album import make_sample_album
from support.browser import chromium
from support.made_album import fill

FOLDER = Path(__file__).parent
RUNNERS_PHOTOS = 10_000
ORGANISERS, RUNNERS = "bench-console", "bench-runners"
PICTURES = 12
PARTS = ("lighthouse", "console", "runner")


def main(
    photos: Annotated[int, typer.Option(help="Of the console's album.", min=1_000)] = 50_000,
    part: Annotated[list[str] | None, typer.Option(help=f"Only these of {', '.join(PARTS)}.")] = None,
    state: Annotated[Path | None, typer.Option(help="State directory to keep.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the tables to this file.")] = None,
) -> None:
    parts, load_before = part or list(PARTS), os.getloadavg()[0]
    with ExitStack() as stack:
        folder = state or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-pages-"))) / "state"
        if state is None:
            stack.callback(_command, folder, "down")
        _command(folder, "up", "--detach", "--quiet")
        environment = json.loads(_command(folder, "env", "--json"))
        os.environ.update(environment)
        figures: dict[str, Any] = {"photos": photos, "load": load_before, "cores": os.cpu_count()}
        if "console" in parts:
            _fill_once(environment, ORGANISERS, photos)
            figures["console"] = _measured(environment, "measure.mjs", "console", ORGANISERS)
        if {"runner", "lighthouse"} & set(parts):
            _fill_once(environment, RUNNERS, RUNNERS_PHOTOS)
        if "runner" in parts:
            figures["runner"] = _measured(environment, "measure.mjs", "runner", _share(environment, RUNNERS))
        if "lighthouse" in parts:
            paths = (f"/a/{RUNNERS}", "/components")
            figures["lighthouse"] = _measured(environment, "lighthouse.mjs", _share(environment, RUNNERS), *paths)
    text = report_of(figures)
    print(text)
    if report is not None:
        report.write_text(text, encoding="utf-8")


def _command(state: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "photofinish_cli", *arguments]
    # Its servers keep what they inherit: the output goes to a file, whose end is not waited for.
    with tempfile.TemporaryFile("w+") as output:
        subprocess.run(command, env=os.environ | {"PHOTOFINISH_STATE_DIR": str(state)}, stdout=output, check=True)
        output.seek(0)
        return output.read()


def _api(environment: dict[str, str], method: str, path: str, **options: Any) -> requests.Response:
    headers = {"X-Api-Key": environment["PHOTOFINISH_API_KEY"]}
    return requests.request(
        method, f"{environment['PHOTOFINISH_API_URL']}/v1{path}", headers=headers, timeout=60, **options
    )


def _fill_once(environment: dict[str, str], album: str, photos: int) -> None:
    if _api(environment, "GET", f"/albums/{album}").ok:
        return
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as folder:
        sample = make_sample_album(Path(folder), photos=PICTURES)
        pictures = [photo.path for photo in sample.photos if photo.path.suffix == ".jpg"]
        fill(environment, album, photos, pictures, lambda text: print(text, file=sys.stderr))
    print(f"{album}: {photos:,} photos made in {time.perf_counter() - began_s:.0f} s", file=sys.stderr)


def _share(environment: dict[str, str], album: str) -> str:
    """A link that opens all photos of the album."""
    made = _api(environment, "POST", f"/albums/{album}/shares", json={"may": "browse"})
    made.raise_for_status()
    url: str = made.json()["url"]
    return url


def _measured(environment: dict[str, str], script: str, *arguments: str) -> Any:
    """What a script measures in the browser."""
    browser = chromium()
    if browser is None:
        raise typer.BadParameter("Chromium is not installed: install it, or set CHROMIUM to the path of a browser")
    variables = {
        "CHROMIUM": browser,
        "SERVER": environment["PHOTOFINISH_API_URL"],
        "KEY": environment["PHOTOFINISH_API_KEY"],
    }
    done = subprocess.run(
        ["node", script, *arguments],
        cwd=FOLDER,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    typer.run(main)
