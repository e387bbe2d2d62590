"""Boxes, and corners of tilted text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.geometry import Box, Point, Quad, overlap_of_smaller

WIDTH, HEIGHT = 1000, 800
fractions = st.floats(0.0, 1.0)


def tilted(x: float, y: float, w: float, h: float, angle_deg: float) -> Quad:
    """A rectangle of `w` × `h` pixels around this centre in pixels, turned clockwise."""
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))

    def corner(right: float, down: float) -> Point:
        return (x + right * cos - down * sin) / WIDTH, (y + right * sin + down * cos) / HEIGHT

    return Quad(corner(-w / 2, -h / 2), corner(w / 2, -h / 2), corner(w / 2, h / 2), corner(-w / 2, h / 2))


quads = st.builds(
    tilted, st.floats(0, 999), st.floats(0, 799), st.floats(5, 300), st.floats(5, 300), st.floats(-180, 180)
)


@given(st.floats(5, 300), st.floats(5, 300), st.floats(-180, 180))
def test_the_size_does_not_depend_on_the_tilt(w: float, h: float, angle_deg: float) -> None:
    assert tilted(500, 400, w, h, angle_deg).size_px(WIDTH, HEIGHT) == pytest.approx((w, h))


@given(quads, fractions, fractions)
def test_parts_lie_in_the_whole_and_share_its_height(quad: Quad, one: float, other: float) -> None:
    start, end = sorted((one, other))
    part = quad.part(start, end)
    length, height = quad.size_px(WIDTH, HEIGHT)
    assert part.size_px(WIDTH, HEIGHT) == pytest.approx(((end - start) * length, height))
    whole, inner = quad.bounds, part.bounds
    assert whole.x - 1e-9 <= inner.x
    assert inner.x + inner.w <= whole.x + whole.w + 1e-9
    assert whole.y - 1e-9 <= inner.y
    assert inner.y + inner.h <= whole.y + whole.h + 1e-9


@given(quads, quads)
def test_the_overlap_is_a_share_of_the_smaller_one(one: Quad, other: Quad) -> None:
    share = overlap_of_smaller(one.corners, other.corners)
    assert -1e-9 <= share <= 1 + 1e-6
    assert share == pytest.approx(overlap_of_smaller(other.corners, one.corners), abs=1e-6)
    assert overlap_of_smaller(one.corners, one.corners) == pytest.approx(1)


@given(*[st.floats(0, 0.5)] * 4)
def test_the_overlap_of_boxes(x: float, y: float, w: float, h: float) -> None:
    one, other = Box(0, 0, 0.6, 0.6), Box(x, y, w + 0.01, h + 0.01)
    across, down = min(0.6, x + other.w) - x, min(0.6, y + other.h) - y
    expected = across * down / min(0.36, other.w * other.h)
    assert overlap_of_smaller(one.corners, other.corners) == pytest.approx(expected)


def test_tilted_lines_one_below_the_other_do_not_overlap() -> None:
    one, other = tilted(500, 400, 300, 60, 40), tilted(450, 460, 300, 60, 40)
    assert overlap_of_smaller(one.corners, other.corners) == 0
    assert overlap_of_smaller(one.bounds.corners, other.bounds.corners) > 0.5, "their upright boxes do"
