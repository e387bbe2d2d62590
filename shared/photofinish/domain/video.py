"""A video: what its file is, and how its frames follow each other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """What is known of a video before its frames are decoded."""

    container: str
    """MP4, MOV, MATROSKA or WEBM, recognised by the content."""
    codec: str
    width: int
    height: int
    """Of the upright picture in square pixels."""
    duration_s: float | None
    """As the file says; None where it does not."""
    frames_a_second: float
    """On average, as the file says; variable rates have none that is true."""
    rotation_deg: int
    """By how much the stored frames were turned clockwise to be upright."""
    transfer: str
    """`sdr`, `pq` or `hlg`; frames of the last two were converted."""
    audio_tracks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of a video, its end excluded."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """What a video has beside a photo."""

    info: VideoInfo
    poster_s: float
    """When its poster is: the frame that previews are made of."""
    scenes: tuple[Span, ...]
    """Without gaps, from the beginning to the end."""

    @property
    def duration_s(self) -> float:
        """As far as it was decoded, which may be less than its file says."""
        return self.scenes[-1].end_s


def scene_of(scene_starts: Sequence[float], at_s: float) -> int:
    """The number of the scene at a time, from 0; `scene_starts` ascend, and the first one is 0."""
    return max(bisect_right(scene_starts, at_s) - 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameChange:
    """How a frame differs from those before it. Differences are 0 (none) to 1."""

    at_s: float
    """From the beginning of the video."""
    colours: float
    """Difference of the colour histograms of this frame and the one before: half of their L1 distance."""
    pixels: float
    """Mean absolute difference of luma, each pixel with that of the frame before."""
    colours_of_three: float
    """As `colours`, but from the frame three before: a flash that lasts for a frame or two changes nothing there."""
    pixels_of_three: float
    luma: float
    """Mean, 0 (black) to 1."""
    contrast: float
    """Standard deviation of luma."""
