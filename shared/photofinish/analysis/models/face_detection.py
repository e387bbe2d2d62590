"""Finds faces with YuNet: in the whole picture, closer in tiles of large pictures and crowds, then each face again.

The last pass is at the scale at which landmarks are best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.resizing import fit_within, resized
from photofinish.analysis.models.detections import Detections, suppress_overlaps
from photofinish.analysis.models.face_alignment import warped
from photofinish.analysis.models.face_tiles import Tile, tiles_of
from photofinish.analysis.models.session import Session
from photofinish.analysis.models.yunet import View, YuNet

# Small pictures are enlarged up to twice: on race photos of 0.5 MP, landmarks improve so much that the share of
# same-person pairs found at a false accept rate of 1e-3 grows from .76 to .84.
LONGEST_SIDE = 1280
MAX_ENLARGEMENT = 2.0
# Faces that fill a picture are larger than those of the training data: a pass at a quarter of the size finds them.
CLOSE_UP_LONGEST_SIDE = 320
PORTRAIT_PX = 48.0  # in the close-up; faces of half this size are still found reliably
MIN_SCORE = 0.6
# A candidate with a lower score is a face if the second pass is sure of it. On 150 race photos that finds 36 more
# faces, most of them turned, bowed or half hidden, one of them a large runner's.
SURE_SCORE = 0.7

# YuNet finds .85 of runners' faces of 12 px, .97 of 16 px, and all from 20 px on. Each closer pass doubles the scale
# until faces of 32 px in the picture have 16 px or more: everywhere if the pass before had a scale below 0.3 (pictures
# above about 13 MP), otherwise in the tiles where it found a small candidate. Tiles in which a pass at half the scale
# or more found a crowd are examined up to full scale: that finds .95 of faces of 24 to 32 px in crowds, half the scale
# finds .75.
ENOUGH_SCALE = 0.5
BLIND_SCALE = 0.3
HINT_PX = 32
CROWD_HINT_PX, CROWD_HINTS = 20, 4

# Landmarks are best on faces of 64 px: on portraits made small, noisy and blurred, true accepts at a false accept rate
# of 1e-3 are .960 with faces of 64 px, .944 with 96 px and .942 with 128 px.
SECOND_PASS_PX = 64
_SECOND_PASS_SIDE = 2 * SECOND_PASS_PX
_SECOND_PASS_BATCH = 8
_SAME_FACE_OVERLAP = 0.5


class FaceDetector:
    """Finds the faces of images."""

    def __init__(self, session: Session) -> None:
        self._network = YuNet(session)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Find the faces of each (H, W, 3) BGR image, in order, largest face first. Images of one shape run together.

        The network sees at most 1280 × 1280 and 320 × 320 pixels of an image and 128 × 128 of each face. It sees more
        of images with a longest side above 2560 pixels, and of crowds: every part of a crowd again at twice the scale,
        up to that of the picture; of 24 MP always 5 MP.
        """
        whole = self._network.candidates([_whole_view(image) for image in images])
        close_up = self._network.candidates([_close_up_view(image) for image in images])
        return [
            self._second_pass(image, Detections.joined([first, small, *self._closer(image, first)]).without_overlaps())
            for image, first, small in zip(images, whole, close_up, strict=True)
        ]

    def detect_portrait(self, image: NDArray[np.uint8]) -> Detections:
        """Find the main face of a (H, W, 3) BGR portrait, and faces not much smaller.

        The network sees 320 × 320 pixels: that finds every face of half the size of one that is a seventh of the
        picture wide. If no face is that large, this is :meth:`detect`.
        """
        close_up = _close_up_view(image)
        (candidates,) = self._network.candidates([close_up])
        found = self._second_pass(image, candidates.without_overlaps())
        large = found.boxes[:, 2:].prod(axis=1).max(initial=0) ** 0.5 * max(close_up.pixels.shape) / max(image.shape)
        return found if large >= PORTRAIT_PX else self.detect([image])[0]

    def _closer(self, image: NDArray[np.uint8], before: Detections) -> Iterator[Detections]:
        """Find candidates in tiles of a large image, level by level; `before` are those of the whole picture."""
        height, width = image.shape[:2]
        scale = _fitted_scale(image)
        while scale < 1:
            enough = scale >= ENOUGH_SCALE
            hints = _small_candidates(before, (CROWD_HINT_PX if enough else HINT_PX) / scale)
            min_hints = 0 if scale < BLIND_SCALE else CROWD_HINTS if enough else 1
            scale = min(1.0, 2 * scale)
            tiles = [tile for tile in tiles_of(width, height, scale) if tile.count(hints) >= min_hints]
            found = self._network.candidates([_tile_view(image, tile) for tile in tiles])
            before = Detections.joined(one.select(tile.owns(one.boxes)) for tile, one in zip(tiles, found, strict=True))
            yield before

    def _second_pass(self, image: NDArray[np.uint8], found: Detections) -> Detections:
        """Take landmarks from a second pass over each face, where it finds the face too.

        A doubtful candidate is a face only if the second pass is sure.
        """
        landmarks, scores = found.landmarks.copy(), found.scores.copy()
        scales = SECOND_PASS_PX / np.sqrt(found.boxes[:, 2] * found.boxes[:, 3])
        corners = found.boxes[:, :2] + found.boxes[:, 2:] / 2 - (_SECOND_PASS_SIDE / 2 / scales)[:, None]
        views = [
            View(warped(image, np.array([[s, 0, -x * s], [0, s, -y * s]]), _SECOND_PASS_SIDE))
            for s, (x, y) in zip(scales.astype(np.float64), corners.astype(np.float64), strict=True)
        ]
        for index, seen in enumerate(self._network.candidates(views, at_most=_SECOND_PASS_BATCH)):
            width, height = found.boxes[index, 2:] * scales[index]
            best = _same_face(seen, (float(width), float(height)))
            if best is not None:
                landmarks[index] = seen.landmarks[best] / scales[index] + corners[index]
                scores[index] = max(seen.scores[best], scores[index])
        is_face = (found.scores >= MIN_SCORE) | (scores >= SURE_SCORE)
        faces = Detections(found.boxes, landmarks, scores, found.first_landmarks).select(is_face)
        return replace(faces, doubtful_boxes=found.boxes[~is_face])


