"""Draws what an analysis found over its photo, for people to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_FACE, _BIB, _WARNING = (64, 224, 160), (255, 200, 50), (255, 92, 86)
_CASING = (12, 14, 18)
_LABEL_GROUND = (12, 14, 18, 200)
# Line width and text height of a picture whose longer side has this many pixels.
_REFERENCE_SIDE_PX, _LINE_PX, _TEXT_PX = 1600, 4, 23
# Detectors box a face from brow to chin; hair takes about this share of a face's height more.
_HAIR = 0.38

_BoxPx = tuple[float, float, float, float]
_Colour = tuple[int, int, int]


def found_in(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What :func:`annotate` draws, from the fields of an analysed photo's document, corrected numbers included.

    Of a video the faces that are on its poster; numbers are of other moments.
    """
    faces = [face | {"box": box} for face in fields.get("faces") or [] if (box := face.get("poster_box", face["box"]))]
    index_of = {face["face_id"]: index for index, face in enumerate(faces)}
    bibs = [bib for bib in fields.get("bibs") or [] if "at_s" not in (bib["box"] or {})]
    return {
        "faces": faces,
        "bibs": [bib | {"face_index": index_of.get(bib["face_id"])} for bib in bibs],
        "sharpness": fields.get("sharpness") or {"is_blurry": False},
    }


def annotate(pixels: NDArray[np.uint8], sidecar: Mapping[str, Any]) -> NDArray[np.uint8]:
    """A copy of `pixels` with the faces and bibs of `sidecar` (or of :func:`found_in`) drawn on it.

    `pixels` is (H, W, 3) BGR, the upright photo at any size; so is the result. Faces are green with their detection
    score and sharpness, bibs yellow with their number, OCR score and a line to their wearer's face; a blurry photo says
    so. A number set by hand that has no place in the photo stands at its wearer's face, or in the upper left corner.
    Lines and letters have a dark edge or ground, so that they show on any picture.
    """
    canvas = _Canvas(pixels)
    faces = [canvas.box(face["box"]) for face in sidecar["faces"]]
    wearers = [None if bib["face_index"] is None else faces[bib["face_index"]] for bib in sidecar["bibs"]]
    bibs = [None if bib["box"] is None else canvas.box(bib["box"]) for bib in sidecar["bibs"]]
    for bib_box, wearer in zip(bibs, wearers, strict=True):
        if bib_box and wearer:
            canvas.connect(bib_box, wearer)
    for box in faces:
        canvas.outline(box, _FACE)
    for box in filter(None, bibs):
        canvas.outline(box, _BIB)
    if sidecar["sharpness"]["is_blurry"]:
        canvas.flag(f"BLURRY  {sidecar['sharpness']['frame']:.2f}", _WARNING)
    for bib, bib_box, wearer in zip(sidecar["bibs"], bibs, wearers, strict=True):
        text = f"{bib['number']}  by hand" if bib.get("by_hand") else f"{bib['number']}  {bib['ocr_score']:.2f}"
        if place := bib_box or wearer:
            canvas.label(text, place, _BIB, size=1.25, below_first=True)
        else:
            canvas.flag(text, _BIB)
    for face, box in zip(sidecar["faces"], faces, strict=True):
        text = f"{face['detection_score']:.2f}  sharp {face['sharpness']:.2f}"
        canvas.label(text, box, _FACE, room_above=_HAIR * (box[3] - box[1]))
    return canvas.pixels()


