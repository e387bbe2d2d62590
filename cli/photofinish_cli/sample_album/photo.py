"""One photo: runners on the course, through a lens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish_cli.sample_album.faces import distant_head, head
from photofinish_cli.sample_album.paint import Picture, defocused, motion_blurred, place
from photofinish_cli.sample_album.runner import (
    HEAD_SCALE,
    HEADS_CHIN_TO_GROUND,
    DrawnRunner,
    Outfit,
    Stride,
    draw_runner,
)
from photofinish_cli.sample_album.scene import Camera, Place, film, paint_scene

_STATURE_M = 1.75
# From crown to chin, for a runner of that height: figure drawing measures a body in heads.
_HEAD_M = _STATURE_M / (HEADS_CHIN_TO_GROUND + 1.0)
_BACKGROUND_LONG_SIDE_PX = 1000

FractionBox = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """How a photo is taken."""

    place: Place
    runners: int
    width: int = 1632
    height: int = 1224
    suffix: str = ".jpg"
    orientation: int = 1
    """EXIF orientation of the stored pixels; `width` and `height` are of the upright image."""
    share: float = 0.68
    """The nearest runner's height as a share of the picture's."""
    motion_blur: bool = False
    """The runners are smeared, in front of a sharp background."""
    defocus: bool = False
    """The whole frame is out of focus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A runner with a face, a number and clothes."""

    person: str
    bib_number: str
    face: int
    """Which of the sample faces; see `faces.head`."""
    outfit: Outfit


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """A participant on a photo; boxes are x, y, width, height as fractions of the upright image."""

    person: str
    bib_number: str
    face_box: FractionBox
    bib_box: FractionBox
    """The box of the printed number."""
    is_blurry: bool


def take_photo(
    shot: Shot, cast: Sequence[Participant], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], tuple[Appearance, ...]]:
    """The upright picture, (H, W, 3) uint8 RGB, and who is where on it, from left to right."""
    camera, nearest_m = _camera(shot, rng)
    picture = _background(shot, camera, rng)
    _field(picture, camera, nearest_m, shot, rng)
    lanes = [(lane + 0.5 + float(rng.uniform(-0.10, 0.10))) / len(cast) for lane in range(len(cast))]
    depths = [nearest_m * (1.0 + 0.16 * float(rng.random())) for _ in cast]
    depths[int(rng.integers(len(cast)))] = nearest_m
    appearances: dict[int, Appearance] = {}
    for lane in sorted(range(len(cast)), key=lambda lane: -depths[lane]):
        column = shot.width * (0.06 + 0.88 * lanes[lane])
        appearances[lane] = _add_runner(picture, camera, cast[lane], column, depths[lane], shot, rng)
    if shot.defocus:
        picture = defocused(picture, shot.height * 0.0055)
    picture = film(picture, rng, warmth=float(rng.uniform(-0.01, 0.035)))
    return (picture * 255 + 0.5).astype(np.uint8), tuple(appearances[lane] for lane in range(len(cast)))


def _camera(shot: Shot, rng: np.random.Generator) -> tuple[Camera, float]:
    """A camera that sees the nearest runner `shot.share` of the picture high, and that runner's distance in metres."""
    focal_px = shot.height * float(rng.uniform(2.4, 3.2))
    nearest_m = _STATURE_M * focal_px / (shot.share * shot.height)
    height_m = float(rng.uniform(1.25, 1.6))
    # Feet near the lower edge; a close-up cuts them off instead of the head.
    feet = min(float(rng.uniform(0.90, 0.96)), 1.0) * shot.height
    feet = max(feet, (0.13 + shot.share) * shot.height)
    horizon_px = feet - height_m * focal_px / nearest_m
    camera = Camera(
        width=shot.width,
        height=shot.height,
        focal_px=focal_px,
        height_m=height_m,
        horizon_px=horizon_px,
        left_m=float(rng.uniform(-0.7, 0.7)),
    )
    return camera, nearest_m


def _background(shot: Shot, camera: Camera, rng: np.random.Generator) -> Picture:
    """The course: slightly out of focus behind the runners, or sharp if motion blurs the runners instead."""
    long_side = max(shot.width, shot.height)
    reduction = 1.0 if shot.motion_blur else min(1.0, _BACKGROUND_LONG_SIDE_PX / long_side)
    painted = paint_scene(camera.scaled(reduction), shot.place, rng)
    if not shot.motion_blur:
        painted = np.asarray(cv2.GaussianBlur(painted, (0, 0), 0.0011 * long_side * reduction), np.float32)
    return np.asarray(cv2.resize(painted, (shot.width, shot.height), interpolation=cv2.INTER_CUBIC), np.float32)