def _small_candidates(seen: Detections, below_px: float) -> NDArray[np.float32]:
    """(N, 4) boxes of small candidates: others near them may have been too small for that pass."""
    seen = seen.select(suppress_overlaps(seen.boxes, seen.scores))
    small = seen.boxes[:, 2:].max(axis=1, initial=0) < below_px
    return seen.select(small).boxes


def _same_face(seen: Detections, size: tuple[float, float]) -> int | None:
    """Index of the face of that width and height in the centre of a second pass's view; None if there is none."""
    width, height = size
    left, top = (_SECOND_PASS_SIDE - width) / 2, (_SECOND_PASS_SIDE - height) / 2
    common = np.maximum(
        0,
        np.minimum(seen.boxes[:, :2] + seen.boxes[:, 2:], (left + width, top + height))
        - np.maximum(seen.boxes[:, :2], (left, top)),
    )
    shared = common.prod(axis=1)
    overlaps = shared / (seen.boxes[:, 2:].prod(axis=1) + width * height - shared)
    same = np.flatnonzero((overlaps >= _SAME_FACE_OVERLAP) & (seen.scores >= MIN_SCORE))
    return int(same[np.argmax(seen.scores[same])]) if same.size else None


def _fitted_scale(image: NDArray[np.uint8]) -> float:
    """The scale that brings an image down, or up by `MAX_ENLARGEMENT` at most, to `LONGEST_SIDE`."""
    height, width = image.shape[:2]
    return float(min(LONGEST_SIDE / max(height, width), MAX_ENLARGEMENT))


def _whole_view(image: NDArray[np.uint8]) -> View:
    height, width = image.shape[:2]
    scale = _fitted_scale(image)
    if scale <= 1:
        return _view_of_all(image, fit_within(image, round(scale * max(height, width))))
    return _view_of_all(image, resized(image, round(width * scale), round(height * scale)))


def _close_up_view(image: NDArray[np.uint8]) -> View:
    return _view_of_all(image, fit_within(image, CLOSE_UP_LONGEST_SIDE))


def _tile_view(image: NDArray[np.uint8], tile: Tile) -> View:
    part = image[tile.top : tile.bottom, tile.left : tile.right]
    view = _view_of_all(part, fit_within(part, max(1, round(tile.scale * max(part.shape[:2])))))
    return View(view.pixels, tile.left, tile.top, view.step)


def _view_of_all(image: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> View:
    return View(pixels, step=(image.shape[1] / pixels.shape[1], image.shape[0] / pixels.shape[0]))
