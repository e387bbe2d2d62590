"""A chart of lines over time, as an SVG that stands alone."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from memory import Series

_WIDTH, _HEIGHT = 760, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 170, 40, 40
_GRID_LINES = 5
_COLOURS = ("#1a73e8", "#b06000", "#188038", "#a142f4", "#d93025", "#12858d", "#80868b")
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #777 }
polyline { fill: none; stroke-width: 2 }
.grid { stroke: #8884 }
"""


def lines_chart(series: Mapping[str, Series], *, title: str, unit: str) -> str:
    """Draw the largest of the lines, as many as there are colours."""
    drawn = sorted(series.items(), key=lambda named: -max(value for _, value in named[1]))[: len(_COLOURS)]
    last_s = max(1.0, max(line[-1][0] for _, line in drawn))
    top = max(1.0, max(value for _, line in drawn for _, value in line))

    def x(at_s: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * at_s / last_s

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / top

    parts = [f'<text x="{_LEFT}" y="20">{escape(title)}</text>']
    for number in range(_GRID_LINES + 1):
        value, at_s = top * number / _GRID_LINES, last_s * number / _GRID_LINES
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{x(last_s):.0f}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.0f} {escape(unit)}</text>'
        )
        parts.append(f'<text x="{x(at_s):.1f}" y="{_HEIGHT - 16}" text-anchor="middle">{at_s:.0f} s</text>')
    for number, ((name, line), colour) in enumerate(zip(drawn, _COLOURS, strict=False)):
        points = " ".join(f"{x(at_s):.1f},{y(value):.1f}" for at_s, value in line)
        parts.append(f'<polyline points="{points}" stroke="{colour}"/>')
        label_y = _TOP + 18 * number
        parts.append(f'<text x="{_WIDTH - _RIGHT + 12}" y="{label_y}" style="fill: {colour}">{escape(name)}</text>')
    body = "\n".join(parts)
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{_STYLE}</style>\n{body}\n</svg>\n'
