"""A runner seen from the front, drawn limb by limb; lengths are in heads (crown to chin), as figure drawing does it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from photofinish_cli.sample_album.bib_plate import HEIGHT_PX, WIDTH_PX, bib_plate
from photofinish_cli.sample_album.faces import Head
from photofinish_cli.sample_album.paint import (
    Colour,
    Layer,
    Mask,
    PointPx,
    bounds,
    cushion,
    fractal_noise,
    lay_colour,
    place,
    polygon_mask,
    rounded_mask,
    solid,
    sunlight,
    tube,
)

HEADS_CHIN_TO_GROUND = 6.45
# Hair, and a telephoto lens low on the road, make heads larger than in figure drawing.
HEAD_SCALE = 1.18
_CANVAS_WIDTH, _CANVAS_HEIGHT = 4.6, 8.4
_CHIN_Y = 1.6
# Bib, in heads below the chin; its width over its height is the paper's.
_BIB_WIDTH, _BIB_MIDDLE_Y = 1.10, 1.50


@dataclass(frozen=True, slots=True, kw_only=True)
class Outfit:
    """What a runner wears all day."""

    shirt: Colour
    trim: Colour
    shorts: Colour
    shoes: Colour
    sleeves: bool
    tights: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stride:
    """A moment of running."""

    side: int
    """1: the runner's left knee is up; −1: the right one."""
    lift: float
    """0 to 1: how high."""
    lean_deg: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnRunner:
    """A runner on a layer of their own."""

    layer: Layer
    feet: tuple[float, float]
    """Where they touch the ground, in the layer's pixels."""
    face: tuple[float, float, float, float]
    """x, y, width, height in the layer's pixels."""
    number: tuple[float, float, float, float]
    """x, y, width, height of the printed number in the layer's pixels."""


class _Figure:
    """A canvas with its origin at the chin and one head as its unit."""

    def __init__(self, head_px: float, rng: np.random.Generator, stride: Stride) -> None:
        self.unit = head_px
        self.shape = (math.ceil(_CANVAS_HEIGHT * head_px), math.ceil(_CANVAS_WIDTH * head_px))
        self.layer = np.zeros((*self.shape, 4), np.float32)
        self.origin = (self.shape[1] / 2, _CHIN_Y * head_px)
        self.folds: Mask = (fractal_noise(rng, *self.shape, 0.40 * head_px, 3) - 0.5) * np.float32(0.26 * head_px)
        lean = math.radians(stride.lean_deg)
        self._cos, self._sin = math.cos(lean), math.sin(lean)

    def at(self, x: float, y: float) -> PointPx:
        """Pixels of a point given in heads; the body leans about its feet."""
        above = y - HEADS_CHIN_TO_GROUND
        turned_x, turned_y = x * self._cos - above * self._sin, x * self._sin + above * self._cos
        return (
            self.origin[0] + turned_x * self.unit,
            self.origin[1] + (turned_y + HEADS_CHIN_TO_GROUND) * self.unit,
        )

    def limb(self, joints: Sequence[tuple[float, float, float]], colour: Colour) -> None:
        """A limb along `joints`: x, y and radius in heads."""
        pixels = [(*self.at(x, y), radius * self.unit) for x, y, radius in joints]
        mask, height = tube(self.shape, pixels)
        solid(self.layer, mask, height, colour, 0.05 * self.unit)

    def cloth(self, points: Sequence[tuple[float, float]], colour: Colour, *, rounding: float) -> tuple[Mask, Mask]:
        """A piece of clothing with this outline; returns its mask and its light."""
        mask = rounded_mask(self.shape, [self.at(*point) for point in points], rounding * self.unit)
        light = sunlight(cushion(mask, 0.5 * self.unit) + self.folds, 0.045 * self.unit)
        lay_colour(self.layer, mask, colour, light)
        return mask, light

    def shadow_below_chin(self) -> None:
        """Darken the neck and the collar where the head keeps the light away."""
        x, y = self.at(0.04, 0.10)
        reach = math.ceil(0.9 * self.unit)
        rows = slice(max(round(y) - reach, 0), round(y) + reach)
        columns = slice(max(round(x) - reach, 0), round(x) + reach)
        window = self.layer[rows, columns]
        below, across = np.mgrid[rows, columns][:, : window.shape[0], : window.shape[1]].astype(np.float32)
        away = ((across - x) / (0.48 * self.unit)) ** 2 + ((below - y) / (0.27 * self.unit)) ** 2
        window[..., :3] *= (1 - 0.5 * np.exp(-(away**2)))[..., None]


