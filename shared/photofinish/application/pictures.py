"""Analyse pictures that were sent with a request.

A picture is only in memory, for as long as its request takes: it is never written to a disk, a log or a database.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.decoded import Limits
from photofinish.analysis.models.face_alignment import align
from photofinish.domain.face import Face
from photofinish.domain.matching import Calibration, match_probability, rounded_similarity
from photofinish.domain.quality import QualityReason
from photofinish.errors import RejectedInput, Unavailable

if TYPE_CHECKING:
    from photofinish.analysis.decoders.pool import DecoderPool
    from photofinish.analysis.models.face_encoder import FaceEncoder

MAX_PICTURE_BYTES = 16 * 2**20
MAX_DECODE_S = 4
"""Of a picture that a caller waits for, on one core."""
DECODER_MEMORY_BYTES = 768 * 2**20
"""For each decoder of pictures within these limits."""
# At this size a selfie's face is some hundred pixels wide; an embedding uses 112, so more would only cost time.
SELFIE_LIMITS = Limits(
    max_file_bytes=MAX_PICTURE_BYTES,
    max_pixels=64_000_000,
    max_streamed_pixels=110_000_000,  # of the largest phone cameras
    max_unfolded_pixels=32_000_000,
    max_scanned_pixels=640_000_000,
    max_decoded_pixels=1_500_000,
    max_processor_s=MAX_DECODE_S,
    max_decode_s=4 * MAX_DECODE_S,
)
PICTURE_LIMITS = replace(SELFIE_LIMITS, max_decoded_pixels=12_000_000)
MAX_WAIT_S = 10.0
# The person who holds the camera appears at least twice as wide and twice as high as anyone behind them.
DOMINANT_AREA_RATIO = 4.0
_ALIGNED_JPEG_QUALITY = 95
_HINTS = {
    QualityReason.SMALL: "The face is too small: come closer, or send the original instead of a reduced copy.",
    QualityReason.TURNED: "The face is turned away: look into the camera.",
    QualityReason.BLURRED: "The face is blurred: hold still, in good light.",
    QualityReason.DARK: "The face is too dark: turn to the light.",
    QualityReason.UNCERTAIN: "The face is hardly visible: make sure that nothing covers it.",
}
_UNCLEAR = "The face is not clear enough: come closer, in good light, and look into the camera."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnalysedPicture:
    """The faces found in one picture."""

    image: NDArray[np.uint8]
    """(H, W, 3) BGR, upright; smaller than the file's picture if that is very large."""
    width: int
    """Of the file's picture, upright; boxes are fractions, so they fit both."""
    height: int
    faces: tuple[Face, ...]
    """Largest first."""
    decode_ms: float
    analyse_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Whether two pictures show one person."""

    similarity: float
    """Cosine, rounded to steps."""
    match_probability: float
    is_match: bool
    min_similarity: float
    """From here on two faces of this embedding space are a match."""
    embedding_space: str
    faces: tuple[Face, Face]
    """The face that was used of each picture."""


IsWanted = Callable[[], bool]
"""Whether the answer is still wanted: pictures wait for each other, and callers give up."""


def always() -> bool:
    return True


class Pictures:
    """Finds faces in pictures with the models of the analysis, a few pictures at a time."""

    def __init__(
        self, encoder: Callable[[], FaceEncoder], calibration: Calibration, decoders: Callable[[], DecoderPool]
    ) -> None:
        self._encoder = encoder
        self._decoders = decoders
        self.calibration = calibration
        # A model uses all cores: more pictures at once would only compete for them, and need memory each.
        self._slots = threading.BoundedSemaphore(os.cpu_count() or 1)

    def analyse(self, content: bytes, *, is_wanted: IsWanted = always) -> AnalysedPicture:
        """Decode a picture and find all its faces; `is_wanted` is asked once more before that.

        Raises:
            RejectedInput: it cannot be decoded.
            Unavailable: too many pictures are being analysed, or the answer is not wanted any more.
        """
        with self.slot(is_wanted):
            started_at = time.perf_counter()
            decoded = self._decoders().decode(content, limits=PICTURE_LIMITS)
            decoded_at = time.perf_counter()
            [faces] = self._encoder().encode([decoded.image])
            done_at = time.perf_counter()
        return AnalysedPicture(
            image=decoded.image,
            width=decoded.info.width,
            height=decoded.info.height,
            faces=faces,
            decode_ms=(decoded_at - started_at) * 1000,
            analyse_ms=(done_at - decoded_at) * 1000,
        )

    def person(self, content: bytes, *, is_wanted: IsWanted = always) -> Face:
        """Return the face of the person that a picture is of.

        Raises:
            RejectedInput: it cannot be decoded, shows no face, several people, or an unclear face.
            Unavailable: as :meth:`analyse`.
        """
        with self.slot(is_wanted):
            decoded = self._decoders().decode(content, limits=SELFIE_LIMITS)
            faces = self._encoder().encode_portrait(decoded.image)
        return person_in(faces, self.calibration)

    def people(self, contents: Sequence[bytes], *, is_wanted: IsWanted = always) -> list[Face]:
        """Return the face of the person that each picture is of.

        Raises:
            RejectedInput: as :meth:`person`; the message names the picture.
            Unavailable: as :meth:`analyse`.
        """
        found = []
        for position, content in enumerate(contents, 1):
            try:
                found.append(self.person(content, is_wanted=is_wanted))
            except RejectedInput as rejection:
                raise RejectedInput(rejection.code, f"Picture {position}: {rejection.message}") from None
        return found

    def compare(self, first: bytes, second: bytes, *, is_wanted: IsWanted = always) -> Comparison:
        """Compare the people that two pictures are of.

        Raises:
            RejectedInput, Unavailable: as :meth:`people`.
        """
        one, other = self.people([first, second], is_wanted=is_wanted)
        similarity = rounded_similarity(float(one.embedding.vector @ other.embedding.vector), self.calibration)
        return Comparison(
            similarity=similarity,
            match_probability=match_probability(similarity, self.calibration),
            is_match=similarity >= self.calibration.min_similarity,
            min_similarity=self.calibration.min_similarity,
            embedding_space=one.embedding.space,
            faces=(one, other),
        )

    @contextmanager
    def slot(self, is_wanted: IsWanted) -> Iterator[None]:
        """Wait for one of the few places in which pictures are analysed; raises what :meth:`analyse` does."""
        if not self._slots.acquire(timeout=MAX_WAIT_S):
            raise Unavailable(f"too many pictures are being analysed: waited {MAX_WAIT_S:.0f} s for a slot")
        try:
            if not is_wanted():
                raise Unavailable("the caller has gone while its picture waited")
            yield
        finally:
            self._slots.release()


def person_in(faces: Sequence[Face], calibration: Calibration) -> Face:
    """Return the face that a picture is of: the only one, or one with at least four times the area of all others.

    Faces of the same person (in a mirror, on a poster, or found twice) count as one.

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


def aligned_jpeg(picture: AnalysedPicture, face: Face) -> bytes:
    """One face of a picture as the embedding model gets it: aligned, 112 × 112 pixels, as JPEG."""
    height, width = picture.image.shape[:2]
    chip = align(picture.image, np.asarray(face.landmarks, np.float32) * np.array([width, height], np.float32))
    done, encoded = cv2.imencode(".jpg", chip, [cv2.IMWRITE_JPEG_QUALITY, _ALIGNED_JPEG_QUALITY])
    assert done, "a chip of 112 × 112 pixels can be encoded"
    return cast("NDArray[np.uint8]", encoded).tobytes()


def _area(face: Face) -> float:
    return face.box.w * face.box.h
