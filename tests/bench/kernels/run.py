"""Measures every kernel beside its best peer and writes docs/benchmarks/kernels.json and kernels.md.

Ours and the peers take turns, so that what else the machine does meets all of them alike. Kernels of one thread are
measured in that thread's processor time, which other processes do not count against, others by the clock; the median of
many runs counts. Exit status 1 when a kernel misses its bar. Needs the peers: see requirements.in.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

# Read when NumPy is loaded: the processor time of a helper thread would not count against a peer.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import cv2
import faiss
from cases import Case, all_cases
from rich.console import Console
from rich.table import Table

import photofinish_kernels as kernels

RESULTS = Path(__file__).parents[3] / "docs" / "benchmarks"
SECONDS_PER_CASE = 1.5
MIN_RUNS = 7


def measure(case: Case) -> dict[str, Any]:
    cv2.setNumThreads(case.threads)
    faiss.omp_set_num_threads(case.threads)
    clock = time.thread_time if case.threads == 1 else time.perf_counter
    runs = {"ours": case.ours, **case.peers}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    end = time.perf_counter() + SECONDS_PER_CASE
    while time.perf_counter() < end or len(times["ours"]) < MIN_RUNS:
        for name, run in runs.items():
            start = clock()
            run()
            times[name].append((clock() - start) * 1e3)
    medians = {name: statistics.median(values) for name, values in times.items()}
    peer = min(case.peers, key=lambda name: medians[name])
    return {
        "kernel": case.kernel,
        "size": case.size,
        "ours_ms": round(medians["ours"], 4),
        "peer": peer,
        "peer_ms": round(medians[peer], 4),
        "ratio": round(medians[peer] / medians["ours"], 2),
        "bar": case.bar if case.bar is not None else 1,
    }


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main() -> int:
    console = Console(width=150)
    results = []
    for case in all_cases():
        results.append(measure(case))
        row = results[-1]
        console.print(f"{row['kernel']} {row['size']}: {row['ratio']}×", highlight=False)
    title = f"{processor()}, {kernels.instruction_set()}, Python {platform.python_version()}"
    table = Table("kernel", "size", "ours ms", "peer", "peer ms", "ratio", "at least", title=title)
    lines = [f"# Kernels\n\n{title}; medians; made by `make bench-kernels`.\n"]
    lines += ["| kernel | size | ours ms | peer | peer ms | ratio | at least |", "|---|---|---|---|---|---|---|"]
    for row in results:
        cells = [str(value) for value in row.values()]
        met = row["ratio"] >= row["bar"]
        table.add_row(*cells, style=None if met else "red")
        lines.append(
            "| " + " | ".join([*cells[:-2], f"{cells[-2]}×", f"{cells[-1]}×" + ("" if met else " (missed)")]) + " |"
        )
    console.print(table)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "kernels.json").write_text(json.dumps({"machine": title, "results": results}, indent=1) + "\n")
    (RESULTS / "kernels.md").write_text("\n".join(lines) + "\n")
    return 0 if all(row["ratio"] >= row["bar"] for row in results) else 1


if __name__ == "__main__":
    sys.exit(main())
