"""Statistics of an album: how its results are counted.

A photo counts once, by its newest result. Times from upload to result are counted in a histogram of fixed bounds, so
that counts can be added, and taken back, without the single values; its percentiles are at most 10 % too high.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from photofinish.domain.album_event import AlbumEvent, EventType
from photofinish.domain.photo import PhotoStatus

RESULTS: Mapping[EventType, PhotoStatus] = {
    EventType.PHOTO_DONE: PhotoStatus.DONE,
    EventType.PHOTO_REJECTED: PhotoStatus.REJECTED,
    EventType.PHOTO_FAILED: PhotoStatus.FAILED,
}
DURATION_BOUNDS_S = tuple(0.1 * 1.1**step for step in range(156))
"""Upper bounds of the histogram's intervals but the last: from 0.1 s to three days."""


class Grouping(StrEnum):
    """By what results are counted."""

    ALBUM = "album"
    """All together; its key is empty."""
    HOUR = "hour"
    """Of the result, in UTC and ISO 8601."""
    CAMERA = "camera"
    """Make and model; empty where the file has none."""
    FOLDER = "folder"
    """Below the album; empty for photos outside folders."""
    CODE = "code"
    """Why photos were rejected or failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a photo counts as."""

    photo_id: str
    generation: int
    status: PhotoStatus
    occurred_at: datetime
    folder: str
    camera: str
    code: str | None
    faces: int
    bibs: int
    upload_to_result_s: float | None

    @property
    def groups(self) -> list[tuple[Grouping, str]]:
        """Where it counts."""
        hour = self.occurred_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        groups = [
            (Grouping.ALBUM, ""),
            (Grouping.HOUR, hour.isoformat()),
            (Grouping.CAMERA, self.camera),
            (Grouping.FOLDER, self.folder),
        ]
        return groups if self.code is None else [*groups, (Grouping.CODE, self.code)]

    def replaces(self, known: Result | None) -> bool:
        """Whether the photo counts as this instead of `known`."""
        return known is None or (self.generation, self.occurred_at) >= (known.generation, known.occurred_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many photos and what was found in them."""

    done: int = 0
    rejected: int = 0
    failed: int = 0
    faces: int = 0
    bibs: int = 0
    with_bib: int = 0
    """Photos with at least one number."""
    durations: tuple[int, ...] = (0,) * (len(DURATION_BOUNDS_S) + 1)
    """Photos by the time from upload to result, see DURATION_BOUNDS_S."""

    @property
    def photos(self) -> int:
        """Photos that have a result."""
        return self.done + self.rejected + self.failed

    @property
    def share_with_bib(self) -> float | None:
        """The share of the analysed photos that have a number; None without analysed photos."""
        return self.with_bib / self.done if self.done else None

    def duration_s(self, percent: float) -> float | None:
        """Return the percentile of the times from upload to result, as the upper bound of its interval."""
        rank = math.ceil(sum(self.durations) * percent / 100)
        if rank == 0:
            return None
        seen = 0
        for bound, count in zip((*DURATION_BOUNDS_S, DURATION_BOUNDS_S[-1]), self.durations, strict=True):
            seen += count
            if seen >= rank:
                return bound
        raise AssertionError("ranks end with the last photo")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotosPerPerson:
    """On how many photos people are."""

    people: int
    mean: float
    p50: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumStatistics:
    """The counts of an album."""

    total: Counts
    groups: Mapping[Grouping, Mapping[str, Counts]]
    """Without ALBUM. Hours are in order of time; the others have most photos first."""


def result_of(event: AlbumEvent) -> Result:
    """Return what an event of a type in RESULTS tells of its photo."""
    assert event.photo_id is not None
    assert event.generation is not None
    error = event.data.get("error")
    return Result(
        photo_id=event.photo_id,
        generation=event.generation,
        status=RESULTS[event.type],
        occurred_at=event.occurred_at,
        folder=event.folder or "",
        camera=event.camera or "",
        code=None if error is None else error["code"],
        faces=event.data.get("faces", 0),
        bibs=event.data.get("bibs", 0),
        upload_to_result_s=event.data.get("upload_to_result_s"),
    )


def newest_results(results: Iterable[Result], known: Mapping[str, Result]) -> dict[str, Result]:
    """Return by photo id what photos count as after `results`, where that is not what they count as in `known`."""
    newest: dict[str, Result] = {}
    for result in results:
        if result.replaces(newest.get(result.photo_id, known.get(result.photo_id))):
            newest[result.photo_id] = result
    return newest


class Changes:
    """How counts change by results that are added and taken back."""

    def __init__(self) -> None:
        self._changed: dict[tuple[Grouping, str], Counter[str | int]] = defaultdict(Counter)

    @property
    def groups(self) -> list[tuple[Grouping, str]]:
        """The groups that may have changed, in order."""
        return sorted(self._changed)

    def add(self, result: Result, times: int = 1) -> None:
        """Count a result; take it back where `times` is -1."""
        for group in result.groups:
            change = self._changed[group]
            change[result.status.value] += times
            change["faces"] += times * result.faces
            change["bibs"] += times * result.bibs
            change["with_bib"] += times * (result.bibs > 0)
            if result.upload_to_result_s is not None:
                change[bisect.bisect_left(DURATION_BOUNDS_S, result.upload_to_result_s)] += times

    def applied(self, group: tuple[Grouping, str], counts: Counts) -> Counts:
        """Return the counts of a group after the changes."""
        change = self._changed[group]
        return Counts(
            done=counts.done + change["done"],
            rejected=counts.rejected + change["rejected"],
            failed=counts.failed + change["failed"],
            faces=counts.faces + change["faces"],
            bibs=counts.bibs + change["bibs"],
            with_bib=counts.with_bib + change["with_bib"],
            durations=tuple(count + change[interval] for interval, count in enumerate(counts.durations)),
        )


def photos_per_person(people: Mapping[int, int]) -> PhotosPerPerson | None:
    """Return the distribution of how many photos each person is on; `people` has how many are on so many photos."""
    total = sum(people.values())
    if total == 0:
        return None
    ordered = sorted(people)
    seen = itertools.accumulate(people[photos] for photos in ordered)
    return PhotosPerPerson(
        people=total,
        mean=sum(photos * count for photos, count in people.items()) / total,
        p50=next(photos for photos, count in zip(ordered, seen, strict=True) if count >= (total + 1) // 2),
        most=ordered[-1],
    )
