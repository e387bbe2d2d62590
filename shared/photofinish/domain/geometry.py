"""Boxes and points as fractions of the upright image, so that they fit every rendition."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """Left edge, top edge, width and height as fractions of the upright image; may extend slightly outside it."""

    x: float
    y: float
    w: float
    h: float

    @classmethod
    def from_pixels(cls, x: float, y: float, w: float, h: float, *, width: int, height: int) -> Box:
        """Make a box from `(x, y, w, h)` in pixels of an image of `width` × `height` pixels."""
        return cls(x / width, y / height, w / width, h / height)

    def to_pixels(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return `(x, y, w, h)` in pixels of an image of `width` × `height` pixels."""
        return self.x * width, self.y * height, self.w * width, self.h * height


Point = tuple[float, float]
