"""Verification and identification: TAR at a FAR, AUC and rank-1 from the similarities of pairs of faces.

Two faces are compared where they come from two photos of one group (a race; all photos of people are one group). FAR is
the share of strangers' pairs, TAR the share of pairs of the same person whose similarity exceeds a threshold.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# With more pairs of strangers a random part of them stands for all: 500 of them lie above the threshold of FAR 1e-3.
MAX_STRANGER_PAIRS = 500_000
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of faces with their similarity: (P,) arrays, sorted by falling similarity."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    similarity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.similarity)

    def taken(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Pairs:
        """Those that an index chooses."""
        return Pairs(self.first[chosen], self.second[chosen], self.similarity[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """All comparisons of N labelled faces."""

    people: NDArray[np.int64]
    """(N,): whose face; the same number for the same person, from 0 without gaps."""
    same: Pairs
    strangers: Pairs
    stranger_pairs: int
    """How many there are, of which `strangers` are at most `MAX_STRANGER_PAIRS`."""
    hits: NDArray[np.bool_]
    """(N,): whether the most similar comparable face is the same person's."""
    has_mate: NDArray[np.bool_]
    """(N,): whether there is a face to be found."""


def compare(
    vectors: NDArray[np.float32],
    people: Sequence[object],
    photos: Sequence[object],
    groups: Sequence[object],
    *,
    unclear: Collection[tuple[object, object]] = (),
    seed: int = 0,
) -> Comparison:
    """Compare all faces of different photos of the same group.

    `vectors` is (N, D) of unit length; `people`, `photos` and `groups` say whose face each is and where from. Faces of
    `unclear` pairs of people, who may be one person, are not compared.
    """
    person, photo, group = _numbered(people), _numbered(photos), _numbered(groups)
    number_of = dict(zip(people, person.tolist(), strict=True))
    unclear_numbers = [(number_of[one], number_of[other]) for one, other in unclear]
    count = len(person)
    pieces: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    hits, has_mate = np.zeros(count, bool), np.zeros(count, bool)
    for start in range(0, count, _ROWS_AT_ONCE):
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, count))
        similarity = (vectors[rows] @ vectors.T).astype(np.float64)
        comparable = (photo[rows, None] != photo) & (group[rows, None] == group)
        for one, other in unclear_numbers:
            comparable &= ~((person[rows, None] == one) & (person == other))
            comparable &= ~((person[rows, None] == other) & (person == one))
        is_same = comparable & (person[rows, None] == person)
        has_mate[rows] = is_same.any(axis=1)
        best = np.where(comparable, similarity, -np.inf).argmax(axis=1)
        hits[rows] = is_same[np.arange(len(rows)), best]
        row, column = np.nonzero(comparable & (rows[:, None] < np.arange(count)))
        pieces.append((rows[row], column, similarity[row, column]))
    first, second, similarity = (
        (np.concatenate(column) for column in zip(*pieces, strict=True))
        if pieces
        else (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    )
    order = np.argsort(-similarity, kind="stable")
    pairs = Pairs(first[order], second[order], similarity[order])
    is_same = person[pairs.first] == person[pairs.second]
    strangers = np.flatnonzero(~is_same)
    kept = strangers
    if len(strangers) > MAX_STRANGER_PAIRS:
        kept = np.sort(np.random.default_rng(seed).choice(strangers, MAX_STRANGER_PAIRS, replace=False))
    return Comparison(person, pairs.taken(is_same), pairs.taken(kept), len(strangers), hits, has_mate)


def threshold_at(
    far: float, strangers: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> tuple[float, float]:
    """The lowest similarity that must be *exceeded* so that at most `far` of the strangers do, and the share that does.

    `strangers` is (P,), by falling similarity; `weights` says how often each counts. NaN where there are no strangers.
    """
    counted = np.cumsum(np.ones(len(strangers)) if weights is None else weights)
    if not len(counted) or counted[-1] == 0:
        return float("nan"), float("nan")
    # With slack for rounding: a FAR of 1e-2 of 300 pairs is 3 of them, whatever the product rounds to.
    accepted = int(np.searchsorted(counted, far * counted[-1] * (1 + 1e-9), side="right"))
    if accepted == len(strangers):
        return -np.inf, 1.0
    threshold = float(strangers[accepted])
    above = int(np.searchsorted(-strangers, -threshold, side="left"))
    return threshold, float(counted[above - 1] / counted[-1]) if above else 0.0


def tar_at(
    far: float,
    same: NDArray[np.float64],
    strangers: NDArray[np.float64],
    same_weights: NDArray[np.float64] | None = None,
    stranger_weights: NDArray[np.float64] | None = None,
) -> float:
    """The share of same-person pairs accepted at the threshold where at most `far` of the strangers are.

    Both (P,), by falling similarity. NaN where one kind of pair is missing. Nothing is interpolated: with fewer than
    1 / `far` strangers the threshold is the most similar of them.
    """
    threshold, _ = threshold_at(far, strangers, stranger_weights)
    weights = np.ones(len(same)) if same_weights is None else same_weights
    total = weights.sum()
    if np.isnan(threshold) or total == 0:
        return float("nan")
    return float(weights[same > threshold].sum() / total)


def auc(
    same: NDArray[np.float64],
    strangers: NDArray[np.float64],
    same_weights: NDArray[np.float64] | None = None,
    stranger_weights: NDArray[np.float64] | None = None,
) -> float:
    """The probability that a same-person pair is more similar than a strangers’ pair; ties count half (Mann–Whitney).

    Both (P,), by falling similarity. NaN where one kind of pair is missing.
    """
    weights = np.ones(len(same)) if same_weights is None else same_weights
    rising = strangers[::-1]
    other = np.ones(len(rising)) if stranger_weights is None else stranger_weights[::-1]
    below = np.concatenate([[0.0], np.cumsum(other)])
    total = weights.sum() * below[-1]
    if total == 0:
        return float("nan")
    less, not_more = np.searchsorted(rising, same, side="left"), np.searchsorted(rising, same, side="right")
    return float((weights * (below[less] + below[not_more]) / 2).sum() / total)


def pair_weights(people: NDArray[np.int64], pairs: Pairs, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often each pair counts when person p was drawn `drawn[p]` times.

    A pair of one person counts as often as that person, strangers as often as both together; the copies of a person
    who was drawn twice are not compared with each other.
    """
    one, other = people[pairs.first], people[pairs.second]
    return np.where(one == other, drawn[one], drawn[one] * drawn[other])


def roc(same: NDArray[np.float64], strangers: NDArray[np.float64], fars: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F,) TAR at each of `fars`."""
    return np.array([tar_at(float(far), same, strangers) for far in fars])


def _numbered(labels: Sequence[object]) -> NDArray[np.int64]:
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], np.int64)
