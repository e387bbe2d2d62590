"""How long albums wait for each other, with the queue's lanes and without them.

    python -m bench.fairness.run [--real] [--report FILE]      (in tests/, as `make bench-fairness` does)

In virtual time: real ingest, worker and commit on queues in memory, one task, each photo as long as another. With
`--real` also a local cloud with its processes, on an idle machine: a party of 200 tiny photos in a flood of 1,000.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from photofinish.domain.lanes import PROMPT_PHOTOS
from photofinish.domain.photo import PhotoStatus
from photofinish.wiring import App
from photofinish_cli.deployment import connect
from support.fairness import SharedTasks
from support.waiting import wait_until

TABLE = "<!-- made by `make bench-fairness` -->"
ALBUMS = [f"album-{number:02}" for number in range(50)]
DONE_WITHIN_S = 600.0


@dataclass(frozen=True)
class Row:
    what: str
    lanes: str
    one_queue: str

    def line(self) -> str:
        return f"|{self.what}|{self.lanes}|{self.one_queue}|"


def row(what: str, measure: Callable[[bool], str]) -> Row:
    made = Row(what, measure(False), measure(True))
    print(made.line(), flush=True)
    return made


def party_s(flood: int, party: int, *, one_queue: bool, is_running: bool = False) -> tuple[float, int]:
    """Return the virtual time of a party, and how many of the flood were done before its last photo."""
    cloud = SharedTasks(one_queue=one_queue)
    cloud.upload(["marathon"] * flood)
    if is_running:
        # The flood began long ago: its prompt photos are done, and as many of it wait as before.
        cloud.upload(["earlier"])
        cloud.run_until_done("earlier")
    done_before, began = cloud.order.count("marathon"), cloud.clock.now()
    cloud.upload(["party"] * party)
    cloud.run_until_done("party")
    return cloud.done_at["party"][-1] - began, cloud.order.count("marathon") - done_before


def simulated(flood: int) -> list[Row]:
    alone_s, _ = party_s(0, 200, one_queue=False)

    def party(one_queue: bool) -> str:
        # Without lanes the whole flood is first; analysing it takes minutes, and its length is known.
        if one_queue:
            return f"{(flood + 200) / 200:.0f}×, after all {flood:,}"
        took_s, before = party_s(flood, 200, one_queue=False)
        return f"**{took_s / alone_s:.2f}×**, after {before:,} of the flood"

    def party_later(one_queue: bool) -> str:
        if one_queue:
            return f"{(flood + 200) / 200:.0f}×"
        took_s, before = party_s(flood, 200, one_queue=False, is_running=True)
        return f"**{took_s / alone_s:.2f}×**, after {before:,} of the flood"

    def small(one_queue: bool) -> str:
        cloud = SharedTasks(one_queue=one_queue)
        cloud.upload(["flood"] * 1000)
        cloud.upload(ALBUMS[:5] * 2)
        cloud.run_until_done(*ALBUMS[:5])
        return f"after {cloud.order.count('flood'):,} of the flood"

    def at_once(photos: int, *, by_turns: bool) -> Callable[[bool], str]:
        def measure(one_queue: bool) -> str:
            cloud = SharedTasks(one_queue=one_queue)
            cloud.upload(ALBUMS * photos if by_turns else chain.from_iterable([one] * photos for one in ALBUMS))
            cloud.run_until_done(*ALBUMS)
            ends = sorted(cloud.done_at[album][-1] for album in ALBUMS)
            return f"{ends[0] / ends[-1]:.0%}, {ends[len(ends) // 2] / ends[-1]:.0%}"

        return measure

    def behind(one_queue: bool) -> str:
        if one_queue:
            return "no, it is first"
        cloud = SharedTasks()
        cloud.upload(["flood"] * 400)
        cloud.upload(chain.from_iterable([one] * 20 for one in ALBUMS))
        cloud.run_until_done("flood")
        return f"after {len(cloud.order) - 400:,} of {20 * len(ALBUMS):,} others"

    return [
        row(f"party of 200 while {flood:,} of a marathon wait, against its time alone (bar 3×)", party),
        row("the same, when the marathon has run for a while", party_later),
        row("last of 2 photos of each of 5 albums, after a flood of 1,000", small),
        row(
            "50 albums of 20, uploaded by turns: first and median album's end, of the whole time",
            at_once(20, by_turns=True),
        ),
        row("50 albums of 20, one after another: the same", at_once(20, by_turns=False)),
        row("a flood of 400 is done although 50 albums of 20 come", behind),
    ]


# --- with real processes ---


def tiny_photos(folder: Path, count: int, *, seed: int) -> None:
    """Write grey noise of 96 × 64 pixels, each other bytes."""
    folder.mkdir()
    chance = np.random.default_rng(seed)
    for number in range(count):
        cv2.imwrite(str(folder / f"{number:05}.jpg"), chance.integers(0, 255, (64, 96, 3), np.uint8))


def real(flood: int, party: int) -> Row:
    """A task runs already, alone or with a flood whose prompt photos are done, when the party is dropped."""
    with tempfile.TemporaryDirectory(prefix="photofinish-bench-") as temporary:
        folder = Path(temporary)
        os.environ["PHOTOFINISH_STATE_DIR"] = str(folder / "state")
        command = [sys.executable, "-m", "photofinish_cli"]
        for seed, (album, count) in enumerate((("warm", 8), ("alone", party), ("flood", flood), ("party", party))):
            tiny_photos(folder / album, count, seed=seed)

        def drop(album: str) -> None:
            subprocess.run([*command, "drop", str(folder / album), "--album", album], check=True, stdout=sys.stderr)

        subprocess.run([*command, "up", "--detach"], check=True, stdout=subprocess.DEVNULL)
        try:
            cloud = connect(folder / "state")
            drop("warm")
            await_done(cloud, "warm", 8)
            drop("alone")
            alone_s = await_done(cloud, "alone", party)
            drop("flood")
            await_done(cloud, "flood", PROMPT_PHOTOS + 10)
            before = done(cloud, "flood")
            drop("party")
            shared_s = await_done(cloud, "party", party)
            passed = done(cloud, "flood") - before
            return Row(
                f"real processes, on the CPU: party of {party} while {flood - before} of a flood wait",
                f"**{shared_s / alone_s:.2f}×** ({shared_s:.0f} s; alone {alone_s:.0f} s), after {passed} of the flood",
                f"about {(flood - before + party) / party:.0f}×",
            )
        finally:
            subprocess.run([*command, "down"], check=True, stdout=subprocess.DEVNULL)


def done(cloud: App, album: str) -> int:
    return cloud.documents.counts(album).get(PhotoStatus.DONE, 0)


def await_done(cloud: App, album: str, count: int) -> float:
    """Wait for so many results; return the seconds from the album's first queued photo to its last result."""
    wait_until(lambda: done(cloud, album) >= count, f"{count} photos of {album} are done", DONE_WITHIN_S)
    records = [record.fields for record in cloud.documents.list_photos(album, status=PhotoStatus.DONE)]
    ended, began = max(one["done_at"] for one in records), min(one["queued_at"] for one in records)
    return float((ended - began).total_seconds())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flood", type=int, default=20_000)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--report", type=Path, help="replace the table of this file")
    arguments = parser.parse_args()
    began = time.monotonic()
    rows = simulated(arguments.flood)
    if arguments.real:
        rows.append(real(1000, 200))
        print(rows[-1].line(), flush=True)
    print(f"in {time.monotonic() - began:.0f} s")
    if arguments.report:
        lines = ["| |with lanes|one queue, as before|", "|---|---|---|", *(one.line() for one in rows)]
        before, _, after = arguments.report.read_text(encoding="utf-8").partition(TABLE)
        rest = after.lstrip("\n").partition("\n\n")[2]
        arguments.report.write_text(f"{before}{TABLE}\n" + "\n".join(lines) + f"\n\n{rest}", encoding="utf-8")


if __name__ == "__main__":
    main()
