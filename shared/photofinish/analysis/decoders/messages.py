"""What a decoder process is asked, and what it answers: lines of JSON. Pixels go through shared memory, not here.

A decoder may have been taken over by a picture, so its answers are checked like any other input.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from photofinish.analysis.decoders.lines import (
    MAX_TEXT,
    MalformedAnswer,
    fields,
    json_line,
    listed,
    number,
    parsed_json,
    text,
)
from photofinish.analysis.imaging.decoded import DecodedPhoto, Limits
from photofinish.analysis.imaging.formats import Format
from photofinish.domain.analysis import ImageInfo
from photofinish.domain.photo_warning import PhotoWarning, WarningCode
from photofinish.errors import RejectedInput

MAX_ANSWER_BYTES = 64 * 2**10
MAX_TRACEBACK = 20_000
_ORIENTATIONS = range(1, 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What keeps a decoder process from doing anything else."""

    seccomp: bool
    """System calls are refused, except those for computing, memory and open files."""
    landlock: int
    """The version of Landlock that denies files and networks; 0 where the kernel has none."""
    ends_with_parent: bool
    limits: tuple[str, ...]
    """Names of the resource limits (`AS`, `CPU`, …)."""

    def __str__(self) -> str:
        filtered = "system calls filtered" if self.seccomp else "system calls NOT filtered (no seccomp here)"
        files = f"Landlock {self.landlock}" if self.landlock else "no Landlock"
        return f"{filtered}, {files}, limits of {', '.join(self.limits)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Decode the file that is in the shared memory."""

    file_bytes: int
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A picture was decoded. The shared memory has its pixels, (height, width, 3) BGR, and behind them its profile."""

    height: int
    width: int
    profile_bytes: int
    """0: it has none."""
    info: ImageInfo
    warnings: tuple[PhotoWarning, ...]
    doubtful_orientation: int

    @property
    def pixel_bytes(self) -> int:
        return self.height * self.width * 3

    @property
    def total_bytes(self) -> int:
        return self.pixel_bytes + self.profile_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A bug made the decoder fail; the traceback is for the log."""

    traceback: str


Answer = Decoded | RejectedInput | Failed


def request_line(request: Request) -> bytes:
    return json_line({"file_bytes": request.file_bytes, "limits": asdict(request.limits)})


def parse_request(line: bytes) -> Request:
    said = json.loads(line)
    return Request(file_bytes=said["file_bytes"], limits=Limits(**said["limits"]))


def ready_line(in_force: InForce) -> bytes:
    return json_line({"ready": asdict(in_force)})


def parse_ready(line: bytes) -> InForce:
    """Raises MalformedAnswer."""
    said = fields(fields(parsed_json(line), "ready")[0], "seccomp", "landlock", "ends_with_parent", "limits")
    seccomp, landlock, ends_with_parent, limits = said
    if not isinstance(limits, list):
        raise MalformedAnswer("no list of limits")
    return InForce(
        seccomp=bool(seccomp),
        landlock=number(landlock),
        ends_with_parent=bool(ends_with_parent),
        limits=tuple(map(text, limits)),
    )


def decoded_answer(photo: DecodedPhoto) -> Decoded:
    return Decoded(
        height=photo.image.shape[0],
        width=photo.image.shape[1],
        profile_bytes=len(photo.colour_profile or b""),
        info=photo.info,
        warnings=photo.warnings,
        doubtful_orientation=photo.doubtful_orientation,
    )


def answer_line(answer: Answer) -> bytes:
    match answer:
        case Decoded(info=info):
            taken_at = info.taken_at and info.taken_at.isoformat()
            return json_line(
                {
                    "decoded": {
                        "size": [answer.height, answer.width, answer.profile_bytes],
                        "info": [info.width, info.height, info.format, taken_at, info.camera],
                        "warnings": [[warning.code, warning.message[:MAX_TEXT]] for warning in answer.warnings],
                        "doubtful_orientation": answer.doubtful_orientation,
                    }
                }
            )
        case RejectedInput():
            return json_line({"rejected": [answer.code, answer.message[:MAX_TEXT]]})
        case Failed():
            return json_line({"failed": answer.traceback[-MAX_TRACEBACK:]})


def parse_answer(line: bytes) -> Answer:
    """Raises MalformedAnswer."""
    match parsed_json(line):
        case {"decoded": dict(said)}:
            return _decoded(said)
        case {"rejected": [code, message]}:
            return RejectedInput(text(code), text(message))
        case {"failed": traceback}:
            return Failed(traceback=text(traceback, MAX_TRACEBACK))
    raise MalformedAnswer("neither decoded nor rejected nor failed")


def _decoded(said: dict[str, Any]) -> Decoded:
    size, info, warnings, doubtful = fields(said, "size", "info", "warnings", "doubtful_orientation")
    height, width, profile_bytes = map(number, listed(size, 3))
    if doubtful not in _ORIENTATIONS:
        raise MalformedAnswer("no orientation")
    return Decoded(
        height=height,
        width=width,
        profile_bytes=profile_bytes,
        info=_info(listed(info, 5)),
        warnings=tuple(_warning(listed(warning, 2)) for warning in listed(warnings)),
        doubtful_orientation=doubtful,
    )


def _info(said: Sequence[Any]) -> ImageInfo:
    width, height, kind, taken_at, camera = said
    try:
        return ImageInfo(
            width=number(width),
            height=number(height),
            format=Format(kind).value,
            taken_at=None if taken_at is None else datetime.fromisoformat(text(taken_at)),
            camera=None if camera is None else text(camera),
        )
    except ValueError as error:
        raise MalformedAnswer(str(error)) from error


def _warning(said: Sequence[Any]) -> PhotoWarning:
    code, message = said
    try:
        return PhotoWarning(code=WarningCode(code), message=text(message))
    except ValueError as error:
        raise MalformedAnswer(str(error)) from error
