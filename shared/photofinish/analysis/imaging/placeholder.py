"""The placeholder of a photo: a ThumbHash of it in which no face can be seen.

Placeholders are in documents and answers, for everyone who may see that the photo exists, also where faces are
redacted. So each area that may be a face is one colour, its mean, before the picture is encoded: less is left of it
than of a blur with 4 × 4 cells, whatever the album's policy becomes later.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.redaction import with_margin
from photofinish.analysis.imaging.resizing import fit_within
from photofinish.analysis.imaging.thumbhash import thumbhash
from photofinish.domain.geometry import Box

# Enough for seven waves across a picture, and twice as fast as the 100 pixels that a ThumbHash allows.
_LONGEST_SIDE = 48


def placeholder(picture: NDArray[np.uint8], face_areas: Iterable[Box]) -> bytes:
    """Return the ThumbHash of a (H, W, 3) BGR picture with these areas, and a margin around each, in one colour."""
    small = fit_within(picture, _LONGEST_SIDE).copy()
    height, width = small.shape[:2]
    for area in face_areas:
        x, y, w, h = with_margin(area).to_pixels(width, height)
        # Pixels at the border have a part of the face.
        rows = slice(max(0, math.floor(y)), max(0, math.ceil(y + h)))
        patch = small[rows, max(0, math.floor(x)) : max(0, math.ceil(x + w))]
        if patch.size:
            patch[:] = patch.mean(axis=(0, 1)).round()
    return thumbhash(small)
