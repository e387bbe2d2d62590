"""Cluster the faces of an album by average linkage, with users' decisions as constraints.

Two groups of faces are joined where the mean similarity of their pairs, weighted by the faces' quality, reaches a
threshold; the clearest cases are joined first. One wrong pair therefore never joins two persons, as it does with
connected components: among 10,000 faces, a false accept rate of 1e-3 connects nearly all persons.

The more groups there are, the more strangers are as similar as faces of one person, so single faces need a higher
similarity in a large album, and less again the more of it is joined; the mean over many pairs varies less, so large
groups need a lower one (:class:`Linkage`).

A group stores only Σ w·v and Σ w, of the embeddings v and weights w of its faces: the mean over all pairs of two groups
is the dot product of their sums divided by both weights.
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

# The nearest groups compared with each group in one pass; the next pass compares the joined groups.
NEIGHBOURS = 16
_BLOCK = 65_536

# The share of single faces that may have a stranger who is similar enough.
MAX_FALSE_JOINS = 0.1
# Measured on faces of runners and of LFW: the mean similarity of strangers, and the share of its variance between
# persons, the rest being between pictures of one person.
STRANGERS_MEAN = 0.14
BETWEEN_PERSONS = 0.5


@dataclass(frozen=True, slots=True)
class Linkage:
    """The mean similarity at which two groups are joined."""

    single: float
    """For two groups of one face each."""
    least: float
    """The minimum for groups of any size."""
    decade: float = 0.0
    """The increase in similarity that makes strangers ten times rarer; 0: `single` is the same for any group count."""

    @classmethod
    def of(cls, calibration: Calibration, face_count: int) -> Linkage:
        """The initial linkage of an album with `face_count` faces; `least` is `min_similarity`."""
        decade = calibration.stranger_similarity - calibration.min_similarity
        return cls(single=1.0, least=calibration.min_similarity, decade=decade).among(face_count)

    def among(self, count: int) -> Linkage:
        """The linkage for `count` groups.

        `single` is the similarity at which a face has `MAX_FALSE_JOINS` similar strangers among so many. The false
        accept rate is 1e-3 at `min_similarity` and 1e-4 at `stranger_similarity`; its logarithm is extended linearly.
        """
        if self.decade == 0:
            return self
        decades = math.log10(max(count, 1) / MAX_FALSE_JOINS) - 3
        return replace(self, single=min(self.least + max(decades, 0) * self.decade, 1.0))

    def thresholds(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float32]:
        """Thresholds (E,) for pairs of groups with `a` and `b` faces, each (E,).

        The mean similarity of two strangers' faces is distributed around the mean of strangers, with the variance
        between persons plus, for each person, the variance between pictures divided by their number. The threshold is
        as many standard deviations above the mean as for single faces.
        """
        share = BETWEEN_PERSONS + (1 - BETWEEN_PERSONS) / 2 * (1 / a + 1 / b)
        scaled = STRANGERS_MEAN + (self.single - STRANGERS_MEAN) * np.sqrt(share)
        thresholds: NDArray[np.float32] = np.maximum(scaled, self.least).astype(np.float32)
        return thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Faces that belong together before clustering: a person's, or a single face."""

    rows: tuple[int, ...]
    """Row numbers of the embeddings."""
    person: str | None = None
    """The person they are decided as. Groups of two persons are never joined."""
    refused: frozenset[int] = frozenset()
    """Rows that were rejected for this person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """All embeddings of one space, row by row."""

    vectors: NDArray[np.float32] = field(repr=False)
    """(N, D), unit length."""
    weights: NDArray[np.float32]
    """(N,), above 0."""
    photos: NDArray[np.int64]
    """(N,), the photo of each; -1 for an enrolment picture."""


def cluster(faces: Faces, groups: Sequence[Group], linkage: Linkage) -> NDArray[np.int64]:
    """Return the cluster of each group: (G,), numbered from 0 in the order of their first groups.

    Never joined are two faces of one photo (unless a group has both already), groups of two persons, and a person with
    a rejected row. Rejected rows join last, so that they cannot block similar faces. The result does not depend on the
    order of the groups, exact ties apart.
    """
    state = _State(faces, groups, linkage)
    refused = frozenset().union(*(group.refused for group in groups))
    last = np.array([group.person is None and not refused.isdisjoint(group.rows) for group in groups], bool)
    for waiting in (last, np.zeros(len(groups), bool)):
        while state.join(state.near_pairs(waiting)):
            state.linkage = linkage.among(state.count())
    return state.labels()


class _State:
    """Groups while they are joined (union-find): those that are their own `parent` are the current groups."""

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
        """The number of current groups."""
        return int((self.parent == np.arange(len(self.parent))).sum())

    def near_pairs(self, waiting: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the nearest groups of each group by the cosine of their sums: pairs (E, 2), the lower number first.

        Groups that are `waiting` (G,) are left out. The mean similarity is never above the cosine of the sums, so a
        pair at or above the threshold is only missed beyond a group's nearest, and found once those are joined.
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
        """Join what can be joined along these pairs; return whether anything was."""
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
        """The cluster of each original group: (G,)."""
        roots = np.array([self._root(number) for number in range(len(self.parent))], np.int64)
        _, first, inverse = np.unique(roots, return_index=True, return_inverse=True)
        order = np.empty(len(first), np.int64)
        order[np.argsort(first)] = np.arange(len(first))
        labels: NDArray[np.int64] = order[inverse]
        return labels

    def _margins(self, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        """Mean similarity minus threshold of each pair of groups: (E,)."""
        margins = np.empty(len(pairs), np.float32)
        for start in range(0, len(pairs), _BLOCK):
            a, b = pairs[start : start + _BLOCK].T
            means = np.einsum("ed,ed->e", self.sums[a], self.sums[b]) / (self.weights[a] * self.weights[b])
            margins[start : start + _BLOCK] = means - self.linkage.thresholds(self.counts[a], self.counts[b])
        return margins

    def _may_join(self, a: int, b: int) -> bool:
        if self.persons[a] is not None and self.persons[b] is not None:
            return False
        if not self.photos[a].isdisjoint(self.photos[b]):
            return False
        return self.refused[a].isdisjoint(self.rows[b]) and self.refused[b].isdisjoint(self.rows[a])

    def _join(self, a: int, b: int) -> None:
        """Join b to a."""
        self.parent[b] = a
        self.sums[a] += self.sums[b]
        self.weights[a] += self.weights[b]
        self.counts[a] += self.counts[b]
        for members in (self.photos, self.rows):
            smaller, larger = sorted((members[a], members[b]), key=len)
            larger |= smaller
            members[a], members[b] = larger, set()
        self.persons[a] = self.persons[a] if self.persons[a] is not None else self.persons[b]
        self.refused[a] |= self.refused[b]

    def _root(self, number: int) -> int:
        while self.parent[number] != number:
            number = int(self.parent[number])
        return number


def _distinct(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each pair of different groups once, sorted, the lower number first."""
    ordered = np.sort(pairs, axis=1)
    ordered = ordered[ordered[:, 0] != ordered[:, 1]]
    return np.unique(ordered, axis=0) if len(ordered) else ordered.reshape(0, 2)


def _mutually_best(pairs: NDArray[np.int64], margins: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Indices of the pairs that are the best of both their groups; ties go to the lower numbers."""
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -margins))
    ranks = np.empty(len(pairs), np.int64)
    ranks[order] = np.arange(len(pairs))
    best = np.full(count, len(pairs), np.int64)
    for side in (0, 1):
        np.minimum.at(best, pairs[:, side], ranks)
    mutual: NDArray[np.int64] = order[np.sort(ranks[(best[pairs[:, 0]] == ranks) & (best[pairs[:, 1]] == ranks)])]
    return mutual