def draw_runner(head: Head, number: str, outfit: Outfit, stride: Stride, rng: np.random.Generator) -> DrawnRunner:
    """Draw a whole runner under `head`."""
    figure = _Figure(head.height_px / HEAD_SCALE, rng, stride)
    side, skin = stride.side, head.skin
    swing = 0.14 * stride.lift

    _leg_behind(figure, side, stride.lift, skin, outfit)
    _leg_in_front(figure, -side, skin, outfit)
    _shorts(figure, side, stride.lift, outfit)
    _arm(figure, side, (1.14, 1.50), (1.16, 2.16 - swing), skin, outfit)
    figure.limb([(0.0, -0.15, 0.27), (0.0, 0.12, 0.28), (0.0, 0.40, 0.42)], skin)
    torso, light = _shirt(figure, outfit)
    figure.shadow_below_chin()
    number_box = _pin_bib(figure, torso, light, number, outfit, rng)
    _arm(figure, -side, (1.16, 1.46), (0.80, 0.84 + swing), skin, outfit)

    chin_x, chin_y = figure.at(0.0, 0.10)
    left, top = round(chin_x - _neck_x(head)), round(chin_y - head.chin[1])
    place(figure.layer, head.layer, left, top)
    face_x, face_y, face_w, face_h = head.face
    return DrawnRunner(
        layer=figure.layer,
        feet=figure.at(-0.27 * side, HEADS_CHIN_TO_GROUND),
        face=(left + face_x, top + face_y, face_w, face_h),
        number=number_box,
    )


def _neck_x(head: Head) -> float:
    """Where the neck is: between the chin and the middle of the head, which differ when the head is turned."""
    weight = head.layer[..., 3].sum(axis=0)
    middle = float((weight * np.arange(weight.size)).sum() / weight.sum())
    return 0.45 * head.chin[0] + 0.55 * middle


def _leg_behind(figure: _Figure, side: int, lift: float, skin: Colour, outfit: Outfit) -> None:
    """The leg that swings: its knee comes toward the camera, its shin points away."""
    knee_y = 4.25 - 0.45 * lift
    ankle_y = 5.45 - 0.85 * lift
    leg = outfit.shorts if outfit.tights else skin
    figure.limb([(0.36 * side, ankle_y + 0.14, 0.15), (0.34 * side, ankle_y + 0.40, 0.13)], _scaled(outfit.shoes, 0.55))
    figure.limb([(0.36 * side, ankle_y - 0.06, 0.12), (0.36 * side, ankle_y + 0.04, 0.12)], (0.62, 0.62, 0.62))
    figure.limb(
        [(0.44 * side, knee_y, 0.22), (0.42 * side, knee_y + 0.5, 0.22), (0.36 * side, ankle_y, 0.11)],
        _scaled(leg, 0.68),
    )
    figure.limb([(0.36 * side, 2.7, 0.38), (0.42 * side, knee_y - 0.4, 0.32), (0.45 * side, knee_y, 0.265)], leg)


def _leg_in_front(figure: _Figure, side: int, skin: Colour, outfit: Outfit) -> None:
    """The leg that carries."""
    leg = outfit.shorts if outfit.tights else skin
    figure.limb([(0.27 * side, 6.0, 0.16), (0.30 * side, 6.16, 0.20), (0.34 * side, 6.27, 0.20)], outfit.shoes)
    figure.limb([(0.20 * side, 6.42, 0.05), (0.46 * side, 6.42, 0.05)], (0.9, 0.9, 0.88))
    figure.limb([(0.27 * side, 5.74, 0.125), (0.28 * side, 5.96, 0.135)], (0.92, 0.92, 0.9))
    figure.limb(
        [
            (0.38 * side, 2.7, 0.38), (0.37 * side, 3.4, 0.34), (0.335 * side, 4.22, 0.225), (0.33 * side, 4.45, 0.215),
            (0.335 * side, 4.85, 0.235), (0.30 * side, 5.4, 0.16), (0.27 * side, 5.82, 0.115),
        ],
        leg,
    )  # fmt: skip


def _shorts(figure: _Figure, side: int, lift: float, outfit: Outfit) -> None:
    hem = {1: 3.0, -1: 3.0} if outfit.tights else {side: 3.52 - 0.16 * lift, -side: 3.60}
    figure.cloth(
        [
            (-0.62, 2.3), (0.62, 2.3), (0.76, 2.75), (0.84, hem[1]), (0.08, hem[1] + 0.05), (0.0, min(3.12, hem[1])),
            (-0.08, hem[-1] + 0.05), (-0.84, hem[-1]), (-0.76, 2.75),
        ],
        outfit.shorts,
        rounding=0.04,
    )  # fmt: skip


