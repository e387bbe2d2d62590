"""Painting with arrays: noise, soft solid shapes, layers.

Pictures are (H, W, 3) float32 RGB in 0–1; masks (H, W) float32 in 0–1; layers (H, W, 4) float32, colour premultiplied
by alpha.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Mask = NDArray[np.float32]
Layer = NDArray[np.float32]
Colour = tuple[float, float, float]
PointPx = tuple[float, float]

# Points are given to OpenCV in sixteenths of a pixel, so that edges are smooth.
_SUBPIXEL_BITS = 4
_SUBPIXELS = 1 << _SUBPIXEL_BITS
# Where the sun is: left, above and behind the camera; unit length.
_SUN = np.array([-0.45, -0.60, 0.66], np.float32)


def noise(rng: np.random.Generator, height: int, width: int, cell_px: float) -> Mask:
    """Smooth (height, width) noise in 0–1 whose blobs are about `cell_px` wide."""
    rows, columns = int(height / cell_px) + 3, int(width / cell_px) + 3
    coarse = rng.random((rows, columns), dtype=np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(smooth, 0, 1), np.float32)


def fractal_noise(rng: np.random.Generator, height: int, width: int, cell_px: float, octaves: int) -> Mask:
    """Noise with detail: each octave half as wide and half as strong as the one before."""
    total = np.zeros((height, width), np.float32)
    weight_sum = 0.0
    for octave in range(octaves):
        weight = 0.5**octave
        total += np.float32(weight) * noise(rng, height, width, max(1.0, cell_px * weight))
        weight_sum += weight
    return np.asarray(total / weight_sum, np.float32)


def polygon_mask(shape: tuple[int, int], points: Sequence[PointPx]) -> Mask:
    """A filled polygon with smooth edges."""
    mask = np.zeros(shape, np.uint8)
    corners = np.round(np.asarray(points, np.float64) * _SUBPIXELS).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    return np.asarray(mask, np.float32) / np.float32(255)


def rounded_mask(shape: tuple[int, int], points: Sequence[PointPx], radius_px: float) -> Mask:
    """A filled polygon whose corners are rounded by about `radius_px`."""
    soft = cv2.GaussianBlur(polygon_mask(shape, points), (0, 0), max(radius_px, 0.5))
    # The blurred edge crosses a half where the outline was; steepening it there gives a one-pixel edge.
    return np.asarray(np.clip((soft - 0.5) * max(radius_px, 0.5) * 2 + 0.5, 0, 1), np.float32)


def tube(shape: tuple[int, int], joints: Sequence[tuple[float, float, float]]) -> tuple[Mask, Mask]:
    """A limb along `joints` (x, y, radius in pixels): its mask, and its height toward the camera in pixels."""
    mask, height = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for (ax, ay, ar), (bx, by, br) in pairwise(joints):
        reach = max(ar, br) + 2
        rows = slice(max(int(min(ay, by) - reach), 0), max(int(max(ay, by) + reach) + 1, 0))
        columns = slice(max(int(min(ax, bx) - reach), 0), max(int(max(ax, bx) + reach) + 1, 0))
        y, x = np.mgrid[rows.start : min(rows.stop, shape[0]), columns.start : min(columns.stop, shape[1])].astype(
            np.float32
        )
        dx, dy = bx - ax, by - ay
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-6), 0, 1)
        radius = ar + along * (br - ar)
        away = np.hypot(x - (ax + along * dx), y - (ay + along * dy))
        np.maximum(mask[rows, columns], np.clip(radius - away + 0.5, 0, 1), out=mask[rows, columns])
        bulge = np.sqrt(np.maximum(radius * radius - away * away, 0))
        np.maximum(height[rows, columns], bulge, out=height[rows, columns])
    return mask, height


def cushion(mask: Mask, roundness_px: float) -> Mask:
    """The height in pixels of a flat shape that is rounded off within `roundness_px` of its edge."""
    distance = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    inward = np.clip(distance / max(roundness_px, 1.0), 0, 1)
    return np.asarray(np.sqrt(1 - (1 - inward) ** 2) * roundness_px, np.float32)


def sunlight(height: Mask, softness_px: float) -> Mask:
    """How bright each pixel of a relief of `height` pixels is: Lambert's law with light from the sky added.

    About 1 for what faces the sun. Edges are softened by `softness_px`, as skin and cloth scatter light.
    """
    smooth = cv2.GaussianBlur(height, (0, 0), max(0.6, softness_px))
    slope_x = cv2.Scharr(smooth, cv2.CV_32F, 1, 0) / 32
    slope_y = cv2.Scharr(smooth, cv2.CV_32F, 0, 1) / 32
    facing = (_SUN[2] - slope_x * _SUN[0] - slope_y * _SUN[1]) / np.sqrt(1 + slope_x**2 + slope_y**2)
    lit: Mask = 0.56 + 0.56 * np.clip(facing, 0, 1)
    return lit


def bounds(mask: Mask) -> tuple[slice, slice] | None:
    """Rows and columns that hold all of `mask`; None for an empty one."""
    x, y, width, height = cv2.boundingRect((mask > 0).astype(np.uint8))
    return (slice(y, y + height), slice(x, x + width)) if width else None


def lay_colour(layer: Layer, mask: Mask, colour: Picture | Colour, light: Mask | float = 1.0) -> None:
    """Paint `colour`, as bright as `light`, over `layer` where `mask` is."""
    window = bounds(mask)
    if window is None:
        return
    paint = np.asarray(colour, np.float32)
    if paint.ndim == 3:
        paint = paint[window]
    brightness = light[window][..., None] if isinstance(light, np.ndarray) else np.float32(light)
    alpha = mask[window][..., None]
    below = layer[window]
    below[..., :3] = np.clip(paint * brightness, 0, 1) * alpha + below[..., :3] * (1 - alpha)
    below[..., 3:] = alpha + below[..., 3:] * (1 - alpha)


def solid(layer: Layer, mask: Mask, height: Mask, colour: Colour, softness_px: float) -> None:
    """Paint a sunlit shape of `height` over `layer` where `mask` is."""
    window = bounds(mask)
    if window is None:
        return
    # A margin, so that the shape's edge is an edge within the window too.
    rows = slice(max(window[0].start - 2, 0), window[0].stop + 2)
    columns = slice(max(window[1].start - 2, 0), window[1].stop + 2)
    lay_colour(layer[rows, columns], mask[rows, columns], colour, sunlight(height[rows, columns], softness_px))


def place(picture: NDArray[np.float32], layer: Layer, left: int, top: int) -> None:
    """Composite `layer` over a picture or another layer with its corner at (left, top); what reaches outside is cut."""
    filled = bounds(layer[..., 3])
    if filled is None:
        return
    height, width = picture.shape[:2]
    y0, y1 = max(top + filled[0].start, 0), min(top + filled[0].stop, height)
    x0, x1 = max(left + filled[1].start, 0), min(left + filled[1].stop, width)
    if x0 >= x1 or y0 >= y1:
        return
    cut = layer[y0 - top : y1 - top, x0 - left : x1 - left]
    below = picture[y0:y1, x0:x1]
    below *= 1 - cut[..., 3:]
    below += cut[..., : picture.shape[2]]


def motion_blurred(picture: NDArray[np.float32], length_px: float, angle_deg: float) -> NDArray[np.float32]:
    """`picture` or layer smeared along a line of `length_px`."""
    size = int(length_px) | 1
    kernel = np.zeros((size + 2, size + 2), np.float32)
    centre = (size + 1) / 2
    reach = np.array([np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))]) * length_px / 2
    start, end = np.array([centre, centre]) - reach, np.array([centre, centre]) + reach
    cv2.line(
        kernel,
        tuple(int(v) for v in np.round(start * _SUBPIXELS)),
        tuple(int(v) for v in np.round(end * _SUBPIXELS)),
        1.0,
        1,
        shift=_SUBPIXEL_BITS,
    )
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.float32)


def defocused(picture: Picture, radius_px: float) -> Picture:
    """`picture` as an unfocused lens shows it: every point becomes a disc."""
    size = 2 * int(np.ceil(radius_px)) + 1
    disc = np.zeros((size, size), np.float32)
    cv2.circle(disc, (size // 2, size // 2), int(radius_px), 1.0, -1, lineType=cv2.LINE_AA)
    return np.asarray(cv2.filter2D(picture, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT), np.float32)
