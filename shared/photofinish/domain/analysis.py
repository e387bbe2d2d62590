"""Everything found in one photo."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from photofinish.domain.bib import Bib, TextLine
from photofinish.domain.depiction import Depiction
from photofinish.domain.face import DescribedFace, Face
from photofinish.domain.geometry import Box
from photofinish.domain.photo_warning import PhotoWarning
from photofinish.domain.sharpness import Sharpness
from photofinish.domain.video import VideoFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """Size of the upright image (EXIF orientation applied) in pixels, format, and facts from its EXIF."""

    width: int
    height: int
    format: str
    """JPEG, PNG, WEBP, TIFF, HEIF, AVIF, GIF, BMP or RAW, recognised by the content; of a video its container."""
    taken_at: datetime | None = None
    """As the camera wrote it (docs/dates.md); without a time zone where none is known."""
    camera: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldFace:
    """A face that may not be indexed: where it is, and nothing else."""

    number: int
    """Its place among all faces that were found."""
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureAnalysis:
    """What was found in one picture."""

    image: ImageInfo
    faces: tuple[DescribedFace, ...]
    bibs: tuple[Bib, ...]
    text: tuple[TextLine, ...]
    sharpness: Sharpness
    models: Mapping[str, str]
    """Role (`face_detection`, …) to model name and version."""
    timings_ms: Mapping[str, float]
    """Stage (`decode`, `detect`, `embed`, `read`, …) to milliseconds; a batch's time is shared equally."""
    warnings: tuple[PhotoWarning, ...] = ()
    """What was not as it should be with the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoAnalysis(PictureAnalysis):
    """What the models and kernels found in one photo."""

    faces: tuple[Face, ...]
    face_areas: tuple[Box, ...] = ()
    """All that may be a face, for redaction: the boxes of `faces`, and what was not certain enough to be one."""
    erased_faces: tuple[int, ...] = ()
    """Numbers of faces that were found and left out because they are erased."""
    withheld_faces: tuple[WithheldFace, ...] = ()
    """Faces that were found and may not be indexed; they are not among `faces`."""
    placeholder: bytes | None = None
    """A ThumbHash of the picture in which no face can be seen; None where the picture gets no renditions."""
    perceptual_hash: int | None = None
    """64 bits that are similar for similar pictures, see `photofinish_kernels.perceptual_hash`. Videos have none."""
    depiction: Depiction | None = None
    """What the whole picture shows; None where label search is off."""
    video: VideoFacts | None = None
    """None of a photo. Of a video `faces` are the people in it, and the picture is its poster."""

    @property
    def face_numbers(self) -> tuple[int, ...]:
        """The number of each of `faces`, which its id is made of: its place among all faces that were found."""
        left_out = [*self.erased_faces, *(one.number for one in self.withheld_faces)]
        return kept_numbers(len(self.faces), left_out)


def kept_numbers(count: int, left_out: Collection[int]) -> tuple[int, ...]:
    """The first `count` numbers from 0 that are not in `left_out`."""
    return tuple(number for number in range(count + len(left_out)) if number not in left_out)[:count]
