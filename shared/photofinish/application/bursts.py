"""Group photos into bursts.

Two photos are near duplicates if one camera took them for one folder, at most `MAX_GAP` apart, and their perceptual
hashes differ in at most `MAX_DISTANCE` bits. A burst is all photos that near duplicates connect. So the order in which
photos come does not matter, and a photo that arrives late joins bursts and never divides one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from operator import itemgetter

import numpy as np

from photofinish.domain.burst import MAX_DISTANCE, MAX_GAP, Shot, best_first
from photofinish_kernels import hamming_search

Burst = tuple[Shot, ...]
"""Two photos or more, the best first."""
_Timed = tuple[datetime, str, int, Shot]
"""Time, photo id (for one order of equal times), hash."""


def bursts(shots: Iterable[Shot]) -> list[Burst]:
    """Return the bursts among `shots`, by the time of their first photo."""
    found = [group for run in _runs(shots) for group in _connected(run)]
    found.sort(key=lambda group: group[0][:2])
    return [best_first([shot for *_, shot in group]) for group in found]


def _runs(shots: Iterable[Shot]) -> Iterator[list[_Timed]]:
    """Photos of one camera and folder without a gap in time, in its order: no burst reaches beyond one of these."""
    of_camera: dict[tuple[str | None, str], list[_Timed]] = defaultdict(list)
    for shot in shots:
        if shot.perceptual_hash is not None and shot.taken_at is not None:
            timed = (shot.taken_at, shot.photo_id, shot.perceptual_hash, shot)
            of_camera[shot.camera, shot.folder].append(timed)
    for timed_shots in of_camera.values():
        timed_shots.sort(key=itemgetter(0, 1))
        run = timed_shots[:1]
        for before, after in pairwise(timed_shots):
            if after[0] - before[0] > MAX_GAP:
                yield run
                run = []
            run.append(after)
        yield run


def _connected(run: Sequence[_Timed]) -> list[list[_Timed]]:
    """The groups of two or more photos of a run that near duplicates connect."""
    if len(run) < 2:
        return []
    hashes = np.array([hash_ for _, _, hash_, _ in run], np.uint64)
    ones, others, _ = hamming_search(hashes, hashes, MAX_DISTANCE)
    parents = list(range(len(run)))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = row = parents[parents[row]]
        return row

    for one, other in zip(ones.tolist(), others.tolist(), strict=True):
        if one < other and run[other][0] - run[one][0] <= MAX_GAP:
            parents[root(other)] = root(one)
    groups: dict[int, list[_Timed]] = defaultdict(list)
    for row, timed in enumerate(run):
        groups[root(row)].append(timed)
    return [group for group in groups.values() if len(group) > 1]
