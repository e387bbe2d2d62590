"""The start list: which numbers exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from photofinish.errors import NotFound
from photofinish_cli.evaluation.findings import FoundBib
from photofinish_cli.evaluation.labels import read_csv


@dataclass(frozen=True, slots=True)
class StartList:
    """The numbers of a race, each with the runner's name where the list has it, else with an empty text."""

    names: dict[str, str]

    def existing(self, bibs: Sequence[FoundBib]) -> tuple[FoundBib, ...]:
        """The reads whose number is on the list, in order; a number is compared as written, zeros included."""
        return tuple(bib for bib in bibs if bib.number in self.names)


def read_start_list(path: Path) -> StartList:
    """A CSV file with a column `number` and, where known, `name`.

    Raises:
        NotFound: no row has a number.
        RejectedInput: `labels_not_understood`.
    """
    names = {row["number"]: row.get("name", "") for _, row in read_csv(path, {"number"}) if row["number"]}
    if not names:
        raise NotFound(f"no numbers in the start list {path}")
    return StartList(names)
