"""This side of the process that decodes a video: it serves ranges of the file, and takes frames or ends the process."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator, Sequence

import numpy as np

from photofinish.analysis.decoders.confined_process import ConfinedProcess, DecoderBug, DecoderEnded
from photofinish.analysis.decoders.lines import MalformedAnswer
from photofinish.analysis.decoders.messages import Failed
from photofinish.analysis.video.limits import VideoLimits, took_too_long
from photofinish.analysis.video.ranges import RANGE_BYTES, Fetch
from photofinish.analysis.video.video_messages import (
    FRAME_AT,
    SHARED_BYTES,
    End,
    LookAnswer,
    OpenRequest,
    VideoAnswer,
    WantedRange,
    open_line,
    parse_video_answer,
)
from photofinish.analysis.video.video_reader import MAX_FRAME_SIDE, Look
from photofinish.domain.video import Span, VideoInfo
from photofinish.errors import RejectedInput, Unavailable

log = logging.getLogger(__name__)
VIDEO_PROGRAM = ("-m", "photofinish.analysis.video.video_program")
VIDEO_MEMORY_BYTES = 700_000_000
"""For the process that decodes a video: 5.3K H.264 takes 480 MB."""
_ANSWER_S = 300.0
_GO_ON = b"{}\n"
_DEFAULT_LIMITS = VideoLimits()


class VideoProcess(ConfinedProcess):
    """A process that decodes one video."""

    def __init__(
        self,
        fetch: Fetch,
        size_bytes: int,
        *,
        limits: VideoLimits = _DEFAULT_LIMITS,
        span: Span | None = None,
        memory_bytes: int = VIDEO_MEMORY_BYTES,
        program: Sequence[str] = VIDEO_PROGRAM,
    ) -> None:
        """Start the process; `fetch` reads the video's file of `size_bytes` by ranges of at most 1 MiB.

        With a `span` only its frames are given.

        Raises:
            RejectedInput: `empty_file` or `file_too_large`.
            Unavailable: the system starts no process.
        """
        limits.check_file(size_bytes)
        super().__init__(memory_bytes, program, shared_bytes=SHARED_BYTES, purpose="decodes videos")
        self._fetch = fetch
        self._size_bytes = size_bytes
        self._limits = limits
        self._span = span
        self._waited_s = 0.0

    def open(self) -> VideoInfo:
        """Read what the video is.

        Raises:
            RejectedInput: see :class:`photofinish.analysis.video.video_reader.VideoReader`; also `too_much_memory`,
                `decoding_took_too_long` or `decoder_failed`.
            Unavailable: the system ended the process, or no process starts.
            DecoderBug: a bug of the decoder.
        """
        self.await_ready()
        answer = self._asked(open_line(OpenRequest(size_bytes=self._size_bytes, limits=self._limits, span=self._span)))
        if not isinstance(answer, VideoInfo):
            raise self._failed("it does not say what the video is")
        return answer

    def looks(self) -> Iterator[Look]:
        """Yield the video's frames after :meth:`open`, see :meth:`VideoReader.looks`. Raises as `open` does."""
        while True:
            answer = self._asked(_GO_ON)
            match answer:
                case End():
                    return
                case LookAnswer():
                    self._check_limits(answer.at_s)
                    yield self._look(answer)
                case _:
                    raise self._failed("it gives no frames")

    def _asked(self, line: bytes) -> VideoAnswer:
        """Send a line, serve what the process reads of the file until it answers, and return its answer."""
        try:
            if self._is_readable(0):
                raise self._failed("it spoke before it was asked") if not self.has_ended else DecoderEnded("it ended")
            self._write(line)
            while True:
                began = time.monotonic()
                answer = parse_video_answer(self._read_line(began + _ANSWER_S))
                self._waited_s += time.monotonic() - began
                if not isinstance(answer, WantedRange):
                    break
                self._serve(answer)
        except MalformedAnswer as error:
            raise self._failed(f"its answer makes no sense ({error})") from error
        except TimeoutError:
            self.end()
            raise took_too_long() from None
        except DecoderEnded as ended:
            raise self._reason() from ended
        match answer:
            case RejectedInput():
                raise answer
            case Failed(traceback=trace):
                raise DecoderBug(f"in the process that decodes videos:\n{trace}")
        return answer

    def _check_limits(self, at_s: float) -> None:
        try:
            self._limits.check_effort(self._waited_s, at_s - (0.0 if self._span is None else self._span.start_s))
            self._limits.check_duration(at_s)
        except RejectedInput:
            self.end()
            raise

    def _serve(self, wanted: WantedRange) -> None:
        if not 0 < wanted.size_bytes <= RANGE_BYTES or wanted.offset + wanted.size_bytes > self._size_bytes:
            raise MalformedAnswer("a range that the file does not have")
        content = self._fetch(wanted.offset, wanted.size_bytes)
        if len(content) != wanted.size_bytes:
            raise Unavailable(
                f"the video's file gave {len(content)} bytes instead of {wanted.size_bytes} from {wanted.offset} on: "
                "it may have been overwritten meanwhile"
            )
        self._shared[: len(content)] = content
        self._write(_GO_ON)

    def _look(self, answer: LookAnswer) -> Look:
        height, width = answer.height, answer.width
        if not (0 < height <= MAX_FRAME_SIDE and 0 < width <= MAX_FRAME_SIDE and answer.changes):
            raise self._failed("a frame of an impossible size")
        pixels = np.frombuffer(self._shared, np.uint8, height * width * 3, FRAME_AT)
        return Look(
            frame=pixels.reshape(height, width, 3).copy(),
            at_s=answer.at_s,
            sharpness=answer.sharpness,
            changes=answer.changes,
            frames=answer.frames,
        )

    def _reason(self) -> Exception:
        """Why a process ended by itself."""
        match -self.end():
            case signal.SIGXCPU:
                return took_too_long()
            case signal.SIGKILL:  # no video can do that
                return Unavailable("the system ended the process that decodes a video, perhaps because memory is short")
        return _crashed("it ended")

    def _failed(self, why: str) -> RejectedInput:
        self.end()
        return _crashed(why)


def _crashed(why: str) -> RejectedInput:
    log.warning("a process that decoded a video failed: %s", why)
    return RejectedInput(
        "decoder_failed", "The program that decodes videos crashes on this file. Export it as MP4 with H.264."
    )
