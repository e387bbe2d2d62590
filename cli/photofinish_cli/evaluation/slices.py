"""What makes a face hard, in steps: its size, sharpness and pose, the parts of its quality."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from photofinish.domain.sharpness import FACE_THRESHOLD
from photofinish_cli.evaluation.bootstrap import Estimate, ratio
from photofinish_cli.evaluation.findings import FoundFace


@dataclass(frozen=True, slots=True)
class Dimension:
    """One way to sort faces, from hard to easy."""

    name: str
    edges: tuple[float, ...]
    """Rising; a value on an edge belongs above it."""
    steps: tuple[str, ...]
    """One more than edges."""

    def step_of(self, value: float) -> str:
        """The step that `value` falls into."""
        return self.steps[bisect.bisect_right(self.edges, value)]


SIZE = Dimension("face size", (32, 48, 64, 96), ("under 32 px", "32–48 px", "48–64 px", "64–96 px", "96 px and more"))
SHARPNESS = Dimension(
    "sharpness", (FACE_THRESHOLD, 0.5), (f"blurred (< {FACE_THRESHOLD})", "soft (< 0.5)", "sharp (0.5 and more)")
)
# By the negative angle, so that here too the hard ones come first.
POSE = Dimension("pose", (-45, -30, -15), ("turned by 45° and more", "30–45°", "15–30°", "turned by 15° at most"))


DIMENSIONS = (SIZE, SHARPNESS, POSE)


def values_of(face: FoundFace) -> tuple[float, float, float]:
    """The face's size, sharpness and pose, in the order of `DIMENSIONS`."""
    return face.size_px, face.sharpness, -face.turned_deg


@dataclass(frozen=True, slots=True)
class Slice:
    """A figure for the faces of one step."""

    dimension: str
    step: str
    estimate: Estimate


def slices_of(dimension: Dimension, units: Sequence[Sequence[tuple[float, bool]]]) -> list[Slice]:
    """The share of hits in each step that has any; a unit (a photo, a person) is drawn as a whole."""
    parts = []
    for step in dimension.steps:
        share = share_of([[hit for value, hit in unit if dimension.step_of(value) == step] for unit in units])
        if share.of:
            parts.append(Slice(dimension.name, step, share))
    return parts


def share_of(units: Sequence[Sequence[bool]]) -> Estimate:
    """The share of hits in all units; a unit is drawn as a whole."""
    return ratio([sum(unit) for unit in units], [len(unit) for unit in units])
