"""Hurt a local cloud of real processes while it analyses an album, and look for what was lost, doubled or left over.

    python tests/bench/faults/run.py [--seed 0] [--faults 10000] [--minutes 30] [--report FILE]

Exit status 1 when anything was lost, duplicated or orphaned, or the cloud does not heal. SIGTERM and Ctrl-C end the
faults; what was hurt until then is still compared and reported.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parents[2]))

from report import collect, collected, document, summary, table

from photofinish_emulators.stack import CannotServe, StackFailed
from support.faulty_cloud.cloud import FREEZE_S, FaultyCloud
from support.faulty_cloud.running import Run, Running
from support.faulty_cloud.schedule import NEEDING_ABILITIES, outages

_PHOTOS_BEFORE = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--faults", type=int, default=10_000, help="end after so many single failures (default: 10,000)"
    )
    parser.add_argument("--minutes", type=float, default=60, help="end after so long (default: 60)")
    parser.add_argument("--report", type=Path, help="write the table into this document")
    parser.add_argument("--collect", type=Path, help="add this run to those of this file, and report all of them")
    parser.add_argument("--keep", type=Path, help="keep the cloud's state in this folder, to look into it")
    arguments = parser.parse_args()
    logging.disable(logging.ERROR)  # the client libraries log every lost connection
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    console = Console(width=140)
    with tempfile.TemporaryDirectory(prefix="photofinish-faults-") as folder:
        cloud = FaultyCloud(arguments.keep or Path(folder), arguments.seed, with_small_disk=arguments.keep is None)
        left_out = {kind: why for kind, why in NEEDING_ABILITIES.items() if kind not in cloud.abilities}
        for kind, why in left_out.items():
            console.print(f"left out: {kind} ({why})", style="yellow", markup=False)
        run, problem = hurt(cloud, arguments.seed, arguments.faults, arguments.minutes * 60, console)
    console.print(table(run))
    console.print(summary(run, arguments.seed))
    for what in ("lost", "duplicated", "orphaned", "checked"):
        for line in getattr(run.left, what)[:20]:
            console.print(f"{what}: {line}", style="red", markup=False)
    if problem:
        console.print(problem, style="red", markup=False)
    if arguments.collect:
        collect(run, arguments.seed, arguments.collect)
    if arguments.report:
        runs = collected(arguments.collect) if arguments.collect else [(arguments.seed, run)]
        arguments.report.write_text(document(runs, left_out, arguments.report))
    return 1 if run.left or problem else 0


def hurt(cloud: FaultyCloud, seed: int, faults: int, seconds: float, console: Console) -> tuple[Run, str]:
    """One run, and why it ended early, if it did."""
    run, problem = Run(), ""
    with cloud.running():
        running = Running(cloud)
        began = time.monotonic()

        def goes_on() -> bool:
            run.seconds = time.monotonic() - began
            if run.outages:
                said = f"{run.seconds:.0f} s: {run.outages} outages, {run.times} faults, {run.struck} single failures"
                console.print(f"{said}, {running.album.uploads} uploads")
            return run.struck < faults and run.seconds < seconds

        try:
            schedule = outages(seed, cloud.pieces, freeze_s=FREEZE_S, abilities=cloud.abilities)
            running.hurt(schedule, run, photos_before=_PHOTOS_BEFORE, goes_on=goes_on)
        except (AssertionError, CannotServe, StackFailed, OSError, psycopg.Error) as error:
            problem = f"{type(error).__name__}: {error}"
        except KeyboardInterrupt:
            console.print("interrupted; waiting until everything is healed")
        running.settle(run)
        running.close()
    return run, problem


if __name__ == "__main__":
    sys.exit(main())