def _shirt(figure: _Figure, outfit: Outfit) -> tuple[Mask, Mask]:
    shoulder = 0.92 if outfit.sleeves else 0.80
    torso, light = figure.cloth(
        [
            (-0.40, 0.16), (-0.27, 0.42), (0.0, 0.54), (0.27, 0.42), (0.40, 0.16), (shoulder, 0.36), (0.86, 0.78),
            (0.74, 1.15), (0.66, 1.9), (0.74, 2.62), (0.3, 2.70), (-0.3, 2.70), (-0.74, 2.62), (-0.66, 1.9),
            (-0.74, 1.15), (-0.86, 0.78), (-shoulder, 0.36),
        ],
        outfit.shirt,
        rounding=0.05,
    )  # fmt: skip
    for flank in (1, -1):
        panel = polygon_mask(
            figure.shape,
            [figure.at(flank * x, y) for x, y in ((0.66, 0.85), (1.1, 0.7), (1.1, 2.75), (0.66, 2.75), (0.52, 1.9))],
        )
        lay_colour(figure.layer, panel * torso, outfit.trim, light)
    return torso, light


def _arm(
    figure: _Figure, side: int, elbow: tuple[float, float], hand: tuple[float, float], skin: Colour, outfit: Outfit
) -> None:
    elbow_x, hand_x, hand_y = elbow[0] * side, hand[0] * side, hand[1]
    shoulder = (0.80 * side, 0.54)
    middle = ((shoulder[0] + elbow_x) / 2, (shoulder[1] + elbow[1]) / 2)
    wrist = (elbow_x + 0.85 * (hand_x - elbow_x), elbow[1] + 0.85 * (hand_y - elbow[1]))
    figure.limb(
        [
            (*shoulder, 0.24), (*middle, 0.195), (elbow_x, elbow[1], 0.155),
            ((elbow_x + wrist[0]) / 2, (elbow[1] + wrist[1]) / 2, 0.145), (*wrist, 0.10),
        ],
        skin,
    )  # fmt: skip
    if outfit.sleeves:
        figure.limb([(0.74 * side, 0.58, 0.26), (*middle, 0.25)], outfit.shirt)
    # A loose fist: the palm and four knuckles.
    figure.limb([(hand_x - 0.03, hand_y, 0.15), (hand_x + 0.03, hand_y + 0.02, 0.15)], skin)
    for knuckle in (-0.10, -0.035, 0.03, 0.095):
        figure.limb(
            [(hand_x + knuckle, hand_y - 0.02, 0.042), (hand_x + knuckle, hand_y + 0.09, 0.042)], _scaled(skin, 0.95)
        )


def _pin_bib(
    figure: _Figure, torso: Mask, torso_light: Mask, number: str, outfit: Outfit, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    paper, printed = bib_plate(number, outfit.trim)
    half_width = _BIB_WIDTH / 2
    half_height = half_width * HEIGHT_PX / WIDTH_PX
    turn = math.radians(float(rng.uniform(-4, 4)))
    corners = []
    for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        dx = x * half_width * float(rng.uniform(0.96, 1.0))
        dy = y * half_height
        corners.append(
            figure.at(
                dx * math.cos(turn) - dy * math.sin(turn), _BIB_MIDDLE_Y + dx * math.sin(turn) + dy * math.cos(turn)
            )
        )
    flat = np.array([[0, 0], [WIDTH_PX, 0], [WIDTH_PX, HEIGHT_PX], [0, HEIGHT_PX]], np.float32)
    warp = cv2.getPerspectiveTransform(flat, np.array(corners, np.float32))
    reduction = _BIB_WIDTH * figure.unit / WIDTH_PX
    if reduction < 0.6:
        paper = np.asarray(cv2.GaussianBlur(paper, (0, 0), 0.32 / reduction), np.float32)
    size = (figure.shape[1], figure.shape[0])
    pinned = np.asarray(cv2.warpPerspective(paper, warp, size, flags=cv2.INTER_LINEAR), np.float32)
    mask = polygon_mask(figure.shape, corners)
    chest = bounds(torso)
    if chest is not None:
        soft = cv2.GaussianBlur(mask[chest], (0, 0), max(0.6, 0.05 * figure.unit))
        cast = np.roll(soft, round(0.05 * figure.unit), (0, 1)) * torso[chest]
        figure.layer[chest][..., :3] *= (1 - 0.45 * cast)[..., None]
    # Paper follows the chest's folds a little.
    lay_colour(figure.layer, mask, pinned, 0.6 + 0.4 * torso_light)
    near_x, near_y = printed[0], printed[1]
    far_x, far_y = near_x + printed[2], near_y + printed[3]
    edges = np.array([[[near_x, near_y], [far_x, near_y], [far_x, far_y], [near_x, far_y]]], np.float32)
    box = cv2.perspectiveTransform(edges, warp)[0]
    left, top = box.min(axis=0)
    right, bottom = box.max(axis=0)
    return float(left), float(top), float(right - left), float(bottom - top)


def _scaled(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor
