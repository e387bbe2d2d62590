"""The tables of what was measured, as Markdown. Pure."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

FIRST_PAINT_MS, FILTER_MS, FRAME_MS = 1000, 300, 1000 / 60
_SCORE = 95


def report_of(figures: dict[str, Any]) -> str:
    """The report, with the bars of each figure and whether it was met."""
    processor = f"{platform.machine()}, {figures['cores']} cores"
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    parts = [
        "# Pages",
        f"`make bench-pages`; {processor}, {now} UTC, load average {figures['load']:.1f} before. Chromium, the function"
        " `api`, Postgres, the local Firestore and the storage share the cores; Chromium draws without a GPU.",
    ]
    if "lighthouse" in figures:
        parts += ["## Lighthouse", _lighthouse(figures["lighthouse"])]
    if "console" in figures:
        parts += [f"## The console with {figures['photos']:,} photos", _console(figures["console"])]
        parts += ["### Scrolling in the console", _frames(figures["console"]["scrolling"])]
    for device, found in figures.get("runner", {}).items():
        scrolling = {name: value for name, value in found.items() if name != "tiles"}
        parts += [f"## Scrolling on the runner's page, {device}", _frames(scrolling)]
        parts += [f"{found['tiles']} photos were in the page at the end."]
    return "\n\n".join(parts) + "\n"


def _lighthouse(figures: dict[str, Any]) -> str:
    rows = []
    for path, found in figures.items():
        scores, metrics = found["scores"], found["metrics"]
        runs = ", ".join(map(str, found["each_run"]))
        rows.append(
            (
                f"`{path}`",
                f"**{scores['performance']}** ({runs})",
                *(str(scores[name]) for name in ("accessibility", "best-practices", "seo")),
                *(f"{metrics[name] / 1000:.1f} s" for name in ("first-contentful-paint", "largest-contentful-paint")),
                f"{metrics['total-blocking-time']:.0f} ms",
                f"{metrics['cumulative-layout-shift']:.3f}",
                f"{found['bytes'] / 1000:.0f} kB in {found['requests']}",
            )
        )
    head = ("page", "performance (runs)", "accessibility", "best practices", "SEO", "first paint", "largest paint")
    return table((*head, "blocked", "layout shift", "requests"), rows)


def _console(figures: dict[str, Any]) -> str:
    rows = []
    for name, title in (("cold", "first visit"), ("warm", "scripts in the cache")):
        times = figures[name]
        for part, what in (("first_paint", "first paint"), ("photos", "photos"), ("pictures", "all pictures in sight")):
            bar = FIRST_PAINT_MS if part == "first_paint" else None
            rows.append((f"open the photos, {title}: {what}", *_times(times[part], bar)))
    for name, times in figures["filters"].items():
        rows.append((f"filter {name}: photos", *_times(times["photos"], FILTER_MS)))
        rows.append((f"filter {name}: all pictures in sight", *_times(times["pictures"], None)))
    return table(("what", "median", "longest", "bar", "met"), rows)


def _times(times: Sequence[float], bar_ms: float | None) -> tuple[str, ...]:
    median = statistics.median(times)
    met = "" if bar_ms is None else "yes" if median <= bar_ms else "no"
    return (f"{median:,.0f} ms", f"{max(times):,.0f} ms", "" if bar_ms is None else f"{bar_ms:,.0f} ms", met)


def _frames(figures: dict[str, Any]) -> str:
    works = list(next(iter(figures.values()))["work_ms_per_s"])
    rows = [
        (
            name,
            f"{found['p50_ms']:.1f} ms",
            f"{found['p95_ms']:.1f} ms",
            f"{found['longest_ms']:.0f} ms",
            f"{found['dropped_share']:.1%}",
            *(f"{found['work_ms_per_s'][work]:.0f}" for work in works),
        )
        for name, found in figures.items()
    ]
    head = ("", "frame, p50", "p95", "longest", "dropped of 60 a second")
    return table((*head, *(f"{work}, ms a second" for work in works)), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
