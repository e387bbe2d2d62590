"""What the checks against probing cost a search: with and without them by turns, in one run.

    python tests/bench/search/probing.py FOLDER [--faces 10000] [--searches 400]

Searches by vectors, which need no analysis, so the share of the checks is as large as it gets. FOLDER keeps the album.
Each search is by another picture of one of the people. Prints the medians with and without checks, by the clock and in
processor time of the function, and the median of the ratios of neighbours.
"""

from __future__ import annotations

import base64
import os
import sys
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from flask import Flask

sys.path.insert(0, str(Path(__file__).parents[2]))

from database import SPACE, loaded, server

from photofinish.domain.access import RateLimit, Scope
from photofinish_functions.access.gate import Gate
from photofinish_functions.api.app import make_app
from support.access import with_key
from support.api import running_api, write_key_file

SEED = 11
WARM_UP = 20
SEARCHES_A_KEY = 20
"""More of one caller would be noticed and slowed."""


class NoChecks:
    """Admits everyone and charges nothing."""

    def budgets(self, *_: object) -> list[str]:
        return []

    def admit(self, search: object) -> bool:
        return False

    def charge(self, *_: object, **__: object) -> None:
        return


def main(
    folder: Path,
    faces: Annotated[int, typer.Option(help="Faces of the album.")] = 10_000,
    searches: Annotated[int, typer.Option(help="Of each kind.")] = 400,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with server(folder) as conninfo:
        album = loaded(conninfo, folder, f"probed-{faces}", faces, SEED)
        os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(write_key_file(folder))
        os.environ["PHOTOFINISH_LINK_KEY"] = "LOCAL:a-secret-of-the-bench"
        with running_api(conninfo, None, os.environ.__setitem__) as api:  # type: ignore[arg-type]
            apps = [_app(api.cloud), _app(api.cloud, NoChecks())]
            rate = RateLimit(per_second=100_000, burst=100_000)
            selfies = album.crowd.selfies(2 * (WARM_UP + searches))
            took: list[list[tuple[float, float]]] = [[], []]
            for number in range(WARM_UP + searches):
                if number % SEARCHES_A_KEY == 0:
                    headers = with_key(api.key_for(Scope.SEARCH, may_use_vectors=True, rate=rate))
                # Another first each time: what a search leaves in caches helps the next one.
                for kind in (0, 1) if number % 2 else (1, 0):
                    search = partial(_search, apps[kind], album.album, selfies[2 * number + kind], headers)
                    spent = _timed(search)
                    if number >= WARM_UP:
                        took[kind].append(spent)
    _print(np.array(took))


def _app(cloud: Any, checks: NoChecks | None = None) -> Flask:
    gate = Gate(cloud.access, cloud.access_settings)
    if checks is not None:
        gate.probing = checks  # type: ignore[assignment]
    return make_app(cloud, cache(lambda: gate))


def _search(app: Flask, album: str, selfie: Any, headers: dict[str, str]) -> None:
    vector = base64.b64encode(selfie.astype("<f4").tobytes()).decode()
    body = {"embeddings": {"space": SPACE, "vectors": [vector]}, "limit": 20}
    answer = app.test_client().post(f"/v1/albums/{album}/search", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


def _timed(call: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and of this process's processor time."""
    began, before = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - began, time.process_time() - before


def _print(took: np.ndarray) -> None:
    """`took`: (with and without, searches, clock and processor)."""
    for name, column in (("clock", 0), ("processor", 1)):
        checked, free = took[0, :, column], took[1, :, column]
        print(
            f"{name:10} with {np.median(checked) * 1000:.2f} ms, without {np.median(free) * 1000:.2f} ms, "
            f"median ratio {np.median(checked / free):.3f}"
        )


if __name__ == "__main__":
    typer.run(main)
