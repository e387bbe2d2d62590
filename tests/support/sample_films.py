"""Films that are made of photos of the sample album."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish_cli.sample_album import SampleAlbum, SamplePhoto
from support.videos import video

CUT_S, FRAMES_A_SECOND = 4, 5


def film_of_two_scenes(sample_album: SampleAlbum) -> tuple[bytes, tuple[SamplePhoto, SamplePhoto]]:
    """A film (H.264) with other runners in each scene, and the photos that it shows."""
    sharp = [photo for photo in sample_album.photos if photo.runners and not photo.is_blurry]
    first, second = next(
        (one, other)
        for one, other in itertools.combinations(sharp, 2)
        if (one.width, one.height) == (other.width, other.height) and not _people(one) & _people(other)
    )
    return video(_shown(first, CUT_S) + _shown(second, CUT_S), frames_a_second=FRAMES_A_SECOND), (first, second)


def _shown(photo: SamplePhoto, seconds: int) -> list[NDArray[np.uint8]]:
    """Frames in which a photo is seen, moving a little."""
    picture = cv2.imread(str(photo.path))
    assert picture is not None
    picture = cv2.resize(picture, (1280, 1280 * photo.height // photo.width // 2 * 2), interpolation=cv2.INTER_AREA)
    return [np.roll(picture, number % 3, axis=1).astype(np.uint8) for number in range(seconds * FRAMES_A_SECOND)]


def _people(photo: SamplePhoto) -> set[str]:
    return {runner.person for runner in photo.runners}
