"""Where the scenes of a video begin and end: at cuts, in the middle of fades, and after 20 s at the latest.

Decisions on the measured differences of frames only (:class:`FrameChange`); measured on joined clips, see
docs/benchmarks/videos.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from photofinish.domain.video import FrameChange, Span

MAX_SCENE_S = 20.0
_MIN_SCENE_S = 0.3
# A cut changes colours and pixels together; both are weighed by what a cut between two similar shots has.
_USUAL_COLOURS, _USUAL_PIXELS = 0.35, 0.11
_MIN_STRENGTH = 1.0
# Movement and shaking change every frame: a cut stands out from the frames around it.
_NEIGHBOURS, _MIN_STANDING_OUT, _MIN_LASTING = 6, 3.0, 1.3
# A screen of one colour: black, white, or anything that a video is faded through.
_MAX_CONTRAST_OF_FADE, _MIN_FADE_FRAMES = 0.03, 2
_MAX_FADE_S = 3.0


def find_scenes(changes: Sequence[FrameChange], end_s: float) -> tuple[Span, ...]:
    """Divide a video that ends at `end_s` into scenes, by how each of its frames differs from the one before.

    They cover the video without gaps, in order; none is longer than 20 s.
    """
    inner = [at_s for at_s in _boundaries(changes) if 0 < at_s < end_s]
    edges = [0.0]
    for at_s in inner:
        if at_s - edges[-1] >= _MIN_SCENE_S and end_s - at_s >= _MIN_SCENE_S:
            edges.append(at_s)
    edges.append(max(end_s, edges[-1]))
    return tuple(piece for start_s, stop_s in pairwise(edges) for piece in _pieces(start_s, stop_s))


def _boundaries(changes: Sequence[FrameChange]) -> list[float]:
    fades = _fades(changes)
    inside_fades = {index for first, end in fades for index in range(first, end + 1)}
    cuts = [index for index in range(1, len(changes)) if index not in inside_fades and _is_cut(changes, index)]
    middles = [(changes[first].at_s + changes[end - 1].at_s) / 2 for first, end in fades if first > 0]
    return sorted([changes[index].at_s for index in cuts] + middles)


def _is_cut(changes: Sequence[FrameChange], index: int) -> bool:
    strength = _strength(changes[index])
    if strength < _MIN_STRENGTH:
        return False
    around = [
        changes[one]
        for one in range(max(1, index - _NEIGHBOURS), min(len(changes), index + _NEIGHBOURS + 1))
        if one != index
    ]
    if around and strength < _MIN_STANDING_OUT * median(map(_strength, around)):
        return False
    # The first frame of a flash differs from all before it, but the third one from there on does not; and the first
    # frame after a flash is as those before it.
    least = max(_MIN_STRENGTH / 2, _MIN_LASTING * median(map(_strength_of_three, around)) if around else 0)
    later = changes[min(index + 2, len(changes) - 1)]
    return min(_strength_of_three(changes[index]), _strength_of_three(later)) >= least


def _strength(change: FrameChange) -> float:
    return _cut_strength(change.colours, change.pixels)


def _strength_of_three(change: FrameChange) -> float:
    return _cut_strength(change.colours_of_three, change.pixels_of_three)


def _cut_strength(colours: float, pixels: float) -> float:
    """1 for a usual cut between similar shots. The geometric mean: one difference alone is a flash or a movement."""
    return math.sqrt(colours / _USUAL_COLOURS * pixels / _USUAL_PIXELS)


def _fades(changes: Sequence[FrameChange]) -> list[tuple[int, int]]:
    """First and behind the last frame of each run of frames of one colour that the video goes through."""
    runs: list[tuple[int, int]] = []
    first: int | None = None
    for index, change in enumerate(changes):
        if change.contrast <= _MAX_CONTRAST_OF_FADE:
            first = index if first is None else first
        elif first is not None:
            runs.append((first, index))
            first = None
    return [
        (first, end)
        for first, end in runs
        if end - first >= _MIN_FADE_FRAMES and changes[end - 1].at_s - changes[first].at_s <= _MAX_FADE_S
    ]


def _pieces(start_s: float, end_s: float) -> list[Span]:
    """Equal parts of a long scene."""
    count = max(1, math.ceil((end_s - start_s) / MAX_SCENE_S))
    edges = [start_s + (end_s - start_s) * number / count for number in range(count)] + [end_s]
    return [Span(start_s=start, end_s=end) for start, end in pairwise(edges)]
