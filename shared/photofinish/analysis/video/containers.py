"""What a video's file says of itself: its container, its tracks and how they are compressed.

Only headers are read, wherever they lie in the file. Frames are FFmpeg's business; this says why there are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from photofinish.analysis.imaging.formats import Format, recognise
from photofinish.errors import RejectedInput

HEAD_BYTES = 4096
"""The first bytes of a file, by which videos are recognised."""
_MAX_CODEC_CHARS = 64
_EBML = b"\x1aE\xdf\xa3"
# Boxes that QuickTime files without a `ftyp` begin with.
_QUICKTIME_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_NAMES = {
    "avc1": "H.264", "avc3": "H.264", "V_MPEG4/ISO/AVC": "H.264",
    "hvc1": "HEVC", "hev1": "HEVC", "dvh1": "HEVC", "dvhe": "HEVC", "V_MPEGH/ISO/HEVC": "HEVC",
    "vp08": "VP8", "V_VP8": "VP8", "vp09": "VP9", "V_VP9": "VP9", "av01": "AV1", "V_AV1": "AV1",
    "mp4v": "MPEG-4", "V_MPEG4/ISO/ASP": "MPEG-4",
}  # fmt: skip
KNOWN_CODECS = frozenset(_NAMES.values())
NOT_DECODED = frozenset({"AV1"})
"""Known codecs for which the FFmpeg inside OpenCV has no decoder."""


class Container(StrEnum):
    """The accepted containers, as results name them."""

    MP4 = "MP4"
    MOV = "MOV"
    MATROSKA = "MATROSKA"
    WEBM = "WEBM"


class Transfer(StrEnum):
    """How a video's values become light; videos that do not say are SDR."""

    SDR = "sdr"
    PQ = "pq"
    """SMPTE ST 2084, as HDR10 and Dolby Vision have it."""
    HLG = "hlg"
    """ARIB STD-B67, as phones record it."""

    @classmethod
    def of_code(cls, code: int) -> Transfer:
        """By the code of ITU-T H.273."""
        return {16: cls.PQ, 18: cls.HLG}.get(code, cls.SDR)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTrack:
    """The first moving picture in a video's file."""

    codec: str
    """Its usual name; else the container's code of it."""
    width: int
    height: int
    """As they are stored, not rotated."""
    is_encrypted: bool
    transfer: Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What the headers of a video's file say."""

    container: Container
    has_index: bool
    """Whether the headers that describe the tracks are there at all."""
    video: VideoTrack | None
    audio_tracks: int
    duration_s: float | None
    """None where the file does not say."""


def codec_name(code: str) -> str:
    """The usual name of a container's code for a codec; the code itself where that is not known."""
    return _NAMES.get(code, code if code.isprintable() else ascii(code))[:_MAX_CODEC_CHARS]


def recognise_video(head: bytes) -> Container | None:
    """Recognise a video by the first bytes of its file, whatever its name is; None for anything else."""
    if head.startswith(_EBML):
        return Container.WEBM if b"webm" in head[:64] else Container.MATROSKA
    kind = head[4:8]
    if kind in _QUICKTIME_BOXES and int.from_bytes(head[:4], "big") != 0:
        return Container.MOV
    if kind != b"ftyp" or _is_picture(head):
        return None
    return Container.MOV if head[8:12] == b"qt  " else Container.MP4


def _is_picture(head: bytes) -> bool:
    """Whether ISO media is HEIF, AVIF, raw or JPEG XL, which have videos' boxes around them."""
    try:
        return recognise(head) in Format
    except RejectedInput:
        return head[8:12] == b"jxl "
