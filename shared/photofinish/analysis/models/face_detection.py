"""YuNet: faces with five landmarks (Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", 2023).

A picture is looked at as a whole, then closer in tiles where it is large or a crowd; then every face once more at the
size at which landmarks are best.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.resizing import fit_within
from photofinish.analysis.models.batching import batch_size, groups_of_one_shape, padded_to_32
from photofinish.analysis.models.face_alignment import warped
from photofinish.analysis.models.face_tiles import Tile, suppress_overlaps, tiles_of
from photofinish.analysis.models.session import Session

# Small pictures are enlarged, up to twice: on race photos of 0.5 MP landmarks get so much better that the share of
# same-person pairs found at a false accept rate of 1e-3 grows from .76 to .84.
LONGEST_SIDE = 1280
MAX_ENLARGEMENT = 2.0
# Faces that fill a picture are larger than those of the training data: a look at a quarter of the size finds them.
CLOSE_UP_LONGEST_SIDE = 320
PORTRAIT_PX = 48.0  # of the close-up; half of that is still found safely
MIN_SCORE = 0.6
# What scores less is a face where the second look is sure of it. On 150 race photos that finds 36 more faces, most of
# them turned, bowed or half hidden, one a large runner's.
DOUBTFUL_SCORE = 0.3
SURE_SCORE = 0.7

# Of runners' faces YuNet finds .85 at 12 px, .97 at 16 px and all from 20 px on. A look closer doubles the scale, until
# faces of 32 px of the picture have 16 px or more: everywhere where the look before was at less than 0.3 (pictures of
# more than about 13 MP), else in the tiles where it saw something small that may be a face. Tiles in which a look at
# half the scale or more saw a crowd are looked at up to full scale: of faces of 24 to 32 px in crowds that finds .95,
# where half the scale finds .75.
ENOUGH_SCALE = 0.5
BLIND_SCALE = 0.3
HINT_PX = 32
CROWD_HINT_PX, CROWD_HINTS = 20, 4

# Landmarks are best on faces of 64 px: on portraits made small, noisy and blurred, true accepts at a false accept rate
# of 1e-3 are .960 with faces of 64 px, .944 with 96 px and .942 with 128 px.
SECOND_LOOK_PX = 64
_SECOND_LOOK_SIDE = 2 * SECOND_LOOK_PX
_SECOND_LOOKS_AT_ONCE = 8
_SAME_FACE_OVERLAP = 0.5
_STRIDES = (8, 16, 32)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Faces found in one image, in its pixels, largest first; N may be 0."""

    boxes: NDArray[np.float32]
    """(N, 4): left, top, width, height."""
    landmarks: NDArray[np.float32]
    """(N, 5, 2): x, y of right eye, left eye, nose tip, right and left mouth corner (the person's right)."""
    scores: NDArray[np.float32]
    """(N,), 0 to 1."""
    first_landmarks: NDArray[np.float32]
    """The same, as the look saw them that found the face; `landmarks` are of a second look at the face alone.

    Their errors are independent enough that embeddings of both chips together are better than either.
    """

    def __len__(self) -> int:
        return len(self.scores)

    def taken(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Detections:
        """Those that an index chooses."""
        return Detections(self.boxes[chosen], self.landmarks[chosen], self.scores[chosen], self.first_landmarks[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What the network sees of an image: a part of it, scaled."""

    pixels: NDArray[np.uint8]
    left: int
    top: int
    step: tuple[float, float]
    """Pixels of the image per pixel of the view, across and down."""


class FaceDetector:
    """Finds the faces of images."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._batch = batch_size(session, large=8, small=1)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """The faces of each (H, W, 3) BGR image, in order. Images of one shape are run together.

        The network sees at most 1280 × 1280 and 320 × 320 pixels of an image and 128 × 128 of each face. Of images with
        a longest side of more than 2560 pixels, and of crowds, it sees more: every part of a crowd at twice the scale
        again, up to that of the picture; of 24 MP always 5 MP.
        """
        whole = self._candidates([_scaled(image, _fitted(image)) for image in images])
        close_up = self._candidates([_whole(image, fit_within(image, CLOSE_UP_LONGEST_SIDE)) for image in images])
        return [
            self._looked_at_again(image, _merge([first, small, *self._closer(image, first)]))
            for image, first, small in zip(images, whole, close_up, strict=True)
        ]

    def detect_portrait(self, image: NDArray[np.uint8]) -> Detections:
        """The faces of a (H, W, 3) BGR picture that is of somebody: the one it is of, and those not much smaller.

        The network sees 320 × 320 pixels: every face of half the size of one that is a seventh of the picture wide.
        Where there is none as large, it looks as closely as :meth:`detect`.
        """
        close_up = _whole(image, fit_within(image, CLOSE_UP_LONGEST_SIDE))
        found = self._looked_at_again(image, _merge(self._candidates([close_up])))
        large = found.boxes[:, 2:].prod(axis=1).max(initial=0) ** 0.5 * max(close_up.pixels.shape) / max(image.shape)
        return found if large >= PORTRAIT_PX else self.detect([image])[0]

    def _closer(self, image: NDArray[np.uint8], before: Detections) -> Iterable[Detections]:
        """Candidates in tiles of a large image, level by level."""
        height, width = image.shape[:2]
        scale = _fitted(image)
        while scale < 1:
            enough = scale >= ENOUGH_SCALE
            hints = _hints(before, (CROWD_HINT_PX if enough else HINT_PX) / scale)
            wanted = 0 if scale < BLIND_SCALE else CROWD_HINTS if enough else 1
            scale = min(1.0, 2 * scale)
            tiles = [tile for tile in tiles_of(width, height, scale) if tile.count(hints) >= wanted]
            found = self._candidates([_view_of(image, tile) for tile in tiles])
            before = _joined([one.taken(tile.owns(one.boxes)) for tile, one in zip(tiles, found, strict=True)])
            yield before

    def _candidates(self, views: Sequence[_View]) -> list[Detections]:
        """Everything that may be a face in each view, in pixels of its image."""
        found: dict[int, Detections] = {}
        for indices in groups_of_one_shape([view.pixels for view in views], at_most=self._batch):
            outputs = self._session.run(np.stack([_as_input(views[index].pixels) for index in indices]))
            for position, index in enumerate(indices):
                found[index] = _decode({name: values[position] for name, values in outputs.items()}, views[index])
        return [found[index] for index in range(len(views))]

    def _looked_at_again(self, image: NDArray[np.uint8], found: Detections) -> Detections:
        """The same faces with the landmarks of a second look, where that sees the face too.

        What the first look was in doubt about is a face only where the second one is sure.
        """
        landmarks, scores = found.landmarks.copy(), found.scores.copy()
        for start in range(0, len(found), _SECOND_LOOKS_AT_ONCE):
            boxes = found.boxes[start : start + _SECOND_LOOKS_AT_ONCE]
            sides = np.sqrt(boxes[:, 2] * boxes[:, 3])
            scales = SECOND_LOOK_PX / sides
            corners = boxes[:, :2] + boxes[:, 2:] / 2 - (_SECOND_LOOK_SIDE / 2 / scales)[:, None]
            crops = [
                warped(image, np.array([[s, 0, -x * s], [0, s, -y * s]]), _SECOND_LOOK_SIDE)
                for s, (x, y) in zip(scales.astype(np.float64), corners.astype(np.float64), strict=True)
            ]
            outputs = self._session.run(np.stack([_as_input(crop) for crop in crops]))
            for position, crop in enumerate(crops):
                view = _View(crop, 0, 0, (1.0, 1.0))
                seen = _decode({name: values[position] for name, values in outputs.items()}, view)
                width, height = boxes[position, 2:] * scales[position]
                best = _same_face(seen, (float(width), float(height)))
                if best is not None:
                    landmarks[start + position] = seen.landmarks[best] / scales[position] + corners[position]
                    scores[start + position] = max(seen.scores[best], scores[start + position])
        is_face = (found.scores >= MIN_SCORE) | (scores >= SURE_SCORE)
        return Detections(found.boxes, landmarks, scores, found.first_landmarks).taken(is_face)


def _hints(seen: Detections, below_px: float) -> NDArray[np.float32]:
    """(N, 4) boxes of what may be small faces: others beside them may have been too small for that look."""
    seen = seen.taken(suppress_overlaps(seen.boxes, seen.scores))
    small = seen.boxes[:, 2:].max(axis=1, initial=0) < below_px
    return seen.taken(small).boxes


def _same_face(seen: Detections, size: tuple[float, float]) -> int | None:
    """Which of the faces in a second look is the one of that width and height in its middle; None where none is."""
    width, height = size
    left, top = (_SECOND_LOOK_SIDE - width) / 2, (_SECOND_LOOK_SIDE - height) / 2
    common = np.maximum(
        0,
        np.minimum(seen.boxes[:, :2] + seen.boxes[:, 2:], (left + width, top + height))
        - np.maximum(seen.boxes[:, :2], (left, top)),
    )
    shared = common.prod(axis=1)
    overlaps = shared / (seen.boxes[:, 2:].prod(axis=1) + width * height - shared)
    same = np.flatnonzero((overlaps >= _SAME_FACE_OVERLAP) & (seen.scores >= MIN_SCORE))
    return int(same[np.argmax(seen.scores[same])]) if same.size else None


def _fitted(image: NDArray[np.uint8]) -> float:
    """The scale that brings an image down, or up by `MAX_ENLARGEMENT` at most, to `LONGEST_SIDE`."""
    height, width = image.shape[:2]
    return min(float(LONGEST_SIDE / max(height, width)), MAX_ENLARGEMENT)


def _scaled(image: NDArray[np.uint8], scale: float) -> _View:
    height, width = image.shape[:2]
    if scale <= 1:
        return _whole(image, fit_within(image, round(scale * max(height, width))))
    size = (round(width * scale), round(height * scale))
    return _whole(image, cast("NDArray[np.uint8]", cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)))


def _whole(image: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> _View:
    return _View(pixels, 0, 0, (image.shape[1] / pixels.shape[1], image.shape[0] / pixels.shape[0]))


def _view_of(image: NDArray[np.uint8], tile: Tile) -> _View:
    part = image[tile.top : tile.bottom, tile.left : tile.right]
    height, width = part.shape[:2]
    view = _whole(part, fit_within(part, max(1, round(tile.scale * max(height, width)))))
    return _View(view.pixels, tile.left, tile.top, view.step)


def _as_input(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(3, H, W) float32, BGR 0–255, zeros to the right and below up to multiples of 32."""
    height, width = image.shape[:2]
    canvas = np.zeros((3, padded_to_32(height), padded_to_32(width)), np.float32)
    canvas[:, :height, :width] = image.transpose(2, 0, 1)
    return canvas


def _decode(outputs: dict[str, NDArray[np.float32]], view: _View) -> Detections:
    """Anchors of all strides to boxes and landmarks in the image's own pixels, as OpenCV's FaceDetectorYN does."""
    step, origin_of_view = np.array(view.step, np.float32), np.array([view.left, view.top], np.float32)
    columns_of_32 = padded_to_32(view.pixels.shape[1])
    boxes, landmarks, scores = [], [], []
    for stride in _STRIDES:
        score = np.sqrt(np.clip(outputs[f"cls_{stride}"], 0, 1) * np.clip(outputs[f"obj_{stride}"], 0, 1))[:, 0]
        (kept,) = np.nonzero(score >= DOUBTFUL_SCORE)
        rows, columns = np.divmod(kept, columns_of_32 // stride)
        origin = np.stack([columns, rows], axis=1).astype(np.float32)
        offsets = outputs[f"bbox_{stride}"][kept]
        centre = (origin + offsets[:, :2]) * stride
        size = np.exp(offsets[:, 2:]) * stride
        boxes.append(np.concatenate([(centre - size / 2) * step + origin_of_view, size * step], axis=1))
        points = outputs[f"kps_{stride}"][kept].reshape(-1, 5, 2)
        landmarks.append((points + origin[:, None]) * stride * step + origin_of_view)
        scores.append(score[kept])
    points = np.concatenate(landmarks)
    return Detections(np.concatenate(boxes), points, np.concatenate(scores), points)


def _merge(found: Iterable[Detections]) -> Detections:
    """What may be faces among all candidates, each once, largest first."""
    candidates = _joined(list(found))
    faces = candidates.taken(suppress_overlaps(candidates.boxes, candidates.scores))
    boxes = faces.boxes
    return faces.taken(np.lexsort((boxes[:, 1], boxes[:, 0], -boxes[:, 2] * boxes[:, 3])))


def _joined(found: Sequence[Detections]) -> Detections:
    none = Detections(*(np.zeros(shape, np.float32) for shape in ((0, 4), (0, 5, 2), 0, (0, 5, 2))))
    everything = [none, *found]
    return Detections(
        np.concatenate([one.boxes for one in everything]),
        np.concatenate([one.landmarks for one in everything]),
        np.concatenate([one.scores for one in everything]),
        np.concatenate([one.first_landmarks for one in everything]),
    )
