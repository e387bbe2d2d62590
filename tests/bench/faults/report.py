"""What a run of faults showed, for the terminal and for the document."""

from __future__ import annotations

import functools
import operator
import os
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter
from rich.table import Table

from photofinish.domain.work import MAX_OPEN_ATTEMPTS
from support.faulty_cloud.cloud import SETTINGS
from support.faulty_cloud.running import SETTLED_S, Run
from support.faulty_cloud.schedule import Kind

_KEPT_FROM = "## Found and mended"
"""The part of the document that is written by hand."""
RunOfSeed = TypeAdapter(tuple[int, Run])


def table(run: Run) -> Table:
    shown = Table("fault", "of", "times", "single failures", "recovery p50 s", "max s")
    for row in _rows(run):
        shown.add_row(*row)
    return shown


def summary(run: Run, seed: int) -> str:
    is_settled = run.settling_s < SETTLED_S
    settled = f"settled after {run.settling_s:.0f} s" if is_settled else f"NOT settled within {SETTLED_S:.0f} s"
    return (
        f"seed {seed}: {run.outages} outages of {run.times} faults, {run.struck} single failures, "
        f"{run.uploads} uploads, {run.photos} photos at the end: {len(run.left.lost)} lost, "
        f"{len(run.left.duplicated)} duplicated, "
        f"{len(run.left.orphaned)} orphaned, {len(run.left.checked)} findings of the checker; "
        f"{settled}; {run.redriven} redriven"
    )


def collect(run: Run, seed: int, file: Path) -> None:
    """Add a run to those that a file has, a line each."""
    known = file.read_text() if file.exists() else ""
    file.write_text(f"{known}{RunOfSeed.dump_json((seed, run)).decode()}\n")


def collected(file: Path) -> list[tuple[int, Run]]:
    return [RunOfSeed.validate_json(line) for line in file.read_text().splitlines()]


def document(runs: Sequence[tuple[int, Run]], left_out: Mapping[Kind, str], path: Path) -> str:
    """The whole document, with the part that `path` has and that is written by hand."""
    seeds = ", ".join(str(seed) for seed, _ in runs)
    run = functools.reduce(operator.add, (one for _, one in runs))
    left = (len(run.left.lost), len(run.left.duplicated), len(run.left.orphaned), len(run.left.checked))
    crowds = sorted(run.crowded_recovery_s) or [0.0]
    begin = f"""
`make faults` (seeds {seeds}) hurt a local cloud for {run.seconds / 60:.0f} minutes on {os.cpu_count()} busy cores,
{run.outages} times, with {run.times} faults, alone or up to 14 at once: {run.struck:,} single failures while
{run.uploads:,} versions of photos came. All processes are real, and every server has a proxy before it. A single
failure is a process that is killed or frozen, a connection that is refused or cut in the middle of an answer, an
answer that is late, a call that gets an error, a message that comes again, a photo that is changed. Recovery is from
the end of an outage until every process runs and the next photo that comes has its result, where the fault came alone;
{len(run.crowded_recovery_s)} outages of several faults recovered within {statistics.median(crowds):.0f} s (median) and
{crowds[-1]:.0f} s (longest).
"""
    end = f"""
A photo is lost without exactly the result of its newest version in Firestore, Postgres, bucket and event log,
duplicated with more than one; what belongs to no photo any more is orphaned. `photofinish check` looks as well.
{run.poisoned} of the photos are poisoned: they kill or hang each task that reads them, and must end as `failed`.
{run.redriven} healthy photos were given up, because their tasks were killed with them {MAX_OPEN_ATTEMPTS} times, and
got their results after `photofinish redrive`. Reading text is left out of these analyses: it takes most of their time.
"""
    lines = [
        "# Faults",
        "",
        _wrapped(begin),
        "",
        "| single failures | versions | photos | lost | duplicated | orphaned | in the check | settled after (s) |",
        "|---|---|---|---|---|---|---|---|",
        "| " + " | ".join(map(str, (run.struck, run.uploads, run.photos, *left, round(run.settling_s)))) + " |",
        "",
        _wrapped(end + "".join(f" Left out: {kind} ({why})." for kind, why in left_out.items())),
        "",
        "| fault | of | times | single failures | recovery alone, median (s) | longest (s) |",
        "|---|---|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in _rows(run)),
    ]
    told = ", ".join(f"{name.removeprefix('PHOTOFINISH_').lower()} {value}" for name, value in SETTINGS.items())
    lines += ["", _wrapped(f"Times are shorter than a deployment's, so that a cloud heals soon: {told}."), ""]
    known = path.read_text() if path.exists() else ""
    kept = known[known.index(_KEPT_FROM) :] if _KEPT_FROM in known else ""
    return "\n".join(lines) + ("\n" + kept if kept else "")


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False)


def _rows(run: Run) -> list[tuple[str, ...]]:
    rows = []
    for what, tried in sorted(run.tried.items()):
        kind, _, target = what.rpartition(": ")
        times = sorted(tried.recovery_s)
        recovery = (f"{statistics.median(times):.1f}", f"{times[-1]:.1f}") if times else ("", "")
        rows.append((kind, target, str(tried.times), f"{tried.struck:,}", *recovery))
    return rows
