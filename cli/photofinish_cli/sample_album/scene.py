"""The race course: a road between barriers, spectators, a finish arch, trees or houses, seen by a pinhole camera.

World coordinates are metres: X to the right of the road's middle, Y up from the road, Z away from the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from photofinish_cli.sample_album.paint import Colour, Picture, fractal_noise

ROAD_HALF_WIDTH_M = 3.6
_BARRIER_HEIGHT_M = 1.05
_BANNER_LENGTH_M = 9.0
_FACADE_M = 9.5
_STREET_M, _STREET_HEIGHT_M = 66.0, 15.0
_WALLS = ((0.80, 0.70, 0.55), (0.72, 0.50, 0.42), (0.85, 0.82, 0.76), (0.62, 0.64, 0.66), (0.78, 0.62, 0.48))
_ARCH_HALF_WIDTH_M, _ARCH_CLEARANCE_M, _ARCH_TOP_M = 4.0, 3.5, 4.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A level pinhole camera over the road."""

    width: int
    height: int
    focal_px: float
    height_m: float
    horizon_px: float
    """The row of the horizon, counted from the top."""
    left_m: float
    """How far left of the road's middle the camera stands."""

    def project(self, x: float, y: float, z: float) -> tuple[float, float]:
        """The pixel of a point in the world."""
        scale = self.focal_px / z
        return self.width / 2 + (x + self.left_m) * scale, self.horizon_px + (self.height_m - y) * scale

    def scaled(self, factor: float) -> Camera:
        """The same view with `factor` times the pixels."""
        return Camera(
            width=round(self.width * factor),
            height=round(self.height * factor),
            focal_px=self.focal_px * factor,
            height_m=self.height_m,
            horizon_px=self.horizon_px * factor,
            left_m=self.left_m,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A spot of the course."""

    houses: bool
    arch_m: float | None
    """How far away the finish arch is; None: out of sight."""
    sky: Colour
    haze: Colour
    foliage: Colour
    brand: Colour


def paint_scene(camera: Camera, place: Place, rng: np.random.Generator) -> Picture:
    """The course without its runners."""
    picture = _sky(camera, place, rng)
    if place.houses:
        for side in (-1, 1):
            _facades(picture, camera, place, side, rng)
        _trees(picture, camera, place, rng, height=0.05)
    else:
        _trees(picture, camera, place, rng, height=0.30)
    _ground(picture, camera, place, rng)
    _spectators(picture, camera, rng)
    for side in (-1, 1):
        _barrier(picture, camera, place, side)
    if place.arch_m is not None:
        _arch(picture, camera, place, place.arch_m)
    return np.asarray(np.clip(picture, 0, 1), np.float32)


def _sky(camera: Camera, place: Place, rng: np.random.Generator) -> Picture:
    height, width = camera.height, camera.width
    down = np.clip(np.linspace(0, height / camera.horizon_px, height, dtype=np.float32), 0, 1)[:, None, None]
    picture = np.asarray(place.sky, np.float32) * (1 - down) + np.asarray(place.haze, np.float32) * down
    picture = np.repeat(picture, width, axis=1)
    clouds = np.clip(fractal_noise(rng, height, width, width * 0.3, 5) * 2.6 - 1.15, 0, 1)[..., None]
    return np.asarray(picture * (1 - 0.75 * clouds) + 0.73 * clouds, np.float32)


def _trees(picture: Picture, camera: Camera, place: Place, rng: np.random.Generator, *, height: float) -> None:
    """Rows of foliage on the horizon, the far ones in haze; `height` as a fraction of the picture's."""
    rows = np.arange(camera.height, dtype=np.float32)[:, None]
    for haze, rise in ((0.5, 1.0), (0.0, 0.6)):
        reach = height * rise * camera.height
        skyline = camera.horizon_px - reach * (
            0.45 + 0.75 * fractal_noise(rng, 1, camera.width, camera.width * 0.12, 4)[0]
        )
        leaves = fractal_noise(rng, camera.height, camera.width, camera.width * 0.035, 5)
        mask = np.clip(rows - skyline[None, :] - (leaves - 0.5) * reach * 0.5, 0, 1)[..., None]
        # Leaves are brighter on the side that faces the sun.
        relief = leaves - np.roll(leaves, (3, 2), (0, 1))
        lit = np.clip(0.45 + 0.9 * leaves - 2.2 * relief, 0.2, 1.6)[..., None]
        colour = np.asarray(place.foliage, np.float32) * lit
        colour = colour * (1 - haze) + np.asarray(place.haze, np.float32) * haze
        picture[:] = picture * (1 - mask) + colour * mask


def _facades(picture: Picture, camera: Camera, place: Place, side: int, rng: np.random.Generator) -> None:
    """A street front on one side."""
    light = 1.02 if side > 0 else 0.74
    _on_side_plane(
        picture, camera, side * _FACADE_M, _street_front(rng, light), length_m=_STREET_M, height_m=_STREET_HEIGHT_M,
        nearest_m=4.0, farthest_m=130.0, haze=place.haze,
    )  # fmt: skip


def _street_front(rng: np.random.Generator, light: float) -> NDArray[np.float32]:
    """Six houses side by side, (H, W, 4) float32 RGBA, transparent above their roofs."""
    metre = 20  # pixels per metre
    art = Image.new("RGBA", (round(_STREET_M * metre), round(_STREET_HEIGHT_M * metre)), (0, 0, 0, 0))
    draw = ImageDraw.Draw(art)
    house_m = _STREET_M / 6
    for house in range(6):
        storeys = int(rng.integers(3, 5))
        wall = tuple(int(light * 255 * channel) for channel in _WALLS[int(rng.integers(len(_WALLS)))])
        left, right = house * house_m * metre, (house + 1) * house_m * metre
        roof = (_STREET_HEIGHT_M - storeys * 3.1 - 0.9) * metre
        draw.rectangle((left, roof, right, art.height), fill=wall)
        draw.rectangle((left, roof, right, roof + 8), fill=tuple(int(channel * 0.7) for channel in wall))
        for storey in range(storeys):
            sill = (_STREET_HEIGHT_M - storey * 3.1 - 0.9) * metre
            for column in range(4):
                x = left + (column + 0.5) * house_m / 4 * metre
                draw.rectangle((x - 15, sill - 36, x + 15, sill), fill=tuple(int(light * v) for v in (228, 226, 218)))
                glass = int(light * float(rng.uniform(45, 110)))
                draw.rectangle((x - 12, sill - 33, x - 1, sill - 3), fill=(glass, glass + 12, glass + 28))
                draw.rectangle((x + 1, sill - 33, x + 12, sill - 3), fill=(glass, glass + 10, glass + 24))
    return np.asarray(art, np.float32) / np.float32(255)


def _ground(picture: Picture, camera: Camera, place: Place, rng: np.random.Generator) -> None:
    first = int(np.ceil(camera.horizon_px)) + 1
    rows = np.arange(first, camera.height, dtype=np.float32)[:, None]
    columns = np.arange(camera.width, dtype=np.float32)[None, :]
    z = camera.focal_px * camera.height_m / (rows - camera.horizon_px)
    x = (columns - camera.width / 2) * z / camera.focal_px - camera.left_m
    texture = fractal_noise(rng, 1024, 1024, 24, 5)
    grain = cv2.remap(
        texture,
        np.mod(x * 90, 1023).astype(np.float32),
        np.broadcast_to(np.mod(z * 45, 1023), x.shape).astype(np.float32),
        cv2.INTER_LINEAR,
    )
    # A pixel far away covers many grains, so it shows their mean.
    fine = np.clip(9.0 / z, 0, 1)
    grain = 0.5 + (grain - 0.5) * fine
    asphalt = np.asarray((0.42, 0.42, 0.44), np.float32) * (0.86 + 0.26 * grain)[..., None]
    dashes = (np.abs(x) < 0.07) & (np.mod(z, 6.0) < 3.0)
    edges = np.abs(np.abs(x) - (ROAD_HALF_WIDTH_M - 0.35)) < 0.06
    asphalt[dashes | edges] = (0.86, 0.86, 0.83)
    verge = (0.62, 0.60, 0.57) if place.houses else tuple(channel * 1.15 for channel in place.foliage)
    beside = np.asarray(verge, np.float32) * (0.65 + 0.6 * grain)[..., None]
    ground = np.where((np.abs(x) < ROAD_HALF_WIDTH_M + 0.2)[..., None], asphalt, beside)
    haze = np.clip(z / 220, 0, 0.55)[..., None]
    picture[first:] = ground * (1 - haze) + np.asarray(place.haze, np.float32) * haze


def _spectators(picture: Picture, camera: Camera, rng: np.random.Generator) -> None:
    """A crowd behind the barriers, far ones first."""
    crowd = []
    for side in (-1, 1):
        for row in range(2):
            z = 5.0
            while z < 110:
                crowd.append((z + float(rng.uniform(0, 0.3)), side, row))
                z += float(rng.uniform(0.45, 1.1)) * (1 + z / 40)
    canvas = np.ascontiguousarray(picture)
    for z, side, row in sorted(crowd, reverse=True):
        tall = float(rng.uniform(1.55, 1.85))
        x = side * (ROAD_HALF_WIDTH_M + 0.75 + 0.55 * row + float(rng.uniform(-0.15, 0.15)))
        skin = np.array([0.86, 0.66, 0.54]) * float(rng.uniform(0.45, 1.0))
        shirt = rng.uniform(0.08, 0.85, 3)
        shirt = 0.55 * shirt + 0.45 * shirt.mean()
        hair = np.array([0.20, 0.14, 0.09]) * float(rng.uniform(0.3, 2.6))
        _person(canvas, camera, (x, z, tall), (skin, shirt, hair), bool(rng.random() < 0.3))
    picture[:] = canvas


def _person(
    canvas: Picture,
    camera: Camera,
    where: tuple[float, float, float],
    colours: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    waving: bool,
) -> None:
    """Paint a spectator: `where` is x, z and body height in metres; `colours` are of skin, shirt and hair."""
    x, z, tall = where
    skin, shirt, hair = (tuple(float(v) for v in colour) for colour in colours)
    metre = camera.focal_px / z
    left, top = camera.project(x, tall, z)
    if left < -metre or left > camera.width + metre:
        return
    trousers = tuple(0.3 * v + 0.08 for v in shirt)

    def box(dx0: float, y0: float, dx1: float, y1: float, colour: tuple[float, ...]) -> None:
        first = round(left + dx0 * metre), round(top + (tall - y1) * metre)
        second = round(left + dx1 * metre), round(top + (tall - y0) * metre)
        cv2.rectangle(canvas, first, second, colour, -1)

    def disc(dx: float, y: float, wide: float, high: float, colour: tuple[float, ...]) -> None:
        centre = round(left + dx * metre), round(top + (tall - y) * metre)
        cv2.ellipse(canvas, centre, (max(1, round(wide * metre)), max(1, round(high * metre))), 0, 0, 360, colour, -1)

    box(-0.17, 0.0, 0.17, tall - 0.85, trousers)
    box(-0.21, tall - 0.9, 0.21, tall - 0.36, shirt)
    disc(0.0, tall - 0.38, 0.22, 0.12, shirt)
    if waving:
        arm = tuple(round(v) for v in (left + 0.20 * metre, top + 0.40 * metre))
        hand = tuple(round(v) for v in (left + 0.34 * metre, top - 0.16 * metre))
        cv2.line(canvas, arm, hand, shirt, max(1, round(0.10 * metre)))
        disc(0.34, tall + 0.18, 0.055, 0.065, skin)
    # Spectators look down the road, away from the camera: it sees their hair, and the cheek nearer to the road.
    disc(-0.045 * np.sign(x), tall - 0.13, 0.06, 0.085, skin)
    disc(0.02 * np.sign(x), tall - 0.10, 0.085, 0.105, hair)


def _barrier(picture: Picture, camera: Camera, place: Place, side: int) -> None:
    """A row of barriers with sponsors' banners at the road's edge."""
    banner = _banner(place.brand)
    banner = np.dstack([banner * np.float32(0.84 if side < 0 else 1.0), np.ones(banner.shape[:2], np.float32)])
    _on_side_plane(
        picture, camera, side * (ROAD_HALF_WIDTH_M + 0.3), banner, length_m=_BANNER_LENGTH_M,
        height_m=_BARRIER_HEIGHT_M, nearest_m=1.5, farthest_m=300.0, haze=place.haze,
    )  # fmt: skip


def _arch(picture: Picture, camera: Camera, place: Place, z: float) -> None:
    """An inflatable finish arch."""
    metre = camera.focal_px / z
    left, top = camera.project(-_ARCH_HALF_WIDTH_M - 0.7, _ARCH_TOP_M, z)
    width, height = round((2 * _ARCH_HALF_WIDTH_M + 1.4) * metre), round(_ARCH_TOP_M * metre)
    post, beam = 0.7 * metre, (_ARCH_TOP_M - _ARCH_CLEARANCE_M) * metre
    art = Image.new("L", (width * 2, height * 2), 0)
    draw = ImageDraw.Draw(art)
    draw.rounded_rectangle((0, 0, width * 2 - 1, height * 2 + 200), radius=beam * 0.9, fill=255)
    draw.rectangle((post * 2, beam * 2, (width - post) * 2, height * 2), fill=0)
    alpha = np.asarray(art.resize((width, height), Image.Resampling.BOX), np.float32)[..., None] / 255
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    round_beam = np.where(rows * height < beam, np.sin(np.pi * np.clip(rows * height / beam, 0.02, 0.98)), 0.75)
    colour = np.asarray(place.brand, np.float32) * (0.62 + 0.48 * round_beam)
    colour = np.repeat(colour, width, axis=1)
    lettering = Image.new("L", (width * 2, round(beam) * 2), 0)
    font = cast(ImageFont.FreeTypeFont, ImageFont.load_default(max(8, beam * 1.25)))
    ImageDraw.Draw(lettering).text(
        (width, beam), "F I N I S H", font=font, fill=255, anchor="mm", stroke_width=max(1, round(beam * 0.05))
    )
    text = np.asarray(lettering.resize((width, round(beam)), Image.Resampling.BOX), np.float32)[..., None] / 255
    colour[: text.shape[0]] = colour[: text.shape[0]] * (1 - text) + np.float32(0.97) * text
    x0, y0 = round(left), round(top)
    cut_x0, cut_y0 = max(x0, 0), max(y0, 0)
    cut_x1, cut_y1 = min(x0 + width, camera.width), min(y0 + height, camera.height)
    part = np.s_[cut_y0 - y0 : cut_y1 - y0, cut_x0 - x0 : cut_x1 - x0]
    below = picture[cut_y0:cut_y1, cut_x0:cut_x1]
    below[:] = below * (1 - alpha[part]) + colour[part] * alpha[part]


def _on_side_plane(
    picture: Picture,
    camera: Camera,
    x_m: float,
    texture: NDArray[np.float32],
    *,
    length_m: float,
    height_m: float,
    nearest_m: float,
    farthest_m: float,
    haze: Colour,
) -> None:
    """Paint RGBA `texture`, repeated every `length_m`, on the vertical plane X = `x_m`, from the ground up."""
    ends = sorted(camera.project(x_m, 0, z)[0] for z in (nearest_m, farthest_m))
    first, last = max(round(ends[0]), 0), min(round(ends[1]), camera.width)
    if first >= last:
        return
    columns = np.arange(first, last, dtype=np.float32)[None, :] + 0.5
    rows = np.arange(camera.height, dtype=np.float32)[:, None] + 0.5
    z = camera.focal_px * (x_m + camera.left_m) / (columns - camera.width / 2)
    y = camera.height_m - (rows - camera.horizon_px) * z / camera.focal_px
    # From left to right in the picture, z grows on the left side of the road and shrinks on the right side: the sign
    # makes the texture read from left to right on both.
    along = np.mod(z if x_m < 0 else -z, length_m) / length_m * (texture.shape[1] - 1)
    down = (1 - y / height_m) * (texture.shape[0] - 1)
    painted = cv2.remap(
        texture, np.broadcast_to(along, y.shape).astype(np.float32), down.astype(np.float32), cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0, 0),
    )  # fmt: skip
    far = np.clip(z / 150, 0, 0.65)[..., None]
    colour = painted[..., :3] * (1 - far) + np.asarray(haze, np.float32) * far * painted[..., 3:]
    below = picture[:, first:last]
    below *= 1 - painted[..., 3:]
    below += colour


