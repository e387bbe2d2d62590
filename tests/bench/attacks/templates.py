"""Attack the templates of an album through the API, and print how much of them was recovered.

    .venv/bin/python tests/bench/attacks/templates.py [--requests 10000] [--faces 15] [--attack NAME]

Every attack runs with a key that may use vectors, and with one that may not and sends pictures instead, which were made
to have any wanted embedding. `insider` begins with another picture of every person (cosine 0.7).
"""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).parents[2]))

from photofinish.domain.access import ApiKey
from support.api import running_api, write_key_file
from support.postgres import fresh_database
from support.synthetic_faces import Crowd
from support.template_attacks import ATTACKS, Oracle, VectorPictures, climb, make_album, recovered

INSIDER = "hill climbing by an insider"
HAS_RIGHT = "may_use_vectors" in {field.name for field in dataclasses.fields(ApiKey)}


def main(
    requests: int = 10_000,
    faces: Annotated[int, typer.Option(help="In the album, each of another person.")] = 15,
    attack: Annotated[list[str] | None, typer.Option(help="Only this attack; repeat it for several.")] = None,
    keys: Annotated[str, typer.Option(help="vectors, pictures, or both.")] = "both",
) -> None:
    os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(write_key_file(Path(tempfile.mkdtemp())))
    insiders = Crowd(faces, seed=1).portraits(faces)
    [(_, known)] = Crowd(faces, seed=1).album(faces, size=faces)
    print(f"{requests} requests, {faces} templates; an insider's pictures have {recovered(known, insiders):.3f}")
    print(f"{'attack':30} {'key':9} {'recovered':>9} {'hits':>6} {'refused':>8} {'s':>5}", flush=True)
    insider = functools.partial(climb, starts=insiders)
    for name, run in {**ATTACKS, INSIDER: insider}.items():
        for by_picture in (False, True):
            if (attack and name not in attack) or keys == ("vectors" if by_picture else "pictures"):
                continue
            with fresh_database() as conninfo, running_api(conninfo, None, os.environ.__setitem__) as api:  # type: ignore[arg-type]
                templates = make_album(api, faces, seed=1)
                api.cloud.pictures = VectorPictures(api.cloud.embedding_space)  # type: ignore[assignment]
                rights = {"may_use_vectors": True} if HAS_RIGHT and not by_picture else {}
                oracle = Oracle(api, api.key_for(**rights), templates, requests, by_picture=by_picture)
                started_at = time.perf_counter()
                value = recovered(templates, run(oracle))
                kind = "pictures" if by_picture else "vectors"
                print(
                    f"{name:30} {kind:9} {value:9.3f} {len(oracle.hits):6} {oracle.refused:8} "
                    f"{time.perf_counter() - started_at:5.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    typer.run(main)
