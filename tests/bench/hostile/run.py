"""Give more than 2,000 bad files to the decoders and the analysis: each must be taken or rejected, in bounded time.

    python tests/bench/hostile/run.py [--seed 0] [--only "odd size"] [--report FILE]

Exit status 1 when a file crashes a decoder, raises anything but a rejection, or takes more than 30 s or its memory.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import defaultdict
from pathlib import Path

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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="only files of this kind")
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
    if arguments.report:
        arguments.report.write_text(_markdown(rows, len(tried), arguments.seed, len(faults)))
    return 1 if faults else 0


def run(seed: int, only: str | None) -> list[Tried]:
    """Try every file; one pool of decoders for each kind, so that the memory is that kind's."""
    build(default_models_dir())
    analyzer = Analyzer.load(ModelSettings(models_dir=default_models_dir(), threads=1))

    def analyse(decoded: DecodedPhoto) -> None:
        analyzer.analyze_decoded([PhotoToAnalyze(decoded, BibRules(), {})])

    analyzer.decoders.close()
    files = [file for file in hostile_files(seed) if only in (None, file.kind)]
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
