"""A short film of the race: photos of it, one after the other, through a camera that pans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.errors import Misconfigured

_WIDTH, _HEIGHT = 1280, 720
_FRAMES_A_SECOND = 10
_SECONDS_A_PHOTO = 4
_ROOM = 1.06
"""By how much a photo is larger than the film: the camera pans over the rest."""


def write_clip(path: Path, photos: Sequence[Path]) -> None:
    """Write a film of these photos as MP4, in MPEG-4: the encoder that OpenCV's FFmpeg has.

    Raises:
        Misconfigured: OpenCV was built without that encoder.
    """
    film = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), _FRAMES_A_SECOND, (_WIDTH, _HEIGHT)
    )
    if not film.isOpened():
        raise Misconfigured("OpenCV's FFmpeg has no MPEG-4 encoder: install opencv-python-headless from PyPI")
    for photo in photos:
        for frame in _panned(photo):
            film.write(frame)
    film.release()


def _panned(photo: Path) -> Iterator[NDArray[np.uint8]]:
    picture = cv2.imread(str(photo), cv2.IMREAD_COLOR)
    assert picture is not None, "a photo of the sample album that OpenCV reads"
    height, width = picture.shape[:2]
    scale = max(_WIDTH / width, _HEIGHT / height) * _ROOM
    large = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    down, room = (large.shape[0] - _HEIGHT) // 2, large.shape[1] - _WIDTH
    count = _SECONDS_A_PHOTO * _FRAMES_A_SECOND
    for number in range(count):
        right = room * number // (count - 1)
        yield np.asarray(large[down : down + _HEIGHT, right : right + _WIDTH], np.uint8)
