"""Drops a folder as one album into a separate local cloud, and measures everything from upload to result.

    .venv/bin/python tests/bench/album/run.py DIR [--json FILE]

Reports final statuses, photos/s, p50/p95 from upload to result, time per stage, and the peak resident memory of every
process. The local cloud is in a temporary directory and is deleted afterwards.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from photofinish.domain.photo import PhotoStatus
from photofinish_cli.album_status import percentile, upload_to_result_s
from photofinish_cli.deployment import connect
from photofinish_cli.output import console, table
from photofinish_emulators import stack

_SAMPLE_EVERY_S = 0.2
_ALBUM = "bench"


class PeakMemory:
    """Peak resident memory in MB of every process under the supervisor, by the name of its piece."""

    def __init__(self, state_dir: Path) -> None:
        self.peaks_mb: dict[str, float] = {}
        self._state_dir = state_dir
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        supervisor = psutil.Process(json.loads((self._state_dir / "stack.json").read_text())["supervisor"]["pid"])
        while not self._stopping.wait(_SAMPLE_EVERY_S):
            names = {piece.pid: name for name, piece in stack.pieces(self._state_dir).items()}
            memory: dict[str, float] = {}
            for process in [supervisor, *supervisor.children(recursive=True)]:
                try:
                    name = self._name(process, names)
                    memory[name] = memory.get(name, 0) + process.memory_info().rss / 1e6
                except psutil.NoSuchProcess:
                    continue
            for name, mb in memory.items():
                self.peaks_mb[name] = max(mb, self.peaks_mb.get(name, 0))

    def _name(self, process: psutil.Process, names: dict[int | None, str]) -> str:
        if "photofinish_jobs" in process.cmdline():
            return "analysis task"
        for ancestor in [process, *process.parents()]:
            if ancestor.pid in names:
                return names[ancestor.pid]
        return "supervisor"


def main(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False)],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    with tempfile.TemporaryDirectory(prefix="photofinish-bench-") as temporary:
        state_dir = Path(temporary) / "state"
        os.environ["PHOTOFINISH_STATE_DIR"] = str(state_dir)
        command = [sys.executable, "-m", "photofinish_cli"]
        subprocess.run([*command, "up", "--detach"], check=True, stdout=subprocess.DEVNULL)
        try:
            memory = PeakMemory(state_dir)
            began = time.monotonic()
            subprocess.run([*command, "drop", str(folder), "--album", _ALBUM, "--wait"], check=True)
            elapsed_s = time.monotonic() - began
            memory.stop()
            figures = measure(state_dir, elapsed_s, memory.peaks_mb)
        finally:
            subprocess.run([*command, "down"], check=True, stdout=subprocess.DEVNULL)
    show(figures)
    if json_file:
        json_file.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")


def measure(state_dir: Path, elapsed_s: float, peaks_mb: dict[str, float]) -> dict[str, Any]:
    """Compute the figures of the dropped album."""
    records = list(connect(state_dir).documents.list_photos(_ALBUM))
    latencies = sorted(seconds for record in records if (seconds := upload_to_result_s(record)) is not None)
    done = [record.fields for record in records if record.status is PhotoStatus.DONE]
    stages = sorted({stage for fields in done for stage in fields["timings_ms"]})
    return {
        "photos": len(records),
        "statuses": {
            status: sum(r.status == status for r in records) for status in sorted({r.status for r in records})
        },
        "seconds": round(elapsed_s, 1),
        "photos_per_s": round(len(records) / elapsed_s, 2),
        "latency_p50_s": round(percentile(latencies, 50) or 0, 1),
        "latency_p95_s": round(percentile(latencies, 95) or 0, 1),
        "faces": sum(len(fields["faces"]) for fields in done),
        "bibs": sum(len(fields["bibs"]) for fields in done),
        "stage_ms_mean": {
            stage: round(statistics.fmean(fields["timings_ms"].get(stage, 0) for fields in done), 1) for stage in stages
        },
        "peak_memory_mb": {name: round(mb) for name, mb in sorted(peaks_mb.items())},
    }


def show(figures: dict[str, Any]) -> None:
    screen = console()
    figured = table("what", "figure", right=["figure"])
    for name, value in figures.items():
        if not isinstance(value, dict):
            figured.add_row(name, str(value))
    for group in ("statuses", "stage_ms_mean", "peak_memory_mb"):
        for name, value in figures[group].items():
            figured.add_row(f"{group}: {name}", str(value))
    screen.print(figured)


if __name__ == "__main__":
    typer.run(main)
