"""A bib number read in several frames of a video: the readings vote, and a misread frame loses."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from photofinish.domain.geometry import Box

# How far numbers without a face move: in their own widths, at once and for each second.
_REACH, _REACH_A_SECOND = 2.0, 4.0
_MAX_AGE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberReading:
    """One number in one frame."""

    frame: int
    at_s: float
    scene: int
    number: str
    score: float
    """OCR score, 0 to 1."""
    box: Box
    partial: bool = False
    """A part of the number may be cut off or hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberVote:
    """What several readings of one bib agree on."""

    number: str
    score: float
    """Mean score of the readings that agree, times their share of all scores."""
    votes: int
    """Readings that agree; parts of the number count."""
    readings: int


def vote(readings: Sequence[NumberReading]) -> NumberVote | None:
    """Decide which number several readings of one bib show; None without any.

    Each votes with its score. A partial reading votes for every longer number that it is a part of, or for itself if
    there is none. Of equal numbers of votes the number that was read best wins, then the smallest.
    """
    if not readings:
        return None
    whole = {one.number for one in readings if not one.partial}
    weights: defaultdict[str, float] = defaultdict(float)
    counts: defaultdict[str, int] = defaultdict(int)
    for one in readings:
        longer = {number for number in whole if one.number in number} if one.partial else set()
        for number in longer or {one.number}:
            weights[number] += one.score
            counts[number] += 1
    best_score = {
        number: max((one.score for one in readings if one.number == number), default=0.0) for number in weights
    }
    winner = min(weights, key=lambda number: (-weights[number], -best_score[number], number))
    total = sum(one.score for one in readings)
    share = weights[winner] / total if total > 0 else 0.0
    return NumberVote(
        number=winner,
        score=min(1.0, share * weights[winner] / counts[winner]),
        votes=counts[winner],
        readings=len(readings),
    )


def best_reading(readings: Sequence[NumberReading], number: str) -> NumberReading:
    """The reading that shows a number best, the first of equal ones; any, where only parts of the number were read."""
    return max(readings, key=lambda one: (one.number == number, not one.partial, one.score))


def follow_numbers(readings: Sequence[NumberReading]) -> tuple[tuple[NumberReading, ...], ...]:
    """Group readings without a face: of one scene, one after the other, alike and near; by their first reading.

    Alike are equal numbers, and those that one misread character, or a hidden part, makes of each other. Runners beside
    each other may wear such numbers, too: what was read wholly in two frames or more is a number of its own.
    """
    groups: list[list[NumberReading]] = []
    for reading in sorted(readings, key=lambda one: (one.frame, one.box.x, one.number)):
        fitting = [group for group in groups if _continues(group[-1], reading)]
        if fitting:
            # The group that shows just this number, else the one that was read last.
            min(fitting, key=lambda group: (group[-1].number != reading.number, -group[-1].at_s)).append(reading)
        else:
            groups.append([reading])
    return tuple(part for group in groups for part in _own_numbers(group))


def _own_numbers(group: Sequence[NumberReading]) -> list[tuple[NumberReading, ...]]:
    counts = Counter(one.number for one in group if not one.partial)
    settled = [number for number, count in counts.items() if count > 1]
    if len(settled) < 2:
        return [tuple(group)]
    parts: dict[str, list[NumberReading]] = {number: [] for number in settled}
    for one in group:
        alike = [number for number in settled if are_alike(number, one.number)] or settled
        parts[one.number if one.number in parts else max(alike, key=lambda number: counts[number])].append(one)
    return [tuple(part) for part in parts.values()]


def _continues(last: NumberReading, reading: NumberReading) -> bool:
    age_s = reading.at_s - last.at_s
    if last.scene != reading.scene or last.frame == reading.frame or age_s > _MAX_AGE_S:
        return False
    reach = (_REACH + _REACH_A_SECOND * age_s) * max(last.box.w, reading.box.w)
    distance = math.dist(_centre(last.box), _centre(reading.box))
    return distance <= reach and are_alike(last.number, reading.number)


def are_alike(one: str, other: str) -> bool:
    """Whether two numbers may be readings of the same one: one character differs, or one is a part of the other."""
    if len(one) == len(other):
        return sum(a != b for a, b in zip(one, other, strict=True)) <= (1 if len(one) > 1 else 0)
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) > 1 and shorter in longer


def _centre(box: Box) -> tuple[float, float]:
    return box.x + box.w / 2, box.y + box.h / 2
