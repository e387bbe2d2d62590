"""Hurt a local cloud of real processes while it analyses an album, and look for what was lost, doubled or left over.

    python tests/bench/faults/run.py [--seed 0] [--faults 10000] [--minutes 30] [--report FILE]

Exit status 1 when anything was lost, duplicated or orphaned, or the cloud does not heal.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[2]))

from photofinish_emulators.stack import CannotServe, StackFailed
from support.faulty_cloud.cloud import FREEZE_S, FaultyCloud
from support.faulty_cloud.running import Run, Running
from support.faulty_cloud.schedule import outages

_PHOTOS_BEFORE = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", type=int, default=10_000, help="end after so many (default: 10,000)")
    parser.add_argument("--minutes", type=float, default=30, help="end after so long (default: 30)")
    parser.add_argument("--report", type=Path, help="write the table into this document")
    parser.add_argument("--keep", type=Path, help="keep the cloud's state in this folder, to look into it")
    arguments = parser.parse_args()
    logging.disable(logging.ERROR)  # the client libraries log every lost connection
    console = Console(width=140)
    with tempfile.TemporaryDirectory(prefix="photofinish-faults-") as folder:
        cloud = FaultyCloud(arguments.keep or Path(folder), arguments.seed)
        run, problem = hurt(cloud, arguments.seed, arguments.faults, arguments.minutes * 60, console)
    console.print(_table(run))
    console.print(_summary(run, arguments.seed))
    for what in ("lost", "duplicated", "orphaned", "checked"):
        for line in getattr(run.left, what)[:20]:
            console.print(f"{what}: {line}", style="red", markup=False)
    if problem:
        console.print(problem, style="red", markup=False)
    if arguments.report:
        arguments.report.write_text(_markdown(run, arguments.seed))
    return 1 if run.left or problem else 0


def hurt(cloud: FaultyCloud, seed: int, faults: int, seconds: float, console: Console) -> tuple[Run, str]:
    """One run, and why it ended early, if it did."""
    run, problem = Run(), ""
    with cloud.running():
        running = Running(cloud)
        ends_at = time.monotonic() + seconds

        def goes_on() -> bool:
            if run.faults:
                console.print(f"{run.faults} faults, {running.album.uploads} uploads", end="\r")
            return run.faults < faults and time.monotonic() < ends_at

        try:
            schedule = outages(seed, cloud.pieces, freeze_s=FREEZE_S)
            running.hurt(schedule, run, photos_before=_PHOTOS_BEFORE, goes_on=goes_on)
        except (AssertionError, CannotServe, StackFailed) as error:
            problem = str(error)
        except KeyboardInterrupt:
            console.print("interrupted; waiting until everything is healed")
        running.settle(run)
        running.close()
    return run, problem


def _rows(run: Run) -> list[tuple[str, ...]]:
    rows = []
    for (kind, target), tried in sorted(run.tried.items()):
        times = sorted(tried.recovery_s)
        rows.append((kind, target, str(tried.times), f"{statistics.median(times):.1f}", f"{times[-1]:.1f}"))
    return rows


def _table(run: Run) -> Table:
    table = Table("fault", "of", "times", "recovery p50 s", "max s")
    for row in _rows(run):
        table.add_row(*row)
    return table


def _summary(run: Run, seed: int) -> str:
    return (
        f"seed {seed}: {run.faults} faults, {run.uploads} uploads, {run.photos} photos at the end: "
        f"{len(run.left.lost)} lost, {len(run.left.duplicated)} duplicated, {len(run.left.orphaned)} orphaned, "
        f"{len(run.left.checked)} findings of the checker; "
        f"settled after {run.settling_s:.0f} s"
    )


def _markdown(run: Run, seed: int) -> str:
    left = (len(run.left.lost), len(run.left.duplicated), len(run.left.orphaned), len(run.left.checked))
    lines = [
        "# Faults",
        "",
        f"`make faults SEED={seed}`: {run.faults} faults while photos came, {run.uploads} uploads,",
        f"{run.photos} photos at the end. All processes are real, and every server has a proxy before it. A photo is",
        "lost without exactly the result of its newest version in Firestore, Postgres, bucket and event log,",
        "duplicated with more than one, and what belongs to no photo any more is orphaned. Recovery is from the end",
        "of a fault until the next photo that comes has its result.",
        "",
        "| fault | of | times | recovery, median (s) | longest (s) |",
        "|---|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in _rows(run)),
        "",
        "| faults | uploads | photos at the end | lost | duplicated | orphaned | checked | settled after (s) |",
        "|---|---|---|---|---|---|---|---|",
        "| " + " | ".join(map(str, (run.faults, run.uploads, run.photos, *left, round(run.settling_s)))) + " |",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
