"""Follow faces from frame to frame of a video, through its scenes: one track for each person.

Frames lie about a second apart, so position alone says little. Within a scene a face joins the track that it resembles
and could have moved from; a blurred or turned face that resembles little joins the track that it overlaps. Tracks of
one person, broken by others running through the picture or by a cut, are then joined by their centroids.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.geometry import Box
from photofinish.domain.matching import Calibration

# In face widths: how far a face may be from where it was expected, at once and for each second since it was last seen.
_REACH, _REACH_A_SECOND = 1.5, 4.0
_MIN_OVERLAP, _MAX_OVERLAP_AGE_S = 0.3, 1.5
# Of the calibrated threshold: what a blurred or turned view of the same person has at least.
_WEAK_SHARE = 0.5
_OVERLAP_WEIGHT = 0.5
_MIN_WEIGHT = 0.05
_BLOCK = 1024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceSighting:
    """One face in one frame."""

    frame: int
    """Number of the frame in the video, from 0."""
    at_s: float
    scene: int
    index: int
    """Of the face in its frame."""
    box: Box
    vector: NDArray[np.float32] = field(repr=False)
    """Unit length, of one embedding space for all sightings."""
    quality: float
    number: str | None = None
    """The bib number that the person wears in this frame, where one was read."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Sightings of one person, in order; at most one in each frame."""

    sightings: tuple[FaceSighting, ...]

    @property
    def frames(self) -> frozenset[int]:
        return frozenset(one.frame for one in self.sightings)

    @property
    def centroid(self) -> NDArray[np.float32]:
        """Mean of the embeddings, weighted by quality; unit length."""
        return _unit(_weighted_sum(self.sightings))

    @property
    def best(self) -> FaceSighting:
        """The view in which the face can be recognised best; the earliest of equal ones."""
        return max(self.sightings, key=lambda one: one.quality)


def follow(sightings: Sequence[FaceSighting], calibration: Calibration) -> tuple[Track, ...]:
    """Return one track for each person, by their first sighting; every sighting is in exactly one track."""
    by_scene = groupby(sorted(sightings, key=lambda one: one.scene), key=lambda one: one.scene)
    parts = [part for _, scene in by_scene for part in _follow_scene(list(scene), calibration)]
    joined = _join(parts, calibration)
    return tuple(sorted(joined, key=lambda track: (track.sightings[0].frame, track.sightings[0].index)))


class _Open:
    """A track that is being followed."""

    def __init__(self, first: FaceSighting) -> None:
        self.sightings = [first]
        self._sum = _weighted_sum([first])

    def similarity(self, face: FaceSighting) -> float:
        return float(_unit(self._sum) @ face.vector)

    def add(self, face: FaceSighting) -> None:
        self.sightings.append(face)
        self._sum = self._sum + _weighted_sum([face])

    def expected(self, at_s: float) -> Box:
        """Where the face is if it moves on as between its last two sightings."""
        last = self.sightings[-1]
        if len(self.sightings) == 1 or last.at_s <= self.sightings[-2].at_s:
            return last.box
        before = self.sightings[-2]
        share = min((at_s - last.at_s) / (last.at_s - before.at_s), 1.0)
        return Box(
            last.box.x + (last.box.x - before.box.x) * share,
            last.box.y + (last.box.y - before.box.y) * share,
            last.box.w,
            last.box.h,
        )


def _follow_scene(sightings: Sequence[FaceSighting], calibration: Calibration) -> list[Track]:
    tracks: list[_Open] = []
    for frame in sorted({one.frame for one in sightings}):
        faces = [one for one in sightings if one.frame == frame]
        links = sorted(
            (
                (-score, track_number, face_number)
                for track_number, track in enumerate(tracks)
                for face_number, face in enumerate(faces)
                if (score := _link(track, face, calibration)) is not None
            ),
        )
        taken: dict[int, int] = {}
        for _, track_number, face_number in links:
            if face_number not in taken and track_number not in taken.values():
                taken[face_number] = track_number
        for face_number, face in enumerate(faces):
            if face_number in taken:
                tracks[taken[face_number]].add(face)
            else:
                tracks.append(_Open(face))
    return [Track(tuple(track.sightings)) for track in tracks]


