"""The runners' faces: real ones, cropped from sample pictures in installed packages.

scikit-image's astronaut is a NASA portrait in the public domain; insightface's t1.jpg is its sample group picture. The
outlines below were drawn by hand on those pictures; the pictures themselves stay in their packages.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.errors import Misconfigured
from photofinish_cli.sample_album.paint import Colour, Layer, polygon_mask, solid, tube

_ASTRONAUT = ("skimage", "data/astronaut.png", "scikit-image")
_GROUP = ("insightface", "data/images/t1.jpg", "insightface")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    picture: tuple[str, str, str]
    """Package, path inside it, and what to install."""
    outline: tuple[tuple[int, int], ...]
    """Around hair and face down to the chin, in pixels of the picture."""
    face: tuple[int, int, int, int]
    """x, y, width, height of the face as a detector boxes it."""
    crown: tuple[int, int]
    chin: tuple[int, int]
    light: Colour = (0.93, 0.97, 1.06)
    """Brings the colours to daylight; the group sat by lamplight."""


_SOURCES = (
    _Source(
        picture=_ASTRONAUT,
        outline=(
            (153, 78), (158, 54), (180, 36), (205, 21), (230, 16), (258, 20), (282, 38), (298, 62), (300, 90),
            (292, 112), (274, 126), (268, 138), (262, 156), (250, 173), (236, 184), (222, 188), (208, 185),
            (196, 173), (186, 156), (180, 138), (174, 126), (162, 116), (155, 100),
        ),
        face=(178, 63, 90, 114),
        crown=(226, 18),
        chin=(222, 187),
        light=(1.0, 0.97, 0.95),
    ),
    _Source(
        picture=_GROUP,
        outline=(
            (467, 285), (466, 265), (469, 247), (480, 233), (495, 223), (515, 216), (540, 213), (565, 219), (585, 231),
            (600, 250), (606, 270), (603, 295), (599, 310), (592, 326), (590, 340), (580, 355), (570, 365), (558, 374),
            (548, 388), (535, 402), (522, 417), (510, 425), (500, 420), (488, 408), (476, 390), (468, 368), (464, 345),
            (465, 320), (470, 300),
        ),
        face=(466, 267, 102, 145),
        crown=(544, 214),
        chin=(512, 424),
    ),
    _Source(
        picture=_GROUP,
        outline=(
            (749, 328), (752, 316), (765, 306), (785, 294), (808, 291), (830, 294), (850, 304), (862, 318), (872, 335),
            (872, 350), (867, 372), (871, 384), (867, 400), (859, 416), (849, 423), (846, 440), (840, 455), (828, 469),
            (812, 477), (795, 478), (778, 473), (766, 461), (758, 445), (752, 425), (748, 405), (748, 380), (748, 350),
        ),
        face=(748, 353, 98, 122),
        crown=(812, 291),
        chin=(796, 478),
    ),
    _Source(
        picture=_GROUP,
        outline=(
            (1122, 330), (1124, 296), (1132, 271), (1145, 253), (1162, 241), (1180, 236), (1200, 241), (1222, 253),
            (1240, 269), (1252, 291), (1258, 330), (1262, 380), (1263, 426), (1244, 428), (1228, 424), (1226, 400),
            (1218, 386), (1206, 394), (1190, 400), (1172, 399), (1157, 392), (1148, 384), (1144, 402), (1140, 420),
            (1127, 420), (1123, 380),
        ),
        face=(1126, 273, 95, 124),
        crown=(1182, 237),
        chin=(1178, 399),
    ),
    _Source(
        picture=_GROUP,
        outline=(
            (886, 62), (883, 48), (902, 42), (920, 31), (940, 16), (965, 7), (990, 6), (1015, 15), (1035, 30),
            (1049, 50), (1055, 75), (1057, 100), (1054, 124), (1044, 128), (1032, 128), (1022, 142), (1005, 168),
            (985, 190), (968, 203), (955, 207), (943, 201), (938, 190), (935, 183), (930, 172), (928, 160), (921, 155),
            (920, 145), (919, 127), (911, 111), (908, 90), (904, 74),
        ),
        face=(906, 59, 100, 144),
        crown=(985, 6),
        chin=(962, 206),
    ),
    _Source(
        picture=_GROUP,
        outline=(
            (23, 330), (28, 291), (39, 263), (55, 246), (72, 239), (90, 234), (112, 237), (135, 251), (155, 271),
            (170, 296), (180, 326), (186, 355), (188, 388), (174, 396), (164, 388), (150, 397), (135, 400), (118, 398),
            (102, 390), (94, 392), (95, 424), (70, 436), (44, 436), (28, 424), (24, 380),
        ),
        face=(61, 269, 106, 128),
        crown=(96, 234),
        chin=(137, 400),
    ),
    _Source(
        picture=_GROUP,
        outline=(
            (264, 170), (267, 150), (276, 130), (291, 114), (310, 105), (330, 102), (350, 104), (368, 113), (385, 120),
            (402, 130), (400, 142), (393, 152), (393, 168), (396, 186), (400, 206), (394, 208), (380, 206), (376, 226),
            (369, 245), (355, 258), (340, 266), (326, 262), (315, 252), (308, 240), (300, 230), (290, 219), (281, 205),
            (275, 190), (270, 180),
        ),
        face=(267, 152, 105, 126),
        crown=(335, 102),
        chin=(336, 265),
    ),
)  # fmt: skip
FACE_COUNT = len(_SOURCES)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head, upright and cut out."""

    layer: Layer
    """Premultiplied RGBA, crown to chin `height_px` high."""
    chin: tuple[float, float]
    height_px: float
    face: tuple[float, float, float, float]
    """x, y, width, height of the face in the layer."""
    skin: Colour


