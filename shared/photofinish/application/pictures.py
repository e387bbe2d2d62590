"""Pictures that came with a request: decoded one at a time, analysed, and forgotten.

A picture is in memory for as long as its request takes: it is never written to disk, to a log or to a database.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.decoding import Limits, decode
from photofinish.domain.face import Face
from photofinish.domain.matching import Calibration
from photofinish.domain.quality import QualityReason
from photofinish.errors import RejectedInput, Unavailable

if TYPE_CHECKING:
    from photofinish.analysis.models.face_encoder import FaceEncoder

MAX_PICTURE_BYTES = 16 * 2**20
# A selfie's face has hundreds of pixels at this size, of which an embedding takes 112; more only cost time.
SELFIE_LIMITS = Limits(max_file_bytes=MAX_PICTURE_BYTES, max_pixels=64_000_000, max_decoded_pixels=1_500_000)
PICTURE_LIMITS = Limits(max_file_bytes=MAX_PICTURE_BYTES, max_pixels=64_000_000, max_decoded_pixels=12_000_000)
MAX_WAIT_S = 10.0
# A person who holds the camera is at least twice as wide and twice as high as whoever stands behind.
DOMINANT_AREA_RATIO = 4.0
_HINTS = {
    QualityReason.SMALL: "The face is too small: come closer, or send the original instead of a reduced copy.",
    QualityReason.TURNED: "The face is turned away: look into the camera.",
    QualityReason.BLURRED: "The face is blurred: hold still, in good light.",
    QualityReason.DARK: "The face is too dark: turn to the light.",
    QualityReason.UNCERTAIN: "The face is hardly visible: nothing should cover it.",
}
_UNCLEAR = "The face is not clear enough: come closer, in good light, and look into the camera."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenPicture:
    """What was found in one picture."""

    image: NDArray[np.uint8]
    """(H, W, 3) BGR, upright; smaller than the file's where that is very large."""
    width: int
    """Of the file, upright; boxes are fractions, so they fit both."""
    height: int
    faces: tuple[Face, ...]
    """Largest first."""
    decode_ms: float
    analyse_ms: float


class Pictures:
    """Looks at pictures with the models of the analysis, a few at a time."""

    def __init__(self, encoder: Callable[[], FaceEncoder], calibration: Calibration) -> None:
        self._encoder = encoder
        self.calibration = calibration
        # A model uses every core: more pictures at once would only share them, and take their memory each.
        self._places = threading.BoundedSemaphore(os.cpu_count() or 1)

    def look(self, content: bytes) -> SeenPicture:
        """Decode a picture and find all its faces.

        Raises:
            RejectedInput: it cannot be decoded.
            Unavailable: too many others are being looked at.
        """
        with self._place():
            started_at = time.perf_counter()
            decoded = decode(content, limits=PICTURE_LIMITS)
            decoded_at = time.perf_counter()
            [faces] = self._encoder().encode([decoded.image])
            done_at = time.perf_counter()
        return SeenPicture(
            image=decoded.image,
            width=decoded.info.width,
            height=decoded.info.height,
            faces=faces,
            decode_ms=(decoded_at - started_at) * 1000,
            analyse_ms=(done_at - decoded_at) * 1000,
        )

    def person(self, content: bytes) -> Face:
        """The one face that a picture is of.

        Raises:
            RejectedInput: it cannot be decoded, shows nobody, several people, or nobody clearly.
            Unavailable: too many others are being looked at.
        """
        with self._place():
            faces = self._encoder().encode_portrait(decode(content, limits=SELFIE_LIMITS).image)
        return person_in(faces, self.calibration)

    def people(self, contents: Sequence[bytes]) -> list[Face]:
        """Of each picture the one face that it is of.

        Raises:
            RejectedInput: one of them cannot be used; the message says which, why, and what to do.
        """
        return [self._person(content, position) for position, content in enumerate(contents, 1)]

    def _person(self, content: bytes, position: int) -> Face:
        try:
            return self.person(content)
        except RejectedInput as rejection:
            raise RejectedInput(rejection.code, f"Picture {position}: {rejection.message}") from None

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=MAX_WAIT_S):
            raise Unavailable(f"no place to look at a picture within {MAX_WAIT_S:.0f} s")
        try:
            yield
        finally:
            self._places.release()


def person_in(faces: Sequence[Face], calibration: Calibration) -> Face:
    """The face that a picture is of: the only one, or one of at least four times the area of anybody else's.

    Who is there twice (in a mirror, on a poster, or because one face was found twice) is one person.

    Raises:
        RejectedInput: `no_face`, `several_faces`, `small_face` or `unclear_face`, with a hint.
    """
    largest_first = sorted(faces, key=_area, reverse=True)
    if not largest_first:
        raise RejectedInput("no_face", "No face was found. Take a picture from the front, in good light.")
    person, *more = largest_first
    vector = person.embedding.vector
    others = [face for face in more if float(vector @ face.embedding.vector) < calibration.min_similarity]
    if others and _area(person) < DOMINANT_AREA_RATIO * _area(others[0]):
        raise RejectedInput(
            "several_faces", "Several people were found, and none stands out. Cut the picture to the one you want."
        )
    if person.quality < calibration.selfie_min_quality:
        hints = " ".join(_HINTS[reason] for reason in person.quality_reasons) or _UNCLEAR
        raise RejectedInput("small_face" if QualityReason.SMALL in person.quality_reasons else "unclear_face", hints)
    return person


def _area(face: Face) -> float:
    return face.box.w * face.box.h
