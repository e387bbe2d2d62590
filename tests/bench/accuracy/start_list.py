"""Writes a start list for measurements: every labelled number, and 2,000 others.

    python tests/bench/accuracy/start_list.py LABELLED_FOLDER > start_list.csv
    photofinish evaluate --bibs LABELLED_FOLDER --start-list start_list.csv

The others have three or four digits, like most labelled ones, so that a misread digit often gives another number of the
list. They are drawn with a fixed seed: the same labels give the same list.
"""

from __future__ import annotations

import random
from pathlib import Path

import typer

from photofinish_cli.evaluation.labels import read_bib_labels

OTHERS, SEED = 2000, 0
FROM, TO = 100, 10_000


def main(folder: Path) -> None:
    labelled = sorted({bib.number for photo in read_bib_labels(folder) for bib in photo.bibs})
    free = [str(number) for number in range(FROM, TO) if str(number) not in labelled]
    print("number,name")
    for number in labelled + random.Random(SEED).sample(free, OTHERS):
        print(f"{number},")


if __name__ == "__main__":
    typer.run(main)
