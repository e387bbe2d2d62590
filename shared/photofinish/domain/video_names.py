"""Which objects may be videos, by name and type: only their content decides, but that is read by tasks."""

from __future__ import annotations

from pathlib import PurePosixPath

VIDEO_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/x-m4v",
    ".mov": "video/quicktime",
    ".qt": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
}
"""Suffix of a name, in lower case, to its media type."""
MAX_VIDEO_BYTES = 20_000_000_000
MAX_VIDEO_S = 4 * 3600.0


def may_be_video(name: str, content_type: str = "") -> bool:
    """Whether the name of an object, or the type that it was uploaded with, is a video's."""
    return PurePosixPath(name).suffix.lower() in VIDEO_TYPES or content_type.lower().startswith("video/")
