"""Turn a photo's document into the list of stages it went through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Moments that the document records, in the order of the way.
_MOMENTS = (
    ("uploaded", "uploaded_at"),
    ("event", "event_at"),
    ("queued", "queued_at"),
    ("pulled", "pulled_at"),
)
# Durations that the analysis measures, in the order of the way, with the name that people know them by.
_DURATIONS = (
    ("fetched", "fetch"),
    ("decoded", "decode"),
    ("detected", "detect"),
    ("embedded", "embed"),
    ("read", "read"),
    ("sharpness", "sharpness"),
    ("preview", "preview"),
    ("thumbnail", "thumbnail"),
    ("stored", "store"),
    ("indexed", "index"),
)


def trace_of(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stages of a photo document: `stage`, `at` (a time or None), `after_s` since upload, `took_ms`.

    Work done in a batch is shared equally among its photos, so durations need not add up to the time between moments.
    """
    stages = fields.get("stages", {})
    uploaded_at = stages.get("uploaded_at")

    def moment(name: str, at: Any, took_ms: float | None = None) -> dict[str, Any]:
        after_s = (at - uploaded_at).total_seconds() if at and uploaded_at else None
        return {"stage": name, "at": at, "after_s": after_s, "took_ms": took_ms}

    steps = [moment(name, stages[key]) for name, key in _MOMENTS if stages.get(key)]
    timings = dict(fields.get("timings_ms") or {})
    known = [(name, key) for name, key in _DURATIONS if key in timings]
    others = [(key, key) for key in sorted(timings) if key not in {key for _, key in _DURATIONS}]
    steps += [moment(name, None, timings[key]) for name, key in [*known, *others]]
    if done_at := fields.get("done_at"):
        name = "committed" if fields.get("status") == "done" else str(fields.get("status"))
        steps.append(moment(name, done_at))
    return steps
