"""Give more than 2,000 bad files to the decoders and the analysis: each must be taken or rejected, in bounded time.

    python tests/bench/hostile/run.py [--seed 0] [--only "odd size"] [--collect FILE] [--report FILE]

With --collect the corpus may be tried kind by kind: the report is about all kinds that the file has.

Exit status 1 when a file crashes a decoder, raises anything but a rejection, or takes more than 30 s or its memory.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import defaultdict
from pathlib import Path

from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import track
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[2]))

from photofinish.analysis.analyzer import Analyzer
from photofinish.analysis.decoders.pool import DecoderPool
from photofinish.analysis.imaging.decoded import DecodedPhoto
from photofinish.analysis.models.building import build
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from photofinish.analysis.photo_to_analyze import PhotoToAnalyze
from photofinish.domain.bib_rules import BibRules
from support.hostile_files import hostile_files
from support.hostile_files.trying import Row, Tried, try_file

# Most of these are the same small picture with a fault beside it: the models see one of so many.
_MOSTLY_ALIKE = {"cut off", "bytes changed", "a hole", "wrong extension", "two files in one", "broken EXIF"}
_ANALYSED_OF_ALIKE = 10
_COLLECTED = TypeAdapter(dict[str, tuple[Row, int]])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="only files of this kind; repeatable")
    parser.add_argument("--collect", type=Path, help="add these kinds to those of this file, and report all of them")
    parser.add_argument("--report", type=Path, help="write the table into this document")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    began = time.monotonic()
    tried = run(arguments.seed, arguments.only)
    rows: dict[str, Row] = defaultdict(Row)
    for one in tried:
        rows[one.file.kind].add(one)
    console = Console(width=150)
    console.print(_table(rows))
    faults = [one for one in tried if one.fault]
    for one in faults:
        console.print(f"{one.file.kind}: {one.file.name}: {one.fault}", style="red", markup=False)
    console.print(
        f"{len(tried):,} files of seed {arguments.seed} in {time.monotonic() - began:.0f} s, {len(faults)} faults"
    )
    counts = {kind: sum(one.file.kind == kind for one in faults) for kind in rows}
    if arguments.collect:
        rows, counts = _collected(arguments.collect, rows, counts)
    if arguments.report:
        files = sum(row.outcomes.total() for row in rows.values())
        arguments.report.write_text(_markdown(rows, files, arguments.seed, sum(counts.values())))
    return 1 if faults else 0


def _collected(file: Path, rows: dict[str, Row], faults: dict[str, int]) -> tuple[dict[str, Row], dict[str, int]]:
    """Add rows and their faults to a file; return all that it has."""
    known = _COLLECTED.validate_json(file.read_bytes()) if file.exists() else {}
    known |= {kind: (row, faults[kind]) for kind, row in rows.items()}
    file.write_bytes(_COLLECTED.dump_json(known))
    return {kind: row for kind, (row, _) in known.items()}, {kind: count for kind, (_, count) in known.items()}


def run(seed: int, only: list[str] | None) -> list[Tried]:
    """Try every file; one pool of decoders for each kind, so that the memory is that kind's."""
    build(default_models_dir())
    analyzer = Analyzer.load(ModelSettings(models_dir=default_models_dir(), threads=1))

    def analyse(decoded: DecodedPhoto) -> None:
        analyzer.analyze_decoded([PhotoToAnalyze(decoded, BibRules(), {})])

    analyzer.decoders.close()
    files = [file for file in hostile_files(seed) if only is None or file.kind in only]
    tried: list[Tried] = []
    decoders = DecoderPool(1)
    for number, file in enumerate(track(files, "hostile files", console=Console(stderr=True))):
        if tried and tried[-1].file.kind != file.kind:
            decoders.close()
            decoders = DecoderPool(1)
        is_analysed = file.kind not in _MOSTLY_ALIKE or number % _ANALYSED_OF_ALIKE == 0
        tried.append(try_file(file, decoders, analyse if is_analysed else lambda _: None))
    decoders.close()
    return tried


def _table(rows: dict[str, Row]) -> Table:
    table = Table("kind", "files", "done", "rejected", "slowest s", "peak MiB", "codes")
    for cells in _cells(rows):
        table.add_row(*cells)
    return table


def _cells(rows: dict[str, Row]) -> list[tuple[str, ...]]:
    cells = []
    for kind, row in rows.items():
        done = row.outcomes["done"]
        codes = [f"{code} {number}" for code, number in row.outcomes.most_common() if code != "done"]
        counts = (row.outcomes.total(), done, row.outcomes.total() - done)
        cells.append(
            (kind, *map(str, counts), f"{row.slowest_s:.1f}", f"{row.peak_bytes / 2**20:,.0f}", ", ".join(codes))
        )
    return cells


def _markdown(rows: dict[str, Row], files: int, seed: int, faults: int) -> str:
    lines = [
        "# Hostile files",
        "",
        f"`make hostile` gave {files:,} bad files of seed {seed} to the decoders, and what was decoded to the",
        f"analysis. {faults} of them crashed a decoder, raised anything but a rejection, or took more than 30 s or the",
        "memory of a decoder. Memory is that of the decoder process; time is by the clock, of decoding and analysis.",
        "",
        "| kind | files | done | rejected | slowest (s) | peak (MiB) | codes |",
        "|---|---|---|---|---|---|---|",
        *("| " + " | ".join(cells) + " |" for cells in _cells(rows)),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
