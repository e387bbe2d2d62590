"""What sending photos in batches of the API takes, compared with sending them straight to the bucket.

    python tests/bench/album/dropping.py [--files 300] [--rounds 3] [--json FILE]

A whole local cloud runs, in which no task may start. The two ways alternate, each with files and an album of its own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from photofinish_cli import dropping
from photofinish_cli.batch_dropping import BatchDropping
from photofinish_cli.deployment import connect
from photofinish_cli.drop_files import collect
from photofinish_cli.drop_names import Placed, place

_PARALLEL = 8


def main(
    files: Annotated[int, typer.Option(min=10)] = 300,
    size_kb: Annotated[int, typer.Option(min=1)] = 100,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    with tempfile.TemporaryDirectory(prefix="photofinish-bench-") as temporary:
        state_dir = Path(temporary) / "state"
        command = [sys.executable, "-m", "photofinish_cli"]
        environment = os.environ | {"PHOTOFINISH_STATE_DIR": str(state_dir)}
        subprocess.run([*command, "up", "--detach"], check=True, stdout=subprocess.DEVNULL, env=environment)
        try:
            cloud = connect(state_dir)
            all_leases = cloud.settings.max_gpu_tasks  # so that no task is started
            cloud.leases.reserve(lambda leased: all_leases, launch_id="bench", expires_in_s=24 * 3600)

            def in_batches(album: str, placed: list[Placed]) -> dropping.Dropped:
                sender = BatchDropping(album, cloud.settings.photo_bucket, parallel=_PARALLEL)
                return sender.send(placed, on_done=lambda: None)

            def straight(_: str, placed: list[Placed]) -> dropping.Dropped:
                return dropping.send(cloud.uploads, placed, parallel=_PARALLEL, on_done=lambda: None)

            seconds: dict[str, list[float]] = {"batches": [], "straight": []}
            for number in range(rounds + 1):  # the first one warms up
                for name, send in (("batches", in_batches), ("straight", straight)):
                    album, folder = f"{name}-{number}", Path(temporary) / f"{name}-{number}"
                    folder.mkdir()
                    for photo in range(files if number else 20):
                        (folder / f"{photo:05}.jpg").write_bytes(os.urandom(size_kb * 1000))
                    placed = place(collect([folder], album).photos, {}, {}, replace=False)
                    began = time.perf_counter()
                    dropped = send(album, placed)
                    took_s = time.perf_counter() - began
                    assert len(dropped.sent) == len(placed), dropped.failed
                    if number:
                        seconds[name].append(took_s)
        finally:
            subprocess.run([*command, "down"], check=True, stdout=subprocess.DEVNULL, env=environment)
    figures: dict[str, Any] = {
        "files": files,
        "size_kb": size_kb,
        "seconds": {name: [round(one, 2) for one in many] for name, many in seconds.items()},
        "ratio_of_medians": round(statistics.median(seconds["batches"]) / statistics.median(seconds["straight"]), 2),
    }
    print(json.dumps(figures, indent=2))
    if json_file:
        json_file.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    typer.run(main)
