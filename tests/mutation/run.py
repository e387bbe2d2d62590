"""Mutants of the decisive modules: small changes, each of which a test must find (`make mutate`).

First those made by hand (`named.py`), all of them. Then, of each area of `modules.py`, a sample that the seed chooses.
Survivors that are equal or do not matter are listed with a reason in `survivors.toml`; any other is a missing test,
and fails the run.

    cd tests && python -m mutation.run --sample 40 --seed 0 worker queue
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mutation.generating import ROOT, Place, places
from mutation.modules import AREAS
from mutation.named import NAMED, Named
from mutation.report import write_report
from mutation.survivors import Survivors
from mutation.trying import Copy, copied_sources

RESULTS = ROOT / ".state" / "mutation"
GOAL = 0.9


def chosen(area: str, sample: int, seed: int) -> list[tuple[Place, Sequence[str]]]:
    """The area's mutants that are tried, and their tests: of each file as many as of any other, if it has them."""
    chance = random.Random(f"{seed} {area}")
    waiting = []
    for module in AREAS[area]:
        found = list(places(module))
        chance.shuffle(found)
        waiting.append(found)
    if not sample:
        taken = [place for found in waiting for place in found]
    else:
        taken = []
        while len(taken) < sample and any(waiting):
            taken += [found.pop() for found in waiting if found]
    return [(place, AREAS[area][place.module]) for place in taken]


def check_unchanged(copy: Copy, files: Iterable[str]) -> float:
    """Return how long the slowest test file takes without a mutant; ends the program where one fails."""
    slowest = 0.0
    for file in dict.fromkeys(files):
        began = time.monotonic()
        if copy.first_failing([file]):
            sys.exit(f"{file} fails without any mutant")
        slowest = max(slowest, time.monotonic() - began)
    return slowest


def try_named(copy: Copy, words: Sequence[str]) -> list[str]:
    """Try the mutants made by hand whose names have one of the words; return the names of those that survive."""
    surviving, killers = [], {}
    for named in named_with(words):
        found = killers[named.name] = copy.killer(named.mutant(), named.tests)
        print(f"{'killed' if found else 'SURVIVES'}: {named.name}" + (f" ({found})" if found else ""), flush=True)
        if not found:
            surviving.append(named.name)
    if not words:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "named.json").write_text(json.dumps(killers, indent=1))
    return surviving


def named_with(words: Sequence[str]) -> list[Named]:
    return [named for named in NAMED if not words or any(word in named.name for word in words)]


def try_area(copy: Copy, area: str, sample: int, seed: int, ends_at: float, known: Survivors) -> bool:
    """Try an area's mutants, keep the result for the report, and tell whether all is well."""
    counts: dict[str, Counter[str]] = {module: Counter() for module in AREAS[area]}
    unknown = 0
    began = time.monotonic()
    for place, tests in until(chosen(area, sample, seed), ends_at):
        mutant = place.make()
        found = copy.killer(mutant, tests)
        reason = known.reason(mutant)
        outcome = "killed" if found else "listed" if reason else "surviving"
        counts[mutant.module][outcome] += 1
        if outcome == "surviving":
            unknown += 1
            print(f"survives: {mutant.module}:{mutant.line}, {mutant.operator}", flush=True)
            print(f"    {mutant.change[0]}\n  → {mutant.change[1]}", flush=True)
        keep_result(area, seed, counts, time.monotonic() - began)  # each time: a run may be ended
    total = sum(counts.values(), Counter())
    tried = total.total()
    print(f"{area}: {total['killed']} of {tried} killed, {total['listed']} listed, {unknown} unknown", flush=True)
    return unknown == 0 and total["killed"] >= GOAL * tried


def keep_result(area: str, seed: int, counts: dict[str, Counter[str]], seconds: float) -> None:
    """Keep an area's figures for the report."""
    modules = {
        module: {"mutants": len(places(module)), **{key: count[key] for key in ("killed", "listed", "surviving")}}
        for module, count in counts.items()
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    result = {"seed": seed, "seconds": round(seconds), "modules": modules}
    (RESULTS / f"{area}.json").write_text(json.dumps(result, indent=1))


def until(pairs: Iterable[tuple[Place, Sequence[str]]], ends_at: float) -> Iterator[tuple[Place, Sequence[str]]]:
    for pair in pairs:
        if time.monotonic() > ends_at:
            print("the time is over: not all were tried", flush=True)
            return
        yield pair


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"{', '.join(AREAS)}; none: all", choices=[[], *AREAS])
    parser.add_argument("--sample", type=int, default=40, help="mutants of each area; 0: all")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--named", nargs="*", metavar="WORD", help="only those made by hand whose names have a WORD")
    parser.add_argument("--skip-named", action="store_true")
    parser.add_argument("--report", type=Path, help="a Markdown file that gets the figures of the last runs")
    arguments = parser.parse_args()
    areas = [] if arguments.named is not None else arguments.areas or list(AREAS)
    known = Survivors.read()
    is_well = True
    with tempfile.TemporaryDirectory() as folder, copied_sources(Path(folder)) as copy:
        files = [file for area in areas for tests in AREAS[area].values() for file in tests]
        tried = [] if arguments.skip_named else named_with(arguments.named or [])
        files += [file for named in tried for file in named.tests]
        copy = Copy(copy.folder, timeout_s=30 + 5 * check_unchanged(copy, files))
        ends_at = time.monotonic() + 60 * arguments.minutes
        if tried:
            surviving = try_named(copy, arguments.named or [])
            print(f"made by hand: {len(surviving)} of {len(tried)} survive", flush=True)
            is_well = not surviving
        for area in areas:
            is_well &= try_area(copy, area, arguments.sample, arguments.seed, ends_at, known)
    if arguments.report:
        write_report(arguments.report, RESULTS)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
