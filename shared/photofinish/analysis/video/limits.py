"""Which videos are accepted, and what is said of the others."""

from __future__ import annotations

from dataclasses import dataclass

from photofinish.domain.video_names import MAX_VIDEO_BYTES, MAX_VIDEO_S
from photofinish.domain.work import check_size
from photofinish.errors import RejectedInput

_EXPORT = "Export it as MP4 with H.264 and try that."
_MIN_OPENING_S = 120.0
NOT_SEEKABLE = "not_seekable"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoLimits:
    """Limits of one video."""

    max_file_bytes: int = MAX_VIDEO_BYTES
    max_duration_s: float = MAX_VIDEO_S
    max_pixels: int = 20_000_000
    """Width × height of a frame: 5.3K and 6K fit, and their decoders into the memory of a task; 8K does not."""
    max_side: int = 8192
    min_side: int = 16
    max_frames_a_second: int = 250
    """Counted while decoding: what a file says of its frame rate is often wrong for variable ones."""
    max_look_s: int = 60
    """Processor time of decoding one second of video; 4K of 60 frames takes 2."""
    max_slowness: float = 10.0
    """Seconds of waiting for frames per second of video, on average."""

    def check_file(self, size_bytes: int) -> None:
        """Raises RejectedInput: `empty_file` or `file_too_large`."""
        check_size(size_bytes, self.max_file_bytes)

    def check_duration(self, duration_s: float) -> None:
        """Check a duration, as the file says it or as far as it was decoded.

        Raises:
            RejectedInput: `video_too_long`.
        """
        if duration_s > self.max_duration_s:
            raise RejectedInput(
                "video_too_long",
                f"The video lasts {duration_s / 3600:.1f} hours; the limit is {self.max_duration_s / 3600:g}. "
                "Cut it into parts and try those.",
            )

    def check_frame_size(self, width: int, height: int) -> None:
        """Raises RejectedInput: `too_many_pixels` or `too_small`."""
        if width * height > self.max_pixels or max(width, height) > self.max_side:
            raise RejectedInput(
                "too_many_pixels",
                f"The video's frames have {width} × {height} pixels; the limit is {self.max_pixels / 1e6:.0f} "
                f"megapixels and {self.max_side} pixels a side. Export it in a smaller size.",
            )
        if min(width, height) < self.min_side:
            raise RejectedInput(
                "too_small",
                f"The video's frames have {width} × {height} pixels; each side needs at least {self.min_side}.",
            )

    def check_frame_rate(self, frames_in_second: int) -> None:
        """Raises RejectedInput: `frame_rate_too_high`."""
        if frames_in_second > self.max_frames_a_second:
            raise RejectedInput(
                "frame_rate_too_high",
                f"The video has more than {self.max_frames_a_second} frames in one second. "
                "Export it with 60 frames a second or fewer.",
            )

    def check_effort(self, waited_s: float, video_s: float) -> None:
        """Check how long decoding took until `video_s` of the video.

        Raises:
            RejectedInput: `decoding_took_too_long`.
        """
        if waited_s > _MIN_OPENING_S + self.max_slowness * video_s:
            raise took_too_long()


def took_too_long() -> RejectedInput:
    return RejectedInput("decoding_took_too_long", f"Decoding this video takes far longer than videos take. {_EXPORT}")


def no_video_stream() -> RejectedInput:
    return RejectedInput(
        "no_video_stream", "The file holds no moving picture, only sound or other data. Try the file that has it."
    )


def encrypted() -> RejectedInput:
    return RejectedInput(
        "video_encrypted", "The video is encrypted, so its pictures cannot be seen. Export it without copy protection."
    )


def unsupported_codec(codec: str) -> RejectedInput:
    return RejectedInput(
        "video_codec_not_supported", f"The video is compressed in a way that is not supported ({codec}). {_EXPORT}"
    )


def cut_off() -> RejectedInput:
    return RejectedInput(
        "cut_off",
        "The video is incomplete: the index that says where its pictures lie is missing, as when a recording or a copy "
        "was interrupted. Copy it again from the original.",
    )


def not_seekable() -> RejectedInput:
    """Not said to anyone: such a video is analysed from its beginning to its end."""
    return RejectedInput(NOT_SEEKABLE, "The video's file does not say where its parts are.")


def damaged(what: str) -> RejectedInput:
    return RejectedInput("damaged", f"The video is damaged ({what}). Copy it again from the original.")