@cache
def source_picture(package: str, path: str, install: str) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB."""
    spec = importlib.util.find_spec(package)
    roots = list(spec.submodule_search_locations or ()) if spec else []
    file = next((Path(root) / path for root in roots if (Path(root) / path).is_file()), None)
    if file is None:
        raise Misconfigured(
            f"The sample album takes faces from {path} of the package {install}, which is not installed here: "
            "run `pip install -e '.[demo]'` in the checkout."
        )
    pixels = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise Misconfigured(f"{file} cannot be read as a picture: install the package {install} again.")
    return np.asarray(pixels, np.uint8)


@cache
def _cut_out(index: int) -> tuple[Layer, tuple[int, int]]:
    """A head cut out with a soft edge, and where the cut's corner lies in the picture."""
    source = _SOURCES[index]
    outline = np.array(source.outline)
    left, top = (int(v) for v in np.maximum(outline.min(axis=0) - 8, 0))
    right, bottom = (int(v) for v in outline.max(axis=0) + 8)
    pixels = source_picture(*source.picture)[top:bottom, left:right].astype(np.float32) / 255
    pixels = pixels * np.asarray(source.light, np.float32)
    inside = polygon_mask(pixels.shape[:2], [(x - left, y - top) for x, y in source.outline])
    mask = np.clip((cv2.GaussianBlur(inside, (0, 0), 1.6) - 0.35) / 0.65, 0, 1)
    return np.dstack([pixels * mask[..., None], mask]).astype(np.float32), (left, top)


