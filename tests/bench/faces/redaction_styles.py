"""Draw one face unredacted and in each style of redaction, for the documents.

    python tests/bench/faces/redaction_styles.py docs/images/redaction.jpg

The face is that of scikit-image's sample picture, which is free of rights: Eileen Collins, by NASA.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).parents[2]))

from photofinish.analysis.imaging.redaction import redact
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.domain.album_policy import RedactionStyle
from photofinish.wiring import model_settings
from support.pictures import BgrImage, astronaut

_LABEL_HEIGHT, _GAP = 28, 8
_JPEG_QUALITY = 85
_NOISE_KEY = b"a picture in the documents: no secret"


def main(file: Path) -> None:
    picture = np.ascontiguousarray(astronaut()[:300, 60:380])
    [faces] = FaceEncoder.load(model_settings()).encode([picture])
    tiles = [_labelled(picture, "not redacted")]
    for style in RedactionStyle:
        redacted = picture.copy()
        redact(redacted, [face.box for face in faces], style, noise_key=_NOISE_KEY)
        tiles.append(_labelled(redacted, style.value))
    gap = np.full((tiles[0].shape[0], _GAP, 3), 255, np.uint8)
    row = np.hstack([part for tile in tiles for part in (gap, tile)][1:])
    assert cv2.imwrite(str(file), row, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]), f"{file} could not be written"


def _labelled(picture: BgrImage, label: str) -> BgrImage:
    strip = np.full((_LABEL_HEIGHT, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, label, (4, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([strip, picture])


if __name__ == "__main__":
    typer.run(main)
