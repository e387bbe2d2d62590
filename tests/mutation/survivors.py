"""Survivors that are known: mutants which are equal, or whose difference does not matter."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from mutation.generating import ROOT, Mutant

_FILE = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True)
class Survivor:
    """A change that no test finds, and why none needs to."""

    module: str
    before: str
    """The line that changes, without indentation."""
    reason: str
    after: str = ""
    """What it becomes; empty: whatever it becomes."""


@dataclass(frozen=True)
class Survivors:
    listed: tuple[Survivor, ...]

    @classmethod
    def read(cls) -> Survivors:
        return cls(tuple(Survivor(**one) for one in tomllib.loads(_FILE.read_text()).get("survivor", [])))

    def reason(self, mutant: Mutant) -> str | None:
        before, after = mutant.change
        for one in self.listed:
            if one.module == mutant.module and one.before == before and one.after in ("", after):
                return one.reason
        return None

    def outdated(self) -> list[Survivor]:
        """Those whose line is not in its file any more."""
        return [
            one
            for one in self.listed
            if one.before not in "\n".join(line.strip() for line in (ROOT / one.module).read_text().splitlines())
        ]