def _field(picture: Picture, camera: Camera, nearest_m: float, shot: Shot, rng: np.random.Generator) -> None:
    """Other runners, far behind and out of focus."""
    count = int(rng.integers(4, 9))
    for z in sorted((float(v) for v in rng.uniform(nearest_m * 2.6, nearest_m * 2.6 + 32, count)), reverse=True):
        unit = _HEAD_M * camera.focal_px / z
        skin = tuple(float(v) for v in np.array([0.84, 0.63, 0.51]) * rng.uniform(0.55, 1.0))
        hair = tuple(float(v) for v in np.array([0.24, 0.17, 0.11]) * rng.uniform(0.4, 1.6))
        shirt, shorts, trim = (tuple(float(v) for v in rng.uniform(0.08, 0.8, 3)) for _ in range(3))
        outfit = Outfit(
            shirt=(shirt[0], shirt[1], shirt[2]),
            trim=(trim[0], trim[1], trim[2]),
            shorts=(shorts[0] * 0.4, shorts[1] * 0.4, shorts[2] * 0.4),
            shoes=(trim[0], trim[1], trim[2]),
            sleeves=bool(rng.random() < 0.5),
            tights=bool(rng.random() < 0.3),
        )
        far = distant_head(unit * HEAD_SCALE, (skin[0], skin[1], skin[2]), (hair[0], hair[1], hair[2]))
        drawn = draw_runner(far, "", outfit, _stride(rng), rng)
        if not shot.motion_blur:
            drawn = _softened(drawn, 0.0016 * max(shot.width, shot.height))
        _stand(picture, drawn, camera.project(float(rng.uniform(-2.9, 2.9)), 0, z), unit)


def _add_runner(
    picture: Picture,
    camera: Camera,
    runner: Participant,
    column: float,
    z: float,
    shot: Shot,
    rng: np.random.Generator,
) -> Appearance:
    unit = _HEAD_M * camera.focal_px / z
    upright = head(runner.face, unit * HEAD_SCALE, tilt_deg=float(rng.uniform(-4, 4)))
    drawn = draw_runner(upright, runner.bib_number, runner.outfit, _stride(rng), rng)
    if shot.motion_blur:
        smeared = motion_blurred(drawn.layer, 0.17 * unit, float(rng.uniform(-25, 25)))
        drawn = DrawnRunner(layer=smeared, feet=drawn.feet, face=drawn.face, number=drawn.number)
    ground = camera.project(0, 0, z)[1]
    left, top = _stand(picture, drawn, (column, ground), unit)

    def fractions(box: FractionBox) -> FractionBox:
        x, y, w, h = box
        return (
            round((left + x) / camera.width, 6),
            round((top + y) / camera.height, 6),
            round(w / camera.width, 6),
            round(h / camera.height, 6),
        )

    return Appearance(
        person=runner.person,
        bib_number=runner.bib_number,
        face_box=fractions(drawn.face),
        bib_box=fractions(drawn.number),
        is_blurry=shot.motion_blur or shot.defocus,
    )


def _stand(picture: Picture, drawn: DrawnRunner, feet: tuple[float, float], unit: float) -> tuple[int, int]:
    """Put a runner with their shadow on the road; returns the layer's left and top in pixels.

    `feet` are in pixels of the picture; `unit` is the height of the runner's head there, in pixels.
    """
    height, width = picture.shape[:2]
    x, y = feet
    reach = round(2.6 * unit)
    rows = slice(max(round(y - 0.7 * unit), 0), min(round(y + 0.7 * unit), height))
    columns = slice(max(round(x) - reach, 0), min(round(x) + reach, width))
    if rows.start < rows.stop and columns.start < columns.stop:
        below, across = np.mgrid[rows, columns].astype(np.float32)
        # The sun stands behind the camera on the left: the shadow falls back to the right.
        along = (across - x - 0.75 * unit) / (1.5 * unit)
        deep = (below - y + 0.10 * unit + 0.10 * (across - x)) / (0.22 * unit)
        dark = np.exp(-((along**2 + deep**2) ** 2))
        contact = np.exp(-(((across - x) / (0.32 * unit)) ** 2 + ((below - y) / (0.10 * unit)) ** 2))
        picture[rows, columns] *= (1 - np.maximum(0.42 * dark, 0.55 * contact))[..., None]
    left, top = round(x - drawn.feet[0]), round(y - drawn.feet[1])
    place(picture, drawn.layer, left, top)
    return left, top


def _softened(drawn: DrawnRunner, sigma_px: float) -> DrawnRunner:
    soft = np.asarray(cv2.GaussianBlur(drawn.layer, (0, 0), max(sigma_px, 0.4)), np.float32)
    return DrawnRunner(layer=soft, feet=drawn.feet, face=drawn.face, number=drawn.number)


def _stride(rng: np.random.Generator) -> Stride:
    return Stride(
        side=1 if rng.random() < 0.5 else -1, lift=float(rng.uniform(0.3, 1.0)), lean_deg=float(rng.uniform(-2.5, 2.5))
    )
