"""Everything found in one photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from photofinish.domain.bib import Bib, TextLine
from photofinish.domain.face import Face
from photofinish.domain.sharpness import Sharpness


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """Size of the upright image (EXIF orientation applied) in pixels, format, and facts from its EXIF."""

    width: int
    height: int
    format: str
    """JPEG, PNG, WEBP, TIFF or HEIF, recognised by the content."""
    taken_at: datetime | None = None
    """EXIF DateTimeOriginal; without a time zone where the camera recorded none."""
    camera: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoAnalysis:
    """What the models and kernels found in one photo."""

    image: ImageInfo
    faces: tuple[Face, ...]
    bibs: tuple[Bib, ...]
    text: tuple[TextLine, ...]
    sharpness: Sharpness
    models: Mapping[str, str]
    """Role (`face_detection`, …) to model name and version."""
    timings_ms: Mapping[str, float]
    """Stage (`decode`, `detect`, `embed`, `read`, …) to milliseconds; a batch's time is shared equally."""
