"""Boxes and points as fractions of the upright image, so that they fit every rendition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]
SAME_MOMENT_S = 0.25
"""Frames of a video that lie no further apart are of one moment. About one a second is analysed."""


@dataclass(frozen=True, slots=True)
class Box:
    """Left edge, top edge, width and height as fractions of the upright image; may extend slightly outside it.

    A box in a video also says when: boxes of different moments show different things, however much they overlap.
    """

    x: float
    y: float
    w: float
    h: float
    at_s: float | None = None
    """Seconds from the beginning of the video; None in a photo."""

    @classmethod
    def from_pixels(cls, x: float, y: float, w: float, h: float, *, width: int, height: int) -> Box:
        """Make a box from `(x, y, w, h)` in pixels of an image of `width` × `height` pixels."""
        return cls(x / width, y / height, w / width, h / height)

    @property
    def by_name(self) -> dict[str, float]:
        """`x`, `y`, `w` and `h` by name, in a video also `at_s`: the form of a box in documents and sidecars."""
        edges = {"x": self.x, "y": self.y, "w": self.w, "h": self.h}
        return edges if self.at_s is None else edges | {"at_s": self.at_s}

    @property
    def numbers(self) -> list[float]:
        """The values of :attr:`by_name`, from which `Box(*numbers)` makes the box again."""
        return list(self.by_name.values())

    def is_at_moment_of(self, other: Box) -> bool:
        """Whether both are of one moment of a video, or both of a photo."""
        if self.at_s is None or other.at_s is None:
            return self.at_s is other.at_s
        return abs(self.at_s - other.at_s) <= SAME_MOMENT_S

    @property
    def corners(self) -> tuple[Point, Point, Point, Point]:
        """Clockwise from the top left."""
        right, bottom = self.x + self.w, self.y + self.h
        return (self.x, self.y), (right, self.y), (right, bottom), (self.x, bottom)

    def to_pixels(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return `(x, y, w, h)` in pixels of an image of `width` × `height` pixels."""
        return self.x * width, self.y * height, self.w * width, self.h * height


@dataclass(frozen=True, slots=True)
class Quad:
    """The corners of tilted text, as one reads it: top left, top right, bottom right, bottom left."""

    top_left: Point
    top_right: Point
    bottom_right: Point
    bottom_left: Point

    @property
    def corners(self) -> tuple[Point, Point, Point, Point]:
        """Clockwise from the top left."""
        return self.top_left, self.top_right, self.bottom_right, self.bottom_left

    @property
    def bounds(self) -> Box:
        """The smallest upright box around it."""
        xs, ys = zip(*self.corners, strict=True)
        return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))

    def part(self, start: float, end: float) -> Quad:
        """The part between two fractions of its length, in reading direction."""
        return Quad(
            _between(self.top_left, self.top_right, start),
            _between(self.top_left, self.top_right, end),
            _between(self.bottom_left, self.bottom_right, end),
            _between(self.bottom_left, self.bottom_right, start),
        )

    def size_px(self, width: int, height: int) -> tuple[float, float]:
        """Length in reading direction and height of the text, in pixels of an image of `width` × `height` pixels."""
        points = [(x * width, y * height) for x, y in self.corners]
        top, right, bottom, left = (math.dist(points[index], points[(index + 1) % 4]) for index in range(4))
        return (top + bottom) / 2, (left + right) / 2


def overlap_of_smaller(one: Sequence[Point], other: Sequence[Point]) -> float:
    """The intersection of two convex polygons, corners clockwise, as a share of the smaller one's area."""
    smaller = min(_area(one), _area(other))
    return _area(_clipped(one, other)) / smaller if smaller > 0 else 0.0


def _between(one: Point, other: Point, share: float) -> Point:
    return one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share


def _area(polygon: Sequence[Point]) -> float:
    pairs = zip(polygon, [*polygon[1:], *polygon[:1]], strict=True)
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs)) / 2


def _clipped(polygon: Sequence[Point], by: Sequence[Point]) -> list[Point]:
    """The part of `polygon` inside `by` (Sutherland and Hodgman, 1974)."""
    inside = list(polygon)
    for start, end in zip(by, [*by[1:], *by[:1]], strict=True):
        sides = [_side(start, end, point) for point in inside]
        kept: list[Point] = []
        for index, point in enumerate(inside):
            before, side = sides[index - 1], sides[index]
            if (before < 0) != (side < 0):
                kept.append(_between(inside[index - 1], point, before / (before - side)))
            if side >= 0:
                kept.append(point)
        inside = kept
    return inside


def _side(start: Point, end: Point, point: Point) -> float:
    """Positive on the inner side of the edge of a polygon whose corners are clockwise (y grows downwards)."""
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])
