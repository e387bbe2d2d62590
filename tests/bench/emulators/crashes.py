"""Kill each server repeatedly under load, and check that nothing acknowledged is lost.

``python tests/bench/emulators/crashes.py [--kills 100] [--only firestore]``. Exit status 1 when anything was lost.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from google.api_core.exceptions import GoogleAPICallError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[2]))

from firestore_crashes import kill_firestore
from kills import Kills, Outcome
from run_jobs_crashes import kill_run_jobs

from support.pubsub_crash import kill_under_load
from support.pubsub_server import PubsubServer


def kill_pubsub(folder: Path, kills: Kills) -> Outcome:
    with PubsubServer(folder / "pubsub") as server:

        def restart() -> None:
            server.kill()
            kills.start(server.start)

        messages = kill_under_load(server, kills.number, restart)
    return Outcome(f"{messages} messages", "all delivered, none redelivered after its acknowledgement")


SERVERS: dict[str, Callable[[Path, Kills], Outcome]] = {
    "pubsub": kill_pubsub,
    "firestore": kill_firestore,
    "run-jobs": kill_run_jobs,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="kills of each server (default: 100)")
    parser.add_argument("--only", choices=list(SERVERS), help="kill only this server")
    arguments = parser.parse_args()
    # The client libraries log every lost connection.
    logging.disable(logging.ERROR)
    console = Console(width=150)
    table = Table("server", "kills", "seconds", "start p50 s", "start max s", "acknowledged", "checked")
    failures: list[str] = []
    columns = (TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory() as folder, Progress(*columns, console=console) as progress:
        for name in [arguments.only] if arguments.only else SERVERS:
            kills = Kills(arguments.kills, progress, progress.add_task(name, total=arguments.kills))
            began_s = time.monotonic()
            try:
                outcome = SERVERS[name](Path(folder), kills)
            except (AssertionError, GoogleAPICallError) as error:
                failures.append(f"{name}, after {len(kills.starts_s)} kills: {error}")
                table.add_row(name, str(len(kills.starts_s)), "", "", "", "", "FAILED", style="red")
                continue
            seconds = f"{time.monotonic() - began_s:.0f}"
            starts = (f"{kills.start_p50_s:.2f}", f"{kills.start_max_s:.2f}")
            table.add_row(name, str(kills.number), seconds, *starts, outcome.acknowledged, outcome.checked)
    console.print(table)
    for failure in failures:
        console.print(failure, style="red", markup=False)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
