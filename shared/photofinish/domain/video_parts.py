"""Parts of a long video: each is analysed on its own, so that a task that ends costs no more than one."""

from __future__ import annotations

import math
from datetime import timedelta

from photofinish.domain.video import Span

PART_S = 180.0
"""Whole seconds, because the sharpest frame of each second is chosen."""
_NO_END_S = 1e9
KEPT_PARTS = timedelta(days=7)
"""After so long the results of parts are deleted of a video that got no result."""


def parts_of(duration_s: float | None) -> tuple[Span, ...]:
    """Divide a video; one that is not much longer than a part, or whose duration is not known, is one part.

    The last part is open-ended: a file may say less than it holds.
    """
    if duration_s is None or duration_s < 1.5 * PART_S:
        return (Span(start_s=0.0, end_s=_NO_END_S),)
    count = math.ceil(duration_s / PART_S)
    starts = [number * PART_S for number in range(count)]
    parts = [Span(start_s=start, end_s=start + PART_S) for start in starts[:-1]]
    return (*parts, Span(start_s=starts[-1], end_s=_NO_END_S))
