"""Which faces of an album are one person's: average linkage, and what people said is binding.

Two groups of faces are joined where the mean similarity of their pairs, weighted by the faces' quality, reaches a
threshold; the clearest cases are joined first. One wrong pair therefore never joins two persons, as it does where any
link is enough (connected components): among 10,000 faces, a false accept rate of 1e-3 links everybody to everybody.

The more groups there are, the more strangers are as similar as one person's faces are, so single faces need a higher
similarity in a large album, and less again the more of it is joined; the mean over many pairs varies less, so large
groups need a lower one (:class:`Linkage`).

Of a group only Σ w·v and Σ w are kept, of the embeddings v and weights w of its faces: the mean over all pairs of two
groups is the dot product of their sums divided by both weights.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.matching import Calibration
from photofinish_kernels import cosine_top_k

# Of each group, this many nearest are looked at in one pass; the next pass looks at what became of them.
NEIGHBOURS = 16
_BLOCK = 65_536


# Of single faces, this share may have a stranger who is similar enough.
MAX_FALSE_JOINS = 0.1
# Measured on faces of runners and of LFW: strangers' mean similarity, and how much of its variance lies between persons
# rather than between pictures of one.
STRANGERS_MEAN = 0.14
BETWEEN_PERSONS = 0.5


@dataclass(frozen=True, slots=True)
class Linkage:
    """From which mean similarity on two groups are one person's."""

    single: float
    """Of two groups of one face each."""
    least: float
    """Of groups of any size."""
    decade: float = 0.0
    """By how much more similar a tenth as many strangers are; 0: `single` holds however many groups there are."""

    @classmethod
    def of(cls, calibration: Calibration, face_count: int) -> Linkage:
        """The linkage with which an album of `face_count` faces begins. `least` is `min_similarity`."""
        decade = calibration.stranger_similarity - calibration.min_similarity
        return cls(single=1.0, least=calibration.min_similarity, decade=decade).among(face_count)

    def among(self, count: int) -> Linkage:
        """The linkage once there are `count` groups.

        `single` is where a face has `MAX_FALSE_JOINS` similar strangers among so many: the false accept rates that the
        calibration knows, 1e-3 at `min_similarity` and 1e-4 at `stranger_similarity`, continued in a straight line of
        the rate's logarithm.
        """
        if self.decade == 0:
            return self
        decades = math.log10(max(count, 1) / MAX_FALSE_JOINS) - 3
        return replace(self, single=min(self.least + max(decades, 0) * self.decade, 1.0))

    def thresholds(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float32]:
        """Of groups of `a` and `b` faces, each (E,): (E,).

        A mean of similarities of two strangers' faces lies around the strangers' mean with the variance between persons
        plus, per person, that between pictures over their number. As many standard deviations are asked for as of
        single faces.
        """
        share = BETWEEN_PERSONS + (1 - BETWEEN_PERSONS) / 2 * (1 / a + 1 / b)
        scaled = STRANGERS_MEAN + (self.single - STRANGERS_MEAN) * np.sqrt(share)
        thresholds: NDArray[np.float32] = np.maximum(scaled, self.least).astype(np.float32)
        return thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Faces that belong together before clustering begins: a person's, or one face alone."""

    rows: tuple[int, ...]
    """Which of the embeddings."""
    person: str | None = None
    """Whose they are. Groups of two persons are never joined."""
    refused: frozenset[int] = frozenset()
    """Rows that somebody said are not this person's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """All embeddings of one space, row by row."""

    vectors: NDArray[np.float32] = field(repr=False)
    """(N, D), unit length."""
    weights: NDArray[np.float32]
    """(N,), above 0: how much each counts."""
    photos: NDArray[np.int64]
    """(N,), the photo of each; -1 where it is of no photo of the album (an enrolment picture)."""


def cluster(faces: Faces, groups: Sequence[Group], linkage: Linkage) -> NDArray[np.int64]:
    """The cluster of each group: (G,), numbered from 0 by their first groups.

    Never together: two faces of one photo (unless a group has both already), groups of two persons, and a person with a
    row that they refuse. A refused row joins last, lest it keep its likes from the person. The answer does not depend
    on the order of the groups, exact ties apart.
    """
    state = _State(faces, groups, linkage)
    refused = frozenset().union(*(group.refused for group in groups))
    last = np.array([group.person is None and not refused.isdisjoint(group.rows) for group in groups], bool)
    for waiting in (last, np.zeros(len(groups), bool)):
        while state.join(state.near_pairs(waiting)):
            state.linkage = linkage.among(state.count())
    return state.labels()


class _State:
    """Groups as they grow. Only `roots` are groups still; the others were joined to one of them."""

    def __init__(self, faces: Faces, groups: Sequence[Group], linkage: Linkage) -> None:
        self.linkage = linkage
        weighted = faces.vectors * faces.weights[:, None]
        dimension = faces.vectors.shape[1]
        self.sums = np.zeros((len(groups), dimension), np.float32)
        self.weights = np.zeros(len(groups), np.float32)
        self.counts = np.array([len(group.rows) for group in groups], np.int64)
        for number, group in enumerate(groups):
            rows = list(group.rows)
            self.sums[number] = weighted[rows].sum(axis=0)
            self.weights[number] = faces.weights[rows].sum()
        self.parent = np.arange(len(groups))
        self.photos = [{int(faces.photos[row]) for row in group.rows} - {-1} for group in groups]
        self.rows = [set(group.rows) for group in groups]
        self.persons = [group.person for group in groups]
        self.refused = [group.refused for group in groups]

    def count(self) -> int:
        """How many groups there are."""
        return int((self.parent == np.arange(len(self.parent))).sum())

    def near_pairs(self, waiting: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(E, 2), the lower number first: groups that may be joined, the nearest of each by the angle of their sums.

        Those that are `waiting` (G,) are left out.

        The mean similarity is never above the cosine of the sums, so no pair at or above the threshold is missed but
        those beyond a group's nearest; they get their turn once those are joined.
        """
        roots = np.flatnonzero((self.parent == np.arange(len(self.parent))) & ~waiting)
        lengths = np.linalg.norm(self.sums[roots], axis=1)
        roots = roots[lengths > 0]
        if roots.size < 2:
            return np.zeros((0, 2), np.int64)
        directions = np.ascontiguousarray(self.sums[roots] / lengths[lengths > 0, None])
        neighbours, similarities = cosine_top_k(directions, directions, NEIGHBOURS + 1, threads=os.cpu_count() or 1)
        near = similarities >= self.linkage.least
        sources = np.broadcast_to(roots[:, None], neighbours.shape)[near]
        targets = roots[neighbours[near]]
        return _distinct(np.column_stack([sources, targets]))

    def join(self, pairs: NDArray[np.int64]) -> bool:
        """Join whatever can be joined along these pairs; whether anything was."""
        margins = self._margins(pairs)
        joined = False
        while True:
            pairs, margins = pairs[margins >= 0], margins[margins >= 0]
            best = _mutually_best(pairs, margins, len(self.parent))
            if not best.size:
                return joined
            changed = np.zeros(len(self.parent), bool)
            forbidden = np.zeros(len(pairs), bool)
            for index in best:
                a, b = (int(number) for number in pairs[index])
                if self._may_join(a, b):
                    self._join(a, b)
                    changed[a] = changed[b] = joined = True
                else:
                    forbidden[index] = True
            pairs, margins = pairs[~forbidden], margins[~forbidden]
            stale = changed[pairs].any(axis=1)
            moved = _distinct(self.parent[pairs[stale]])
            pairs = np.concatenate([pairs[~stale], moved])
            margins = np.concatenate([margins[~stale], self._margins(moved)])

    def labels(self) -> NDArray[np.int64]:
        roots = np.array([self._root(number) for number in range(len(self.parent))], np.int64)
        _, first, inverse = np.unique(roots, return_index=True, return_inverse=True)
        order = np.empty(len(first), np.int64)
        order[np.argsort(first)] = np.arange(len(first))
        labels: NDArray[np.int64] = order[inverse]
        return labels

    def _margins(self, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        """By how much the mean similarity of each pair of groups is above what they need: (E,)."""
        margins = np.empty(len(pairs), np.float32)
        for start in range(0, len(pairs), _BLOCK):
            a, b = pairs[start : start + _BLOCK].T
            means = np.einsum("ed,ed->e", self.sums[a], self.sums[b]) / (self.weights[a] * self.weights[b])
            margins[start : start + _BLOCK] = means - self.linkage.thresholds(self.counts[a], self.counts[b])
        return margins

    def _may_join(self, a: int, b: int) -> bool:
        if self.persons[a] is not None and self.persons[b] is not None:
            return False
        few, many = sorted((self.photos[a], self.photos[b]), key=len)
        if not few.isdisjoint(many):
            return False
        return self.refused[a].isdisjoint(self.rows[b]) and self.refused[b].isdisjoint(self.rows[a])

    def _join(self, a: int, b: int) -> None:
        """Join b to a, which keeps its number."""
        self.parent[b] = a
        self.sums[a] += self.sums[b]
        self.weights[a] += self.weights[b]
        self.counts[a] += self.counts[b]
        for sets in (self.photos, self.rows):
            few, many = sorted((sets[a], sets[b]), key=len)
            many |= few
            sets[a], sets[b] = many, set()
        self.persons[a] = self.persons[a] if self.persons[a] is not None else self.persons[b]
        self.refused[a] |= self.refused[b]

    def _root(self, number: int) -> int:
        while self.parent[number] != number:
            number = int(self.parent[number])
        return number


def _distinct(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each pair of two different groups once, the lower number first, in order."""
    ordered = np.sort(pairs, axis=1)
    ordered = ordered[ordered[:, 0] != ordered[:, 1]]
    return np.unique(ordered, axis=0) if len(ordered) else ordered.reshape(0, 2)


def _mutually_best(pairs: NDArray[np.int64], margins: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Which pairs are the best of both their groups; ties go to the lower numbers."""
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -margins))
    ranks = np.empty(len(pairs), np.int64)
    ranks[order] = np.arange(len(pairs))
    best = np.full(count, len(pairs), np.int64)
    for side in (0, 1):
        np.minimum.at(best, pairs[:, side], ranks)
    mutual: NDArray[np.int64] = order[np.sort(ranks[(best[pairs[:, 0]] == ranks) & (best[pairs[:, 1]] == ranks)])]
    return mutual
