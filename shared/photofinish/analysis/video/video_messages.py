"""What the process that decodes a video is asked and answers; see `decoders/lines.py`.

The shared memory has a range of the file first, then the pixels of a frame.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from typing import Any

from photofinish.analysis.decoders.lines import (
    MAX_TEXT,
    MalformedAnswer,
    decimal,
    fields,
    json_line,
    listed,
    number,
    parsed_json,
    text,
)
from photofinish.analysis.decoders.messages import MAX_TRACEBACK, Failed
from photofinish.analysis.video.containers import Container, Transfer
from photofinish.analysis.video.limits import VideoLimits
from photofinish.analysis.video.ranges import RANGE_BYTES
from photofinish.analysis.video.video_reader import MAX_FRAME_SIDE, TIME_DIGITS, Look
from photofinish.domain.video import FrameChange, Span, VideoInfo
from photofinish.errors import RejectedInput

FRAME_AT = RANGE_BYTES
SHARED_BYTES = RANGE_BYTES + MAX_FRAME_SIDE * MAX_FRAME_SIDE * 3
_MAX_S = 1e6
_MAX_CHANGES = 400
_DIFFERENCES = tuple(one.name for one in fields_of(FrameChange)[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    size_bytes: int
    limits: VideoLimits
    span: Span | None = None
    """The part of the video to decode; None: all of it."""


@dataclass(frozen=True, slots=True)
class WantedRange:
    """The process needs a part of the file."""

    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAnswer:
    """A look whose frame, (height, width, 3) BGR, is in the shared memory."""

    height: int
    width: int
    at_s: float
    sharpness: float
    frames: int
    changes: tuple[FrameChange, ...]


@dataclass(frozen=True, slots=True)
class End:
    """There are no more frames."""


VideoAnswer = VideoInfo | WantedRange | LookAnswer | End | RejectedInput | Failed


def open_line(request: OpenRequest) -> bytes:
    span = None if request.span is None else asdict(request.span)
    return json_line({"size_bytes": request.size_bytes, "limits": asdict(request.limits), "span": span})


def parse_open(line: bytes) -> OpenRequest:
    said = parsed_json(line)
    span = said["span"]
    return OpenRequest(
        size_bytes=said["size_bytes"],
        limits=VideoLimits(**said["limits"]),
        span=None if span is None else Span(**span),
    )


def look_answer(look: Look) -> LookAnswer:
    height, width = look.frame.shape[:2]
    return LookAnswer(
        height=height,
        width=width,
        at_s=look.at_s,
        sharpness=look.sharpness,
        frames=look.frames,
        changes=look.changes,
    )


def video_answer_line(answer: VideoAnswer) -> bytes:
    match answer:
        case VideoInfo():
            return json_line({"opened": asdict(answer)})
        case WantedRange():
            return json_line({"range": [answer.offset, answer.size_bytes]})
        case LookAnswer():
            changes = [[round(value, TIME_DIGITS) for value in asdict(change).values()] for change in answer.changes]
            said = [answer.height, answer.width, answer.at_s, answer.sharpness, answer.frames, changes]
            return json_line({"look": said})
        case End():
            return json_line({"end": []})
        case RejectedInput():
            return json_line({"rejected": [answer.code, answer.message[:MAX_TEXT]]})
        case Failed():
            return json_line({"failed": answer.traceback[-MAX_TRACEBACK:]})


def parse_video_answer(line: bytes) -> VideoAnswer:
    """Raises MalformedAnswer."""
    match parsed_json(line):
        case {"range": [offset, size]}:
            return WantedRange(number(offset), number(size))
        case {"look": [height, width, at_s, sharpness, frames, list(changes)]} if len(changes) <= _MAX_CHANGES:
            return LookAnswer(
                height=number(height),
                width=number(width),
                at_s=decimal(at_s, 0, _MAX_S),
                sharpness=decimal(sharpness, -1, 1),
                frames=number(frames),
                changes=tuple(map(_change, changes)),
            )
        case {"end": []}:
            return End()
        case {"opened": dict(said)}:
            return _info(said)
        case {"rejected": [code, message]}:
            return RejectedInput(text(code), text(message))
        case {"failed": trace}:
            return Failed(traceback=text(trace, MAX_TRACEBACK))
    raise MalformedAnswer("none of the answers about a video")


def _change(said: Any) -> FrameChange:
    at_s, *differences = listed(said, 1 + len(_DIFFERENCES))
    values = [decimal(one, 0, 1.001) for one in differences]
    return FrameChange(at_s=decimal(at_s, 0, _MAX_S), **dict(zip(_DIFFERENCES, values, strict=True)))


def _info(said: dict[str, Any]) -> VideoInfo:
    container, codec, width, height, duration_s, rate, rotation, transfer, audio_tracks = fields(
        said, *(one.name for one in fields_of(VideoInfo))
    )
    try:
        return VideoInfo(
            container=Container(container).value,
            codec=text(codec, 64),
            width=number(width),
            height=number(height),
            duration_s=None if duration_s is None else decimal(duration_s, 0, _MAX_S),
            frames_a_second=decimal(rate, 0, 1e9),
            rotation_deg=number(rotation),
            transfer=Transfer(transfer).value,
            audio_tracks=number(audio_tracks),
        )
    except ValueError as error:
        raise MalformedAnswer(str(error)) from error
