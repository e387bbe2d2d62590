"""Bad files of every format that is taken, more than 2,000 of them, made by code from a seed.

Each is made when it is asked for, so the whole corpus takes no memory. The same seed gives the same files.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator

from support.hostile_files import bombs, damage, metadata, shapes
from support.hostile_files.kinds import HostileFile

__all__ = ["HostileFile", "cross_section", "hostile_files"]

_SOURCES = (damage.files, bombs.files, metadata.files, shapes.files)


def hostile_files(seed: int) -> Iterator[HostileFile]:
    """The whole corpus, kind by kind."""
    for source in _SOURCES:
        yield from source(random.Random(f"{seed} {source.__module__}"))


def cross_section(seed: int, of_each_kind: int) -> list[HostileFile]:
    """A few files of each kind that are not heavy, drawn by the seed."""
    kinds: dict[str, list[HostileFile]] = defaultdict(list)
    for file in hostile_files(seed):
        if not file.is_heavy:
            kinds[file.kind].append(file)
    dice = random.Random(seed)
    return [file for files in kinds.values() for file in dice.sample(files, min(of_each_kind, len(files)))]
