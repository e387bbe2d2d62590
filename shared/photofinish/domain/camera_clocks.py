"""Clocks of an album's cameras: how far each is off, found from moments that two cameras share.

A runner who is on photos of two cameras passed both within minutes. The difference of the two clocks is the one around
which most of those differences lie; wrong identities and runners who came back differ by anything.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# Differences that lie together within this agree on the difference of two clocks.
AGREEMENT = timedelta(minutes=2)
MAX_SHIFT = timedelta(days=366 * 20)
# A subject on more photos of one camera than this stands in its way: a helper, a wrong cluster.
_MAX_PHOTOS_OF_ONE = 50
# The quantile of the normal distribution for a 95 % interval.
_Z = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A subject on a photo of a camera."""

    camera: str
    subject: str
    """A person's id or a bib number, whatever says that two photos show the same person."""
    taken_at: datetime
    """By the camera's clock, without a time zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumCamera:
    """A camera of an album."""

    name: str
    photos: int
    """Of them, those with a time are counted in `first` and `last`."""
    first: datetime | None
    """By the camera's clock, like `last`."""
    last: datetime | None
    shift: timedelta
    """What is added to the camera's clock to get the album's time; zero unless a user set it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftEstimate:
    """By how much a camera's clock should be shifted to fit the reference camera's."""

    shift: timedelta
    confidence: float
    """0 to 1: lower end of the 95 % interval of the share of subjects that agree; of the weakest link used."""
    agreeing: int
    """Subjects whose times fit, on the last step to the reference."""
    subjects: int
    """Subjects that both cameras saw."""


@dataclass(frozen=True, slots=True)
class _Link:
    """The clock of `other` minus the clock of `one`."""

    one: str
    other: str
    ahead: timedelta
    confidence: float
    agreeing: int
    subjects: int


def estimate_shifts(
    sightings: Iterable[Sighting], *, reference: str, reference_shift: timedelta = timedelta()
) -> dict[str, ShiftEstimate]:
    """Estimate the shift of each camera that is connected with `reference` by subjects they share.

    The surest pairs of cameras are used: a camera with nothing in common with the reference is compared by a third one.
    """
    links = _links(sightings)
    found = {
        reference: ShiftEstimate(shift=reference_shift, confidence=1.0, agreeing=0, subjects=0),
    }
    while True:
        candidates = [
            (min(found[known].confidence, link.confidence), known, new, ahead, link)
            for link in links
            for known, new, ahead in (
                (link.one, link.other, link.ahead),
                (link.other, link.one, -link.ahead),
            )
            if known in found and new not in found
        ]
        if not candidates:
            del found[reference]
            return found
        confidence, known, new, ahead, link = max(candidates, key=lambda one: (one[0], one[4].agreeing, one[2]))
        found[new] = ShiftEstimate(
            shift=found[known].shift - ahead, confidence=confidence, agreeing=link.agreeing, subjects=link.subjects
        )


def difference_of_clocks(pairs: Sequence[Sequence[timedelta]]) -> tuple[timedelta, int]:
    """The difference on which most subjects agree, and how many do; `pairs` has each subject's possible differences.

    A subject counts once, however many photos it has. Of several groups of differences the closest is taken, then that
    with the smallest difference.
    """
    if not any(pairs):
        raise ValueError("no differences to agree on")
    events = sorted((difference, subject) for subject, own in enumerate(pairs) for difference in own)
    best = (0, timedelta.min, timedelta.min, timedelta())
    counts: dict[int, int] = defaultdict(int)
    start = 0
    for end, (difference, subject) in enumerate(events):
        counts[subject] += 1
        while difference - events[start][0] > AGREEMENT:
            leaving = events[start][1]
            counts[leaving] -= 1
            if not counts[leaving]:
                del counts[leaving]
            start += 1
        if len(counts) >= best[0]:
            low, high = events[(start + end) // 2][0], events[(start + end + 1) // 2][0]
            middle = low + (high - low) / 2
            spread = difference - events[start][0]
            best = max(best, (len(counts), -spread, -abs(middle), middle))
    return best[3], best[0]


def _links(sightings: Iterable[Sighting]) -> list[_Link]:
    """The difference of the clocks of each two cameras that share a subject."""
    times: dict[str, dict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    for sighting in sightings:
        times[sighting.subject][sighting.camera].append(sighting.taken_at)
    pairs: dict[tuple[str, str], list[list[timedelta]]] = defaultdict(list)
    for by_camera in times.values():
        cameras = sorted(camera for camera, own in by_camera.items() if len(own) <= _MAX_PHOTOS_OF_ONE)
        for index, one in enumerate(cameras):
            for other in cameras[index + 1 :]:
                pairs[one, other].append([late - early for early in by_camera[one] for late in by_camera[other]])
    return [_link(one, other, differences) for (one, other), differences in sorted(pairs.items())]


def _link(one: str, other: str, pairs: Sequence[Sequence[timedelta]]) -> _Link:
    ahead, agreeing = difference_of_clocks(pairs)
    rounded = timedelta(seconds=round(ahead.total_seconds()))
    return _Link(one, other, rounded, lowest_share(agreeing, len(pairs)), agreeing, len(pairs))


def lowest_share(hits: int, of: int) -> float:
    """The lower end of the 95 % interval of a share (Wilson, 1927): few cases prove little, whatever their share."""
    if of == 0:
        return 0.0
    share, z2 = hits / of, _Z * _Z
    middle = share + z2 / (2 * of)
    margin = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, (middle - margin) / (1 + z2 / of))


def reference_camera(cameras: Mapping[str, int]) -> str | None:
    """The camera whose clock is the album's unless a user says otherwise: that with most photos."""
    return min(cameras, key=lambda name: (-cameras[name], name), default=None)