class _Canvas:
    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._image = Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
        # RGBA mode on an RGB picture blends what is drawn half transparent.
        self._draw = ImageDraw.Draw(self._image, "RGBA")
        self._scale = max(self._image.size) / _REFERENCE_SIDE_PX
        self._line = max(2, round(_LINE_PX * self._scale))
        self._labels: list[_BoxPx] = []
        self._flags_end = 0.0

    def box(self, fractions: Mapping[str, float]) -> _BoxPx:
        """Left, top, right, bottom in pixels."""
        x, y, w, h = (fractions[edge] for edge in "xywh")
        width, height = self._image.size
        return x * width, y * height, (x + w) * width, (y + h) * height

    def outline(self, box: _BoxPx, colour: _Colour) -> None:
        radius = 2.5 * self._line
        edge = max(1, self._line // 2)
        wide = (box[0] - edge, box[1] - edge, box[2] + edge, box[3] + edge)
        self._draw.rounded_rectangle(_whole_pixels(wide), radius, outline=(*_CASING, 190), width=self._line + 2 * edge)
        self._draw.rounded_rectangle(_whole_pixels(box), radius, outline=colour, width=self._line)

    def connect(self, bib: _BoxPx, face: _BoxPx) -> None:
        start = ((bib[0] + bib[2]) / 2, bib[1])
        end = ((face[0] + face[2]) / 2, face[3])
        self._draw.line((start, end), fill=(*_CASING, 190), width=2 * self._line)
        self._draw.line((start, end), fill=_BIB, width=self._line)

    def label(
        self,
        text: str,
        box: _BoxPx,
        colour: _Colour,
        *,
        size: float = 1.0,
        below_first: bool = False,
        room_above: float = 0.0,
    ) -> None:
        """Write `text` at `box`, inside the picture and, where there is room, off what is labelled already."""
        font = self._font(size)
        width, height, pad = self._extent(text, font)
        gap = 1.5 * self._line
        above, below = box[1] - height - max(gap, room_above), box[3] + gap
        middle = (box[0] + box[2] - width) / 2
        spots = [(middle, below), (middle, above)] if below_first else [(middle, above), (middle, below)]
        spots += [(box[2] + gap, box[1]), (box[0] - width - gap, box[1])]
        inside = [(self._clamped(x, width, 0), self._clamped(y, height, 1)) for x, y in spots]
        free = [(x, y) for x, y in inside if not any(_overlap((x, y, x + width, y + height), o) for o in self._labels)]
        x, y = (free or inside)[0]
        self._write(text, font, colour, (x, y, x + width, y + height), pad)

    def flag(self, text: str, colour: _Colour) -> None:
        """Write what is true of the whole photo into the upper left corner, below what is there already."""
        font = self._font(1.7)
        width, height, pad = self._extent(text, font)
        gap = 4.0 * self._line
        top = self._flags_end + gap
        self._flags_end = top + height
        self._write(text, font, colour, (gap, top, gap + width, top + height), pad)

    def pixels(self) -> NDArray[np.uint8]:
        return np.ascontiguousarray(np.asarray(self._image, np.uint8)[..., ::-1])

    def _font(self, size: float) -> ImageFont.FreeTypeFont:
        # The font inside Pillow: nothing of the machine's is needed.
        return cast(ImageFont.FreeTypeFont, ImageFont.load_default(max(11.0, _TEXT_PX * self._scale * size)))

    def _extent(self, text: str, font: ImageFont.FreeTypeFont) -> tuple[float, float, float]:
        pad = font.size * 0.35
        return self._draw.textlength(text, font=font) + 2 * pad, font.size * 1.1 + pad, pad

    def _clamped(self, start: float, extent: float, axis: int) -> float:
        return max(0.0, min(start, self._image.size[axis] - extent))

    def _write(self, text: str, font: ImageFont.FreeTypeFont, colour: _Colour, box: _BoxPx, pad: float) -> None:
        self._labels.append(box)
        self._draw.rounded_rectangle(_whole_pixels(box), radius=pad * 0.8, fill=_LABEL_GROUND)
        middle = (box[1] + box[3]) / 2
        self._draw.text((box[0] + pad, middle), text, font=font, fill=colour, anchor="lm")


def _whole_pixels(box: _BoxPx) -> _BoxPx:
    """Rounded, with at least a pixel between the edges: Pillow fails at some fractions and at no extent."""
    left, top, right, bottom = map(round, box)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _overlap(a: _BoxPx, b: _BoxPx) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