@cache
def _banner(brand: Colour) -> Picture:
    """Three sponsors' panels, (160, 1371, 3) float32 RGB."""
    height = 160
    width = round(height * _BANNER_LENGTH_M / _BARRIER_HEIGHT_M)
    art = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(art)
    main = (round(255 * brand[0]), round(255 * brand[1]), round(255 * brand[2]))
    font = ImageFont.load_default(88)
    paper, navy = (245, 245, 242), (24, 46, 92)
    panels = (("RIVERSIDE RUN", main, paper), ("alpine sports", paper, main), ("FRESH WATER", navy, paper))
    for number, (text, ground, ink) in enumerate(panels):
        left, right = width * number / 3, width * (number + 1) / 3
        draw.rectangle((left, 0, right - 6, height), fill=ground)
        size = 88 if draw.textlength(text, font=font) < right - left - 30 else 62
        draw.text(
            ((left + right) / 2, height / 2),
            text,
            font=ImageFont.load_default(size),
            fill=ink,
            anchor="mm",
            stroke_width=2,
        )
    return np.asarray(art, np.float32) / np.float32(255)


def film(picture: Picture, rng: np.random.Generator, *, warmth: float) -> Picture:
    """What a camera adds: a warmer or cooler light, darker corners, a little grain.

    `warmth` is the share by which red is raised and blue is lowered; it is negative for a cooler light.
    """
    height, width = picture.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    corners = 1 - 0.10 * (x * x + y * y)
    tint = np.array([1 + warmth, 1.0, 1 - warmth], np.float32)
    tile = rng.standard_normal((512, 512), np.float32) * np.float32(0.011)
    grain = np.tile(tile, (height // 512 + 1, width // 512 + 1))[:height, :width]
    return np.clip(picture * (1.05 * tint) * corners[..., None] + grain[..., None], 0, 1)
