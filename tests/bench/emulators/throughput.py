"""Measures speed and memory of the three servers; writes docs/benchmarks/emulators.json and emulators.md.

``python tests/bench/emulators/throughput.py [--only firestore]``. Clients, endpoints and servers share the
machine, so every rate is a lower bound of what the server can do. Exit status 1 if a figure misses its bar.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[2]))

from figures import Figure
from firestore_load import measure_firestore
from pubsub_load import measure_pubsub
from run_jobs_load import measure_run_jobs

RESULTS = Path(__file__).parents[3] / "docs" / "benchmarks"
SERVERS: dict[str, Callable[[Path], list[Figure]]] = {
    "pubsub": measure_pubsub,
    "firestore": measure_firestore,
    "run-jobs": measure_run_jobs,
}
HEADINGS = ("server", "figure", "measured", "bar", "met", "server CPU", "client CPU")


def number(value: float) -> str:
    """Three significant digits, the precision of such a measurement."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def cells(figure: Figure) -> list[str]:
    bar = "" if figure.bar is None else f"{'≥' if figure.more_is_better else '≤'} {number(figure.bar)} {figure.unit}"
    met = {None: "", True: "yes", False: "no"}[figure.met]
    cpu = ["" if us is None else f"{number(us)} µs" for us in (figure.server_cpu_us, figure.client_cpu_us)]
    return [figure.server, figure.name, f"{number(figure.value)} {figure.unit}", bar, met, *cpu]


def machine() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = names[0].split(":", 1)[1].strip() if names else platform.processor()
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def write_results(figures: list[Figure], title: str, loads: tuple[float, float], when: str) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    results = [
        {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(figure).items()}
        | {"met": figure.met}
        for figure in figures
    ]
    document = {"machine": title, "when": when, "load_average_before_after": loads, "results": results}
    (RESULTS / "emulators.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    lines = [
        "# The servers of the local cloud\n",
        f"{title}; {when}; load average {loads[0]:.2f} before, {loads[1]:.2f} after; made by `make bench-emulators`. "
        "Clients and endpoints run on the same machine as the server. Processor time is per operation, for the "
        "server's process and the client's (an official client unless it says stub).\n",
        "| " + " | ".join(HEADINGS) + " |",
        "|---" * len(HEADINGS) + "|",
        *("| " + " | ".join(cells(figure)) + " |" for figure in figures),
    ]
    (RESULTS / "emulators.md").write_text("\n".join(lines) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(SERVERS), help="measure only this server; prints, but writes no files")
    arguments = parser.parse_args()
    logging.disable(logging.ERROR)  # the client libraries log every lost connection
    console = Console(width=150)
    before, when = os.getloadavg()[0], f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    figures: list[Figure] = []
    for name in [arguments.only] if arguments.only else SERVERS:
        console.print(f"measuring {name} ...")
        with tempfile.TemporaryDirectory() as folder:
            figures += SERVERS[name](Path(folder))
    loads = (round(before, 2), round(os.getloadavg()[0], 2))
    table = Table(*HEADINGS, title=f"{machine()}; load average {loads[0]} before, {loads[1]} after")
    for figure in figures:
        table.add_row(*cells(figure), style="red" if figure.met is False else None)
    console.print(table)
    if not arguments.only:
        write_results(figures, machine(), loads, when)
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
