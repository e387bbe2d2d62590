"""Charts as small inline SVG. Colours are the classes of the report's style sheet, so they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from photofinish_cli.evaluation.bootstrap import Estimate

_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 14, 12, 40


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an interval chart."""

    label: str
    estimate: Estimate
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A curve; `kind` is the class of its colour (`one`, `two`)."""

    name: str
    points: Sequence[tuple[float, float]]
    kind: str


def intervals(rows: Sequence[Row], *, low: float | None = None) -> Markup:
    """A dot a figure with a whisker for its interval, on one scale from `low` to 1.

    Without `low` the scale starts at the last tenth below all whiskers.
    """
    shown = [row for row in rows if row.estimate.value is not None]
    if not shown:
        return Markup("")
    least = min(min(row.estimate.value or 0, row.estimate.low or 0) for row in shown)
    start = max(0.0, math.floor(least * 10 - 0.5) / 10) if low is None else low
    start = min(start, 0.9)
    width, pitch, left, right = 420, 30, 146, 124
    height = _TOP + pitch * len(shown) + 24
    span = width - left - right

    def x(value: float) -> float:
        return left + span * (min(1.0, max(start, value)) - start) / (1 - start)

    steps = round((1 - start) * 10)
    every = 1 if steps <= 5 else 2 if steps <= 8 else 5
    parts = []
    for tenth in range(round(start * 10), 11):
        if (10 - tenth) % every:
            continue
        at = x(tenth / 10)
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{height - 22}"/>')
        parts.append(f'<text class="tick" x="{at:.1f}" y="{height - 6}" text-anchor="middle">{tenth / 10:.1f}</text>')
    for index, row in enumerate(shown):
        estimate, y = row.estimate, _TOP + pitch * index + pitch / 2
        value = estimate.value or 0.0
        parts.append(f'<g class="{"muted" if row.muted else "row"}"><title>{escape(_tip(row))}</title>')
        parts.append(
            f'<text class="label" x="{left - 12}" y="{y + 4:.1f}" text-anchor="end">{escape(row.label)}</text>'
        )
        if estimate.low is not None and estimate.high is not None:
            parts.append(
                f'<line class="whisker" x1="{x(estimate.low):.1f}" x2="{x(estimate.high):.1f}" y1="{y}" y2="{y}"/>'
            )
        parts.append(f'<circle class="dot" cx="{x(value):.1f}" cy="{y}" r="5.5"/>')
        parts.append(f'<text class="value" x="{width - right + 12}" y="{y + 4:.1f}">{value:.3f}</text>')
        parts.append(f'<text class="note" x="{width - right + 62}" y="{y + 4:.1f}">of {estimate.of:,}</text></g>')
    return _svg(width, height, parts)


def curve(
    lines: Sequence[Line],
    *,
    across: str,
    up: str,
    logarithmic: bool = False,
    x_range: tuple[float, float] = (0, 1),
    y_range: tuple[float, float] = (0, 1),
    mark: tuple[float, float] | None = None,
) -> Markup:
    """Curves with axes; `across` and `up` name the axes, `mark` is a point to show."""
    width, height = 420, 290
    x, y = _scales(width, height, x_range, y_range, logarithmic=logarithmic)
    parts = _axes(width, height, across, up)
    ticks = [10.0**power for power in range(round(math.log10(x_range[0])), 1)] if logarithmic else _ticks(x_range)
    parts += [
        f'<text class="tick" x="{x(tick):.1f}" y="{height - _BOTTOM + 16}" text-anchor="middle">{tick:g}</text>'
        for tick in ticks
    ]
    parts += [_y_tick(width, y, tick) for tick in _ticks(y_range)]
    for line in lines:
        inside = [(x(at), y(value)) for at, value in line.points if x_range[0] <= at <= x_range[1]]
        if inside:
            path = " ".join(f"{at:.1f},{value:.1f}" for at, value in inside)
            parts.append(
                f'<polyline class="line {line.kind}" points="{path}"><title>{escape(line.name)}</title></polyline>'
            )
    if mark:
        parts.append(f'<circle class="dot" cx="{x(mark[0]):.1f}" cy="{y(mark[1]):.1f}" r="5.5"/>')
    return _svg(width, height, parts)


def histogram(
    bins: Sequence[tuple[float, float, float]],
    step: float,
    *,
    across: str,
    up: str,
    thresholds: Sequence[tuple[float, str]] = (),
) -> Markup:
    """Two distributions over each other, each on its own scale (as tall as its highest bin), with named thresholds.

    A bin is `(from, share of one, share of two)` and `step` wide; empty bins at the ends are left out.
    """
    width, height = 420, 290
    taken = [edge for edge, one, two in bins if one or two]
    if not taken:
        return Markup("")
    low, high = taken[0] - step, taken[-1] + 2 * step
    x, y = _scales(width, height, (low, high), (0, 1.18), logarithmic=False)
    parts = _axes(width, height, across, up)
    parts += [
        f'<text class="tick" x="{x(tick):.1f}" y="{height - _BOTTOM + 16}" text-anchor="middle">{tick:g}</text>'
        for tick in _ticks((low, min(1.0, high)))
    ]
    for kind, column in (("two", 2), ("one", 1)):
        tallest = max(entry[column] for entry in bins)
        outline = [f"{x(low):.1f},{y(0):.1f}"]
        for entry in bins:
            if low <= entry[0] < high and tallest:
                top = y(entry[column] / tallest)
                outline += [f"{x(entry[0]):.1f},{top:.1f}", f"{x(min(high, entry[0] + step)):.1f},{top:.1f}"]
        outline.append(f"{x(high):.1f},{y(0):.1f}")
        parts.append(f'<polygon class="area {kind}" points="{" ".join(outline)}"/>')
    for index, (threshold, name) in enumerate(sorted(thresholds)):
        at = x(threshold)
        parts.append(f'<line class="threshold" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{y(0):.1f}"/>')
        anchor, beside = ("start", at + 5) if index else ("end", at - 5)
        parts.append(f'<text class="tick" x="{beside:.1f}" y="{_TOP + 8}" text-anchor="{anchor}">{escape(name)}</text>')
    return _svg(width, height, parts)


def _scales(
    width: int, height: int, x_range: tuple[float, float], y_range: tuple[float, float], *, logarithmic: bool
) -> tuple[Callable[[float], float], Callable[[float], float]]:
    def x(value: float) -> float:
        if logarithmic:
            share = math.log(max(value, x_range[0]) / x_range[0]) / math.log(x_range[1] / x_range[0])
        else:
            share = (value - x_range[0]) / (x_range[1] - x_range[0])
        return _LEFT + min(1.0, max(0.0, share)) * (width - _LEFT - _RIGHT)

    def y(value: float) -> float:
        share = (value - y_range[0]) / (y_range[1] - y_range[0])
        return height - _BOTTOM - min(1.0, max(0.0, share)) * (height - _BOTTOM - _TOP)

    return x, y


def _axes(width: int, height: int, across: str, up: str) -> list[str]:
    middle, base = (_TOP + height - _BOTTOM) / 2, height - _BOTTOM
    return [
        f'<line class="axis" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{base}" y2="{base}"/>',
        f'<text class="name" x="{(_LEFT + width - _RIGHT) / 2}" y="{height - 6}" text-anchor="middle">{escape(across)}'
        "</text>",
        f'<text class="name" x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">{escape(up)}'
        "</text>",
    ]


def _y_tick(width: int, y: Callable[[float], float], tick: float) -> str:
    at = y(tick)
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>'
    )


def _ticks(span: tuple[float, float]) -> list[float]:
    step = 0.1 if span[1] - span[0] <= 0.55 else 0.2
    first, last = math.ceil(span[0] / step - 1e-9), math.floor(span[1] / step + 1e-9)
    return [round(step * index, 2) for index in range(first, last + 1)]


def _tip(row: Row) -> str:
    estimate = row.estimate
    between = "" if estimate.low is None else f", 95 % of resamples between {estimate.low:.3f} and {estimate.high:.3f}"
    return f"{row.label}: {estimate.value:.3f} of {estimate.of}{between}"


def _svg(width: int, height: int, parts: Sequence[str]) -> Markup:
    # Every text in `parts` was escaped where it was put in; the rest are numbers and our own names of classes.
    inside = "".join(parts)
    return Markup(f'<svg viewBox="0 0 {width} {height}" role="img">{inside}</svg>')  # noqa: S704
