"""Measure every kernel against its best alternative, and write docs/benchmarks/kernels.json and kernels.md.

Ours and the alternatives run alternately, so that other load affects all of them equally. Kernels with one thread are
measured in the processor time of that thread, which excludes other processes, the others in wall-clock time. The result
is the median of many runs. Exits with status 1 if a kernel misses its required ratio. Needs the alternatives: see
requirements.in.
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

# NumPy reads this when it is loaded. The processor time of its helper threads would not be measured.
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
    columns = ["kernel", "size", "ours, ms", "best alternative", "its time, ms", "speedup", "required"]
    table = Table(*columns, title=title)
    lines = [f"# Kernels\n\n{title}. Medians, measured by `make bench-kernels`.\n"]
    lines += ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
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