@cache
def _skin(index: int) -> Colour:
    """The skin's colour in middling light: shine and shadow left out."""
    source = _SOURCES[index]
    x, y, w, h = source.face
    cheeks = source_picture(*source.picture)[y + h * 2 // 5 : y + h * 4 // 5, x + w // 5 : x + w * 4 // 5]
    pixels = cheeks.reshape(-1, 3).astype(np.float64) / 255 * np.asarray(source.light)
    brightness = pixels.sum(axis=1)
    low, high = np.quantile(brightness, (0.25, 0.65))
    red, green, blue = pixels[(brightness >= low) & (brightness <= high)].mean(axis=0)
    return float(red), float(green), float(blue)


def head(index: int, height_px: float, *, tilt_deg: float = 0.0) -> Head:
    """Face number `index` (0 to FACE_COUNT − 1), crown to chin `height_px` high.

    Raises:
        Misconfigured: the package that carries the picture is not installed.
    """
    source = _SOURCES[index]
    cut, corner = _cut_out(index)
    crown, chin = (np.array(point, np.float64) - corner for point in (source.crown, source.chin))
    scale = height_px / float(np.hypot(*(chin - crown)))
    side = int(height_px * 2)
    chin_at = (side / 2, height_px * 1.4)
    # Halfway upright keeps the pose's character.
    turn = _turn(chin, 0.5 * _lean_deg(source) + tilt_deg, scale, chin_at)
    # Shrinking by more than a half would alias; soften first.
    soft = cv2.GaussianBlur(cut, (0, 0), 0.35 / scale) if scale < 0.6 else cut
    layer = np.clip(cv2.warpAffine(soft, turn, (side, side), flags=cv2.INTER_CUBIC), 0, 1).astype(np.float32)
    x, y, w, h = source.face
    # A detector's box stays upright: the face's own size about its turned middle.
    middle_x, middle_y = turn @ np.array([x + w / 2 - corner[0], y + h / 2 - corner[1], 1.0])
    face = (float(middle_x - w * scale / 2), float(middle_y - h * scale / 2), w * scale, h * scale)
    return Head(layer=layer, chin=chin_at, height_px=height_px, face=face, skin=_skin(index))


def _lean_deg(source: _Source) -> float:
    """How far the head leans to the right of the picture, in degrees."""
    (crown_x, crown_y), (chin_x, chin_y) = source.crown, source.chin
    return math.degrees(math.atan2(crown_x - chin_x, chin_y - crown_y))


def _turn(about: NDArray[np.float64], angle_deg: float, scale: float, to: tuple[float, float]) -> NDArray[np.float64]:
    """The (2, 3) transform that turns and scales about a point and moves that point to `to`."""
    matrix = np.asarray(cv2.getRotationMatrix2D((float(about[0]), float(about[1])), angle_deg, scale), np.float64)
    matrix[:, 2] += np.asarray(to, np.float64) - about
    return matrix


def distant_head(height_px: float, skin: Colour, hair: Colour) -> Head:
    """A drawn head without features, for runners too far away to know."""
    side = int(height_px * 2)
    layer = np.zeros((side, side, 4), np.float32)
    x = side / 2
    # Seen under the peak of a cap, and bowed: hardly any face, so that a detector has nothing to find here.
    for colour, joints in (
        (skin, [(x, 1.12, 0.20), (x, 1.22, 0.17)]),
        (hair, [(x, 0.74, 0.27), (x, 1.02, 0.25)]),
    ):
        mask, height = tube((side, side), [(jx, jy * height_px, r * height_px) for jx, jy, r in joints])
        solid(layer, mask, height, colour, 0.03 * height_px)
    return Head(layer=layer, chin=(x, height_px * 1.4), height_px=height_px, face=(0, 0, 0, 0), skin=skin)


def portrait(index: int, *, tilt_deg: float, brightness: float, size_px: int) -> NDArray[np.uint8]:
    """A square portrait on the picture's own background, as a selfie: (size_px, size_px, 3) uint8 RGB."""
    source = _SOURCES[index]
    x, y, w, h = source.face
    middle = np.array([x + w / 2, y + h / 2], np.float64)
    turn = _turn(middle, tilt_deg, size_px / (1.7 * h), (size_px / 2, size_px / 2))
    taken = cv2.warpAffine(
        source_picture(*source.picture), turn, (size_px, size_px), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(np.clip(taken.astype(np.float32) * brightness, 0, 255), np.uint8)