def _link(track: _Open, face: FaceSighting, calibration: Calibration) -> float | None:
    """How well a face continues a track of its scene; None if it does not."""
    similarity = track.similarity(face)
    age_s = face.at_s - track.sightings[-1].at_s
    expected = track.expected(face.at_s)
    overlap = intersection_over_union(expected, face.box)
    is_same = similarity >= calibration.min_similarity and _is_within_reach(expected, face.box, age_s)
    is_there = (
        overlap >= _MIN_OVERLAP
        and age_s <= _MAX_OVERLAP_AGE_S
        and similarity >= _WEAK_SHARE * calibration.min_similarity
    )
    if not (is_same or is_there or similarity >= calibration.stranger_similarity):
        return None
    return similarity + _OVERLAP_WEIGHT * overlap


def _is_within_reach(expected: Box, box: Box, age_s: float) -> bool:
    distance = math.dist(_centre(expected), _centre(box))
    return distance <= (_REACH + _REACH_A_SECOND * age_s) * max(expected.w, box.w, expected.h, box.h)


def intersection_over_union(one: Box, other: Box) -> float:
    """0 for boxes that do not touch, 1 for equal ones."""
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.w * one.h + other.w * other.h - shared)


def _join(parts: Sequence[Track], calibration: Calibration) -> list[Track]:
    """Join tracks whose centroids are certainly one person's, the most similar first.

    Two faces of one frame are two people, and so are tracks that wear different numbers, unless their faces are so
    similar that one of the numbers must be wrong.
    """
    group_of = list(range(len(parts)))
    groups = {number: [part] for number, part in enumerate(parts)}
    sums = {number: _weighted_sum(part.sightings) for number, part in enumerate(parts)}
    for number, other in _similar_pairs(parts, calibration.min_similarity):
        one, two = group_of[number], group_of[other]
        if one == two or any(a.frames & b.frames for a in groups[one] for b in groups[two]):
            continue
        similarity = float(_unit(sums[one]) @ _unit(sums[two]))
        if similarity < _required(groups[one], groups[two], calibration):
            continue
        for index, group in enumerate(group_of):
            if group == two:
                group_of[index] = one
        groups[one] += groups.pop(two)
        sums[one] = sums[one] + sums.pop(two)
    return [
        Track(tuple(sorted((one for part in group for one in part.sightings), key=lambda one: one.frame)))
        for group in groups.values()
    ]


def _required(one: Sequence[Track], two: Sequence[Track], calibration: Calibration) -> float:
    numbers, others = _numbers(one), _numbers(two)
    if numbers & others:
        return calibration.min_similarity
    return calibration.certain_similarity if numbers and others else calibration.stranger_similarity


def _numbers(tracks: Sequence[Track]) -> frozenset[str]:
    return frozenset(one.number for track in tracks for one in track.sightings if one.number is not None)


def _similar_pairs(parts: Sequence[Track], least: float) -> list[tuple[int, int]]:
    """Pairs of tracks whose centroids have this similarity or more, the most similar first."""
    if not parts:
        return []
    centroids = np.stack([part.centroid for part in parts])
    found = []
    for start in range(0, len(parts), _BLOCK):
        similarities = centroids[start : start + _BLOCK] @ centroids.T
        for row, column in np.argwhere(similarities >= least).tolist():
            if start + row < column:
                found.append((-float(similarities[row, column]), start + row, column))
    return [(one, other) for _, one, other in sorted(found)]


def _weighted_sum(sightings: Sequence[FaceSighting]) -> NDArray[np.float32]:
    weights = np.array([max(one.quality, _MIN_WEIGHT) for one in sightings], np.float32)
    return np.asarray(weights @ np.stack([one.vector for one in sightings]), np.float32)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    return vector if length == 0 else np.asarray(vector / np.float32(length), np.float32)


def _centre(box: Box) -> tuple[float, float]:
    return box.x + box.w / 2, box.y + box.h / 2
