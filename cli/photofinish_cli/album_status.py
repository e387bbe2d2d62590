"""Compute the status of an album from its records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from photofinish.domain.gpu_quota import GpuRefusal
from photofinish.domain.photo import PhotoStatus
from photofinish.domain.running_tasks import RunningTask, running_tasks
from photofinish.ports import PhotoRecord

RATE_WINDOW = timedelta(seconds=60)
STUCK_AFTER = timedelta(seconds=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumStatus:
    """What `photofinish status` shows."""

    album: str
    counts: Mapping[PhotoStatus, int]
    photos_per_s: float | None
    """Results a second over the last minute with results; None with fewer than two."""
    latency_p50_s: float | None
    latency_p95_s: float | None
    """Seconds from upload to result of the latest photos."""
    problems: Sequence[Mapping[str, Any]]
    """What is stuck, failed or was rejected, and why."""
    warnings: Sequence[Mapping[str, Any]] = ()
    """What was not as it should be with the files of the latest analysed photos."""
    tasks: Sequence[RunningTask] = ()
    gpu_refusal: GpuRefusal | None = None
    """Why tasks start without GPU for now; None where that is not so."""
    policy: Mapping[str, Any] | None = None
    """As the API answers it; None where it cannot be read."""
    cost: Mapping[str, Any] | None = None
    """As the API answers it; None where it cannot be read."""


def summarise(
    album: str,
    counts: Mapping[PhotoStatus, int],
    latest: Sequence[PhotoRecord],
    outstanding: Sequence[PhotoRecord],
    wrong: Sequence[PhotoRecord],
    now: datetime,
    reports: Mapping[str, Mapping[str, Any]] | None = None,
    gpu_refusal: GpuRefusal | None = None,
    policy: Mapping[str, Any] | None = None,
    cost: Mapping[str, Any] | None = None,
) -> AlbumStatus:
    """`latest`: the newest final records, newest first; `outstanding`: oldest first; `wrong`: failed and rejected.

    `reports`: what tasks say of themselves, by place.
    """
    latencies = sorted(seconds for record in latest if (seconds := upload_to_result_s(record)) is not None)
    return AlbumStatus(
        album=album,
        counts=counts,
        photos_per_s=rate(sorted(record.fields["done_at"] for record in latest)),
        latency_p50_s=percentile(latencies, 50),
        latency_p95_s=percentile(latencies, 95),
        problems=[*filter(None, (_stuck(record, now) for record in outstanding)), *map(_wrong, wrong)],
        warnings=[warning for record in latest for warning in _warnings(record)],
        tasks=running_tasks(reports or {}, now),
        gpu_refusal=gpu_refusal,
        policy=policy,
        cost=cost,
    )


def upload_to_result_s(record: PhotoRecord) -> float | None:
    """Seconds from the object's upload to its final status; None where one of them is not known."""
    uploaded_at = record.fields.get("stages", {}).get("uploaded_at")
    done_at = record.fields.get("done_at")
    return (done_at - uploaded_at).total_seconds() if uploaded_at and done_at else None


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile of ascending values; None of nothing."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def rate(ordered_times: Sequence[datetime]) -> float | None:
    """Events a second within the last minute that had any."""
    if len(ordered_times) < 2:
        return None
    last = ordered_times[-1]
    recent = [time for time in ordered_times if last - time <= RATE_WINDOW]
    span_s = (last - recent[0]).total_seconds()
    return (len(recent) - 1) / span_s if span_s > 0 else None


def _stuck(record: PhotoRecord, now: datetime) -> dict[str, Any] | None:
    waited = now - record.fields["changed_at"]
    error = record.fields.get("last_error")
    if waited < STUCK_AFTER and error is None:
        return None
    why = error["message"] if error else f"{record.status.value} for {waited.total_seconds():.0f} s"
    return {"name": record.ref.name, "status": record.status.value, "code": "stuck", "why": why}


def _warnings(record: PhotoRecord) -> list[dict[str, Any]]:
    return [
        {"name": record.ref.name, "code": warning["code"], "why": warning["message"]}
        for warning in record.fields.get("warnings") or ()
    ]


def _wrong(record: PhotoRecord) -> dict[str, Any]:
    error = record.fields.get("error") or {"code": "unknown", "message": "no reason was recorded"}
    return {
        "name": record.ref.name,
        "status": record.status.value,
        "code": error["code"],
        "why": error["message"],
    }
