"""What an album costs on Google Cloud: measured seconds of tasks, counted photos and faces, and list prices.

Of an album is what its photos cause: the tasks' time, the work and the objects of each photo, and what keeping them
takes. The database, the search and whatever else runs by the hour serve all albums, and are in none: `monthly_lines` of
`photofinish cost --photos` has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from photofinish.domain.prices import Processor, task_usd_s

MONTH_S = 730 * 3600.0
ENOUGH_PHOTOS = 20
"""Photos after which an album's own seconds a photo tell more than those that prices.toml assumes."""
_KIB_PER_GIB = 2.0**20


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumTime:
    """What one task spent on an album since it began."""

    seconds: float
    photos: int
    """That it analysed, with or without a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTime:
    """What all tasks on one kind of machine spent on an album."""

    processor: Processor
    seconds: float
    photos: int
    """How often a photo was analysed, with or without a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumContent:
    """What an album has, as statistics count it."""

    photos: int
    """With a result."""
    faces: int
    photo_months: float
    """How long each photo has been kept since its result, in months, all together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One line of the bill."""

    name: str
    quantity: float
    unit: str
    usd: float
    is_measured: bool
    """False: photos, faces or months are counted, and what each takes is assumed by prices.toml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumCost:
    """What an album cost so far, and will."""

    lines: Sequence[CostLine]
    """So far, the dearest first."""
    usd_per_1000_photos: float | None
    """So far, by photos with a result; None without."""
    usd_month: float
    """What keeping what there is costs each month."""
    usd_queued: float
    """What the photos will cost that wait for their analysis, without keeping them."""
    seconds_per_photo: float
    """By which `usd_queued` goes."""
    is_own_pace: bool
    """Whether the album's own tasks took so long; else that is assumed."""

    @property
    def usd(self) -> float:
        """So far."""
        return sum(line.usd for line in self.lines)


def photo_months(photos_by_hour: Mapping[datetime, int], *, photos: int, now: datetime) -> float:
    """Return how many months photos were kept, all together; those of no hour as long as the first hour's.

    `photos_by_hour`: by the hour of their result, the latest hours.
    """
    ages = {hour: max(0.0, (now - hour).total_seconds()) / MONTH_S for hour in photos_by_hour}
    older = max(0, photos - sum(photos_by_hour.values()))
    return sum(photos_by_hour[hour] * age for hour, age in ages.items()) + older * max(ages.values(), default=0.0)


def album_cost(
    times: Iterable[TaskTime], content: AlbumContent, *, waiting: int, processor: Processor, prices: Mapping[str, Any]
) -> AlbumCost:
    """Return the cost of an album of which `waiting` photos will be analysed on `processor`."""
    spent = [time for time in times if time.seconds > 0]
    handling = handling_lines(content.photos, prices)
    keeping = keeping_lines(content.photos, content.faces, prices)
    kept = content.photo_months / content.photos if content.photos else 0.0
    lines = [
        *(_analysis(time, prices) for time in spent),
        *handling,
        *(_for_months(line, kept) for line in keeping),
    ]
    analysed = [time for time in spent if time.processor is processor]
    photos, seconds = sum(time.photos for time in analysed), sum(time.seconds for time in analysed)
    is_own_pace = photos >= ENOUGH_PHOTOS
    seconds_per_photo = seconds / photos if is_own_pace else assumed_s_per_photo(processor, prices)
    queued = waiting * seconds_per_photo * task_usd_s(processor, prices)
    queued += sum(line.usd for line in handling_lines(waiting, prices))
    total = sum(line.usd for line in lines)
    return AlbumCost(
        lines=sorted((line for line in lines if line.quantity), key=lambda line: -line.usd),
        usd_per_1000_photos=total / content.photos * 1000 if content.photos else None,
        usd_month=sum(line.usd for line in keeping),
        usd_queued=queued,
        seconds_per_photo=seconds_per_photo,
        is_own_pace=is_own_pace,
    )


def handling_lines(photos: int, prices: Mapping[str, Any]) -> list[CostLine]:
    """What photos cost once, beside their analysis: writes of documents and objects, calls, messages, logs."""
    assumed, storage, firestore = prices["assumptions"], prices["storage"], prices["firestore"]
    documents = (
        assumed["document_writes"] * firestore["writes_100k"] + assumed["document_reads"] * firestore["reads_100k"]
    )
    objects = 3 * storage["class_a_1k"] + storage["class_b_1k"]  # a photo and two derived; one is read
    message_gib, log_gib = assumed["message_kib"] / _KIB_PER_GIB, assumed["log_kib"] / _KIB_PER_GIB
    return [
        _of_photos("documents", photos, documents / 1e5),
        _of_photos("objects", photos, objects / 1e3),
        _of_photos("event functions", photos, assumed["event_requests"] * event_call_usd(prices)),
        _of_photos("messages", photos, message_gib / 1024 * prices["pubsub"]["tib"]),
        _of_photos("logs", photos, log_gib * prices["logging"]["gib"]),
    ]


def event_call_usd(prices: Mapping[str, Any]) -> float:
    """What one call of an event function costs."""
    seconds, service = prices["assumptions"]["event_request_s"], prices["cloud_run_service"]
    return float(seconds * (service["vcpu_s"] + service["gib_s"]) + service["requests_1m"] / 1e6)


def keeping_lines(photos: int, faces: int, prices: Mapping[str, Any]) -> list[CostLine]:
    """What keeping photos and what was found in them costs a month."""
    assumed, sql = prices["assumptions"], prices["cloud_sql"]
    photo_gib = (assumed["original_mib"] + assumed["derived_mib"]) / 1024
    document_gib = assumed["document_kib"] / _KIB_PER_GIB
    face_usd = assumed["face_bytes"] / 2**30 * (sql["ssd_gib_month"] * 1.5 + sql["backup_gib_month"])
    return [
        _of_photos("photos and previews kept", photos, photo_gib * prices["storage"]["gib_month"]),
        _of_photos("documents kept", photos, document_gib * prices["firestore"]["gib_month"]),
        CostLine(name="faces kept", quantity=faces, unit="faces", usd=faces * face_usd, is_measured=False),
    ]


def _of_photos(name: str, photos: int, usd_of_one: float) -> CostLine:
    return CostLine(name=name, quantity=photos, unit="photos", usd=photos * usd_of_one, is_measured=False)


def _for_months(line: CostLine, months: float) -> CostLine:
    """What `line`, which is for a month, cost in `months`."""
    return CostLine(
        name=line.name,
        quantity=line.quantity * months,
        unit=f"{line.unit} × months",
        usd=line.usd * months,
        is_measured=False,
    )


def _analysis(time: TaskTime, prices: Mapping[str, Any]) -> CostLine:
    return CostLine(
        name=f"analysis on {'an L4' if time.processor is Processor.L4 else 'CPU'}",
        quantity=time.seconds,
        unit="task seconds",
        usd=time.seconds * task_usd_s(time.processor, prices),
        is_measured=True,
    )


def assumed_s_per_photo(processor: Processor, prices: Mapping[str, Any], *, photo_s: float | None = None) -> float:
    """Task seconds a photo, with its share of the task's start; `photo_s`: measured without it."""
    assumed = prices["assumptions"]
    photo_s = photo_s or assumed["l4_s_per_photo" if processor is Processor.L4 else "cpu_s_per_photo"]
    return float(photo_s + assumed["start_overhead_s"] / assumed["photos_per_start"])
