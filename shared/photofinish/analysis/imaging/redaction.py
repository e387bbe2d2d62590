"""Redact faces in pictures, so that neither the face nor a comparison of redacted faces tells whose it is.

A plain blur or mosaic hides a face from people and from face recognition, but not from a comparison with known photos
that were redacted in the same way (McPherson et al. 2016, "Defeating Image Obfuscation with Deep Learning"). So little
is left of a face here: the mean colours of a few cells, mostly grey and changed by noise. What attacks find in it is in
docs/benchmarks/redaction.md.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

import photofinish_kernels as kernels
from photofinish.analysis.imaging.rendition import preview_jpeg, preview_pixels
from photofinish.domain.album_policy import RedactionStyle
from photofinish.domain.geometry import Box

# Shares of the box's sides, to cover ears and hair. The ellipse in the larger box covers the whole box of the face.
MARGIN_LEFT_AND_RIGHT, MARGIN_ABOVE, MARGIN_BELOW = 0.35, 0.5, 0.3
CELLS_ACROSS = 3
# Share of a cell's own colour; the rest is grey. With a third, known photos that were redacted in the same way tell no
# more about a face than they do about a solid box.
KEPT_COLOUR, GREY = 0.3, 128
# Standard deviation in levels of 0 to 255, of each cell's brightness and of each of its colours.
BRIGHTNESS_NOISE, COLOUR_NOISE = 40.0, 16.0
# Of a cell: the edges of the cells are gone.
_BLUR_SIGMA = 0.6
_SOLID_LEVEL = 64


def redacted_jpeg(jpeg: bytes, boxes: Iterable[Box], style: RedactionStyle, *, noise_key: bytes) -> bytes:
    """Return a preview, which is a JPEG of our own, with these boxes redacted; `noise_key` as in :func:`redact`."""
    picture = preview_pixels(jpeg)
    redact(picture, boxes, style, noise_key=noise_key)
    return preview_jpeg(picture)


def redact(image: NDArray[np.uint8], boxes: Iterable[Box], style: RedactionStyle, *, noise_key: bytes) -> None:
    """Redact the boxes and a margin around each in a C-contiguous (H, W, 3) image, in place.

    The same key and box give the same noise, so that it cannot be averaged out over several renditions of a photo. The
    key must be secret and different for each photo.
    """
    height, width = image.shape[:2]
    for box in boxes:
        area = with_margin(box)
        left, top, right, bottom = _pixels(area, width, height)
        patch = image[top:bottom, left:right]
        if patch.size == 0:
            continue
        if style is RedactionStyle.SOLID:
            patch[:] = _SOLID_LEVEL
            continue
        cell_px = _cell_px(area, width, height)
        cells = _noisy_cells(patch, cell_px, _random(noise_key, box))
        if style is RedactionStyle.BLUR:
            kernels.redact_blur(cells, _all_of(cells), sigma=_BLUR_SIGMA * cell_px, shape="rectangle")
        cv2.copyTo(cells, _ellipse(area, width, height, left, top, patch.shape), patch)


def with_margin(face: Box) -> Box:
    """Return what is redacted around a face's box."""
    return Box(
        x=face.x - MARGIN_LEFT_AND_RIGHT * face.w,
        y=face.y - MARGIN_ABOVE * face.h,
        w=face.w * (1 + 2 * MARGIN_LEFT_AND_RIGHT),
        h=face.h * (1 + MARGIN_ABOVE + MARGIN_BELOW),
    )


def _pixels(area: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the area in whole pixels inside the picture."""
    x, y, w, h = area.to_pixels(width, height)
    return max(0, math.floor(x)), max(0, math.floor(y)), min(width, math.ceil(x + w)), min(height, math.ceil(y + h))


def _noisy_cells(patch: NDArray[np.uint8], cell_px: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """A copy of the patch as squares of `cell_px` pixels, each of its mean colour and noise.

    The squares are drawn from a random place above and left of the patch on. Drawn from its corner, those that its
    right and lower side cut would tell its exact shape, which is similar on all pictures of a person.
    """
    pixels = patch.copy()
    kernels.redact_pixelate(pixels, _all_of(pixels), block=cell_px, shape="rectangle")
    means = np.pad(pixels[::cell_px, ::cell_px], ((1, 0), (1, 0), (0, 0)), mode="edge")
    rows, columns = means.shape[:2]
    noise = random.normal(0, BRIGHTNESS_NOISE, (rows, columns, 1)) + random.normal(0, COLOUR_NOISE, (rows, columns, 3))
    colours = KEPT_COLOUR * means + (1 - KEPT_COLOUR) * GREY
    cells = np.clip(colours + noise, 0, 255).astype(np.uint8)
    enlarged = cells.repeat(cell_px, axis=0).repeat(cell_px, axis=1)
    top, left = random.integers(0, cell_px, 2)
    return np.ascontiguousarray(enlarged[top : top + patch.shape[0], left : left + patch.shape[1]])


def _cell_px(area: Box, width: int, height: int) -> int:
    """The side of a cell: so that 3 of them cross the shorter side of the area, also where the picture cuts it."""
    _, _, w, h = area.to_pixels(width, height)
    return max(1, math.ceil(min(w, h) / CELLS_ACROSS))


def _all_of(patch: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.array([[0, 0, patch.shape[1], patch.shape[0]]], np.float32)


def _ellipse(area: Box, width: int, height: int, left: int, top: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """(h, w) mask: the ellipse that touches the sides of the area, also where the picture cuts it."""
    x, y, w, h = area.to_pixels(width, height)
    rows, columns = np.ogrid[top : top + shape[0], left : left + shape[1]]
    across = (columns + 0.5 - (x + w / 2)) / max(0.5, w / 2)
    down = (rows + 0.5 - (y + h / 2)) / max(0.5, h / 2)
    return (across**2 + down**2 <= 1).astype(np.uint8)


def _random(noise_key: bytes, box: Box) -> np.random.Generator:
    place = " ".join(f"{value:.6f}" for value in (box.x, box.y, box.w, box.h))
    digest = hmac.digest(noise_key, place.encode(), hashlib.sha256)
    return np.random.default_rng(np.frombuffer(digest, np.uint32))
