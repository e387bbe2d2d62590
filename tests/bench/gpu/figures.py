"""What the check says: figures, each with its bar, as a table, as JSON and as an exit status. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

ALL_PASSED, SOME_FAILED, NO_GPU = 0, 1, 3
GPU_BUSY = 0.8
"""A GPU that is busy for less of the time waits for something else."""
_GOALS = {"H200": 200.0, "H100": 200.0}
_GOAL = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the report."""

    part: str
    name: str
    value: float | None = None
    unit: str = ""
    bar: str = ""
    passed: bool | None = None
    """None: there is no bar, or the figure was not measured."""
    skipped: str = ""
    """Why it was not measured."""
    note: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """More numbers, for the JSON only."""


def at_least(part: str, name: str, value: float, bar: float, unit: str = "", **more: Any) -> Figure:
    return Figure(part=part, name=name, value=value, unit=unit, bar=f"≥ {bar:g}", passed=value >= bar, **more)


def at_most(part: str, name: str, value: float, bar: float, unit: str = "", **more: Any) -> Figure:
    return Figure(part=part, name=name, value=value, unit=unit, bar=f"≤ {bar:g}", passed=value <= bar, **more)


def failed(part: str, error: BaseException) -> Figure:
    """A part that ended with an error."""
    return Figure(part=part, name="error", passed=False, note=f"{type(error).__name__}: {error}"[:300])


def goal_photos_per_s(device: str) -> float:
    """The photos a second that this GPU should analyse."""
    return next((goal for name, goal in _GOALS.items() if name in device), _GOAL)


def busy_shares(photos_per_s: float, ms_per_photo: Mapping[str, float], threads: Mapping[str, int]) -> dict[str, float]:
    """For each stage, the share of the time that its threads work, 0 to 1."""
    return {stage: photos_per_s * ms / 1000 / threads[stage] for stage, ms in ms_per_photo.items() if stage in threads}


def bound_by(shares: Mapping[str, float], gpu_busy: float | None) -> str:
    """What keeps the analysis from being faster: the GPU, or the stage whose threads are busiest."""
    if gpu_busy is not None and gpu_busy >= GPU_BUSY:
        return "the GPU"
    stage = max(shares, key=lambda name: shares[name])
    if stage == "decode":
        return "decoding: more CPU cores, or nvJPEG"
    if stage == "analyse":
        return "analysis on the CPU (crops, decoding of outputs, copies): more cores or larger batches"
    return f"{stage}: more threads"


def exit_status(figures: Sequence[Figure], *, has_gpu: bool) -> int:
    if any(figure.passed is False for figure in figures):
        return SOME_FAILED
    return ALL_PASSED if has_gpu else NO_GPU


def as_json(figures: Sequence[Figure], *, runtime: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    return {
        "runtime": dict(runtime),
        "seconds": round(seconds, 1),
        "figures": [asdict(figure) for figure in figures],
    }


def as_table(figures: Sequence[Figure]) -> str:
    """The report as aligned text, in the order of the figures."""
    rows = [("part", "figure", "value", "bar", "", "note")]
    for figure in figures:
        value = "" if figure.value is None else f"{figure.value:.4g} {figure.unit}".strip()
        verdict = "skipped" if figure.skipped else {True: "pass", False: "FAIL", None: ""}[figure.passed]
        rows.append((figure.part, figure.name, value, figure.bar, verdict, figure.skipped or figure.note))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]).rstrip()
        for row in rows
    )
