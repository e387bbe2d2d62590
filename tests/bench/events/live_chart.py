"""A chart of the latency from event to client, second by second, as an SVG that stands alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 720, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 84, 40, 44
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #444 }
.title { font-size: 14px; fill: #111 }
.grid { stroke: #ddd } .bar { stroke: #b3261e; stroke-dasharray: 6 4 }
polyline { fill: none; stroke-width: 2 }
.p50 { stroke: #1a73e8 } .p95 { stroke: #b06000 }
@media (prefers-color-scheme: dark) {
  text { fill: #bbb } .title { fill: #eee } .grid { stroke: #444 }
  .p50 { stroke: #8ab4f8 } .p95 { stroke: #fdd663 } .bar { stroke: #f2b8b5 }
}
"""


@dataclass(frozen=True, slots=True)
class Second:
    """What clients measured in one second of the run."""

    at_s: int
    p50_ms: float
    p95_ms: float


def latency_chart(seconds: Sequence[Second], *, title: str, bar_ms: float) -> str:
    """Draw p50 and p95 of each second, and the bar that p95 is to stay below."""
    last_s = max(1, max(second.at_s for second in seconds))
    highest_ms = max(bar_ms, max(second.p95_ms for second in seconds))
    step_ms = 100 if highest_ms <= 1000 else 10 ** math.floor(math.log10(highest_ms))
    top_ms = step_ms * math.ceil(highest_ms / step_ms)

    def x(at_s: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * at_s / last_s

    def y(ms: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * ms / top_ms

    def line(kind: str, ms: float) -> str:
        return f'<line class="{kind}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(ms):.1f}" y2="{y(ms):.1f}"/>'

    def label(text: str, at: float, ms: float, anchor: str) -> str:
        return f'<text x="{at:.1f}" y="{y(ms) + 4:.1f}" text-anchor="{anchor}">{text}</text>'

    title = escape(title)
    parts = [f'<text class="title" x="{_LEFT}" y="20">{title}</text>']
    for ms in range(0, top_ms + 1, step_ms):
        parts += [line("grid", ms), label(f"{ms} ms", _LEFT - 8, ms, "end")]
    parts += [line("bar", bar_ms), label("dashed: bar for p95", _WIDTH - _RIGHT, top_ms * 1.04, "end")]
    for at_s in range(0, last_s + 1, 10):
        parts.append(f'<text x="{x(at_s):.1f}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">{at_s} s</text>')
    for name in ("p95", "p50"):
        values = [(second.at_s, getattr(second, f"{name}_ms")) for second in seconds]
        points = " ".join(f"{x(at_s):.1f},{y(ms):.1f}" for at_s, ms in values)
        parts += [f'<polyline class="{name}" points="{points}"/>', label(name, x(last_s) + 8, values[-1][1], "start")]
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}">\n'
        f"<style>{_STYLE}</style>\n{inside}\n</svg>\n"
    )
