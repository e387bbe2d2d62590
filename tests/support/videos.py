"""Tiny videos, made by PyAV; and files that are read by ranges."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.video.limits import VideoLimits
from photofinish.analysis.video.ranges import Fetch, RangeFile
from photofinish.analysis.video.video_process import VIDEO_MEMORY_BYTES, VideoProcess
from photofinish.analysis.video.video_reader import Look, VideoReader
from photofinish.domain.video import Span, VideoInfo

TIME_BASE = Fraction(1, 1000)
QUARTER_TURN = (0, 1, 0, -1, 0, 0, 0, 0, 1)
UPRIGHT = (1, 0, 0, 0, 1, 0, 0, 0, 1)
# What the formats take; the second kind of number is smaller.
_FIXED_POINT = (2**16, 2**16, 2**30) * 3


def file_fetch(path: Path) -> Fetch:
    """Ranges of a file on this machine."""
    content = path.read_bytes()
    return content_fetch(content)


def content_fetch(content: bytes) -> Fetch:
    return lambda offset, size: content[offset : offset + size]


def moving(seconds: float, *, frames_a_second: int = 10, size: tuple[int, int] = (96, 64)) -> list[NDArray[np.uint8]]:
    """Frames (H, W, 3) BGR of a bright square that moves over a dark pattern; upper left quarter blue, for turns."""
    width, height = size
    frames = []
    for number in range(round(seconds * frames_a_second)):
        frame = np.full((height, width, 3), 40, np.uint8)
        frame[::4, ::4] = 90
        frame[: height // 2, : width // 2] = (200, 60, 20)
        at = number % (width // 2)
        frame[height // 2 + 8 : height // 2 + 24, at : at + 16] = 240
        frames.append(frame)
    return frames


def video(
    frames: Sequence[NDArray[np.uint8]],
    *,
    container: str = "mp4",
    codec: str = "libx264",
    frames_a_second: int = 10,
    times_ms: Sequence[int] | None = None,
    pixel_format: str = "yuv420p",
    audio: int = 0,
    container_options: dict[str, str] | None = None,
    **stream_fields: Any,
) -> bytes:
    """Encode frames, (H, W, 3) BGR; at `times_ms` where the rate varies. `stream_fields` are set on the codec."""
    with _written(container, container_options or {}) as (path, output):
        options = {"preset": "ultrafast", "x265-params": "log-level=none"} if "x26" in codec else {}
        stream: Any = output.add_stream(codec, rate=frames_a_second, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = TIME_BASE
        for name, value in stream_fields.items():
            setattr(stream.codec_context, name, value)
        sounds = [output.add_stream("aac", rate=8000, layout="mono") for _ in range(audio)]
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "bgr24")
            frame.pts = times_ms[number] if times_ms else number * 1000 // frames_a_second
            frame.time_base = TIME_BASE
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
        for sound in sounds:
            _write_silence(output, sound)
        output.close()
        return path.read_bytes()


def sound_only() -> bytes:
    with _written("mp4", {}) as (path, output):
        _write_silence(output, output.add_stream("aac", rate=8000, layout="mono"))
        output.close()
        return path.read_bytes()


def turned(content: bytes, matrix: Sequence[int] = QUARTER_TURN) -> bytes:
    """An MP4 that says by its track's matrix how to turn its frames, as phones write it."""
    at = content.index(b"tkhd") + 4 + 40
    values = b"".join(
        (value * unit).to_bytes(4, "big", signed=True) for value, unit in zip(matrix, _FIXED_POINT, strict=True)
    )
    return content[:at] + values + content[at + 36 :]


def read_video(
    content: bytes, limits: VideoLimits | None = None, *, span: Span | None = None
) -> tuple[VideoInfo, list[Look]]:
    """What is in a video, all of it, decoded in this process: starting one takes half a second."""
    reader = VideoReader(RangeFile(content_fetch(content), len(content)), limits or VideoLimits())
    return reader.info, list(reader.looks(span))


def decode_confined(content: bytes, *, memory_bytes: int = VIDEO_MEMORY_BYTES) -> tuple[VideoInfo, list[Look]]:
    """As :func:`read_video`, in the process where videos are decoded."""
    process = VideoProcess(content_fetch(content), len(content), memory_bytes=memory_bytes)
    try:
        return process.open(), list(process.looks())
    finally:
        process.end()


@contextmanager
def _written(container: str, options: dict[str, str]) -> Iterator[tuple[Path, Any]]:
    """FFmpeg moves the index of a file to its beginning only where it can open the file once more."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video"
        with av.open(str(path), "w", format=container, container_options=options) as output:
            yield path, output


def _write_silence(output: Any, stream: Any) -> None:
    for packet in _silence(stream):
        output.mux(packet)


def _silence(stream: Any) -> Iterator[Any]:
    for number in range(8):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 8000, number * 1024
        yield from stream.encode(frame)
    yield from stream.encode()
