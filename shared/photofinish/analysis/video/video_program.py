"""The program that decodes one video: `python -I -m photofinish.analysis.video.video_program SHARED_FD MEMORY_BYTES`.

It has no file, no network and no secret: the video comes in ranges that the process on the other side reads for it.
Each line on standard input after the first one asks for the next second of the video.
"""

from __future__ import annotations

import mmap
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from photofinish.analysis.decoders import confinement, messages
from photofinish.analysis.decoders.messages import Failed
from photofinish.analysis.decoders.program import send, silence, take_standard_output
from photofinish.analysis.video.ranges import RangeFile
from photofinish.analysis.video.video_messages import (
    FRAME_AT,
    End,
    OpenRequest,
    VideoAnswer,
    WantedRange,
    look_answer,
    parse_open,
    video_answer_line,
)
from photofinish.analysis.video.video_reader import Look, VideoReader
from photofinish.errors import RejectedInput


def main() -> None:
    shared_fd, memory_bytes = map(int, sys.argv[1:])
    shared = mmap.mmap(shared_fd, os.fstat(shared_fd).st_size)
    os.close(shared_fd)
    answers = take_standard_output()
    _load_everything()
    silence(2)  # from here on the video determines what FFmpeg says
    in_force = confinement.confine(memory_bytes)
    send(answers, messages.ready_line(in_force))
    first = sys.stdin.buffer.readline()
    if not first:
        return
    request = parse_open(first)
    said = _guarded(_answers(shared, answers, request), memory_bytes)
    for answer in said:
        send(answers, video_answer_line(answer))
        if not sys.stdin.buffer.readline():
            return
        confinement.limit_processor_time(request.limits.max_look_s)


def _answers(shared: mmap.mmap, answers: int, request: OpenRequest) -> Iterator[VideoAnswer]:
    """What the video is, then one look after the other, then the end."""
    confinement.limit_processor_time(request.limits.max_look_s)
    reader = VideoReader(RangeFile(_fetching(shared, answers), request.size_bytes), request.limits)
    yield reader.info
    for look in reader.looks(request.span):
        _share(shared, look)
        yield look_answer(look)
    yield End()


def _guarded(said: Iterator[VideoAnswer], memory_bytes: int) -> Iterator[VideoAnswer]:
    try:
        yield from said
    except RejectedInput as rejection:
        yield rejection
    except (MemoryError, cv2.error) as error:
        if isinstance(error, cv2.error) and error.code != cv2.Error.StsNoMem:
            yield Failed(traceback=traceback.format_exc())
            return
        yield RejectedInput(
            "too_much_memory",
            f"Decoding this video takes more than {memory_bytes / 1e6:,.0f} MB of memory. Export it in a smaller size.",
        )
    except Exception:  # noqa: BLE001 - a bug; the other process logs it and goes on
        yield Failed(traceback=traceback.format_exc())


def _fetching(shared: mmap.mmap, answers: int) -> Callable[[int, int], bytes]:
    def fetch(offset: int, size_bytes: int) -> bytes:
        send(answers, video_answer_line(WantedRange(offset, size_bytes)))
        if not sys.stdin.buffer.readline():
            os._exit(0)  # the other side is gone, and FFmpeg would take this for a damaged video
        return shared[:size_bytes]

    return fetch


def _share(shared: mmap.mmap, look: Look) -> None:
    pixels = np.frombuffer(shared, np.uint8, look.frame.size, FRAME_AT).reshape(look.frame.shape)
    np.copyto(pixels, look.frame)


def _load_everything() -> None:
    """Load what would otherwise be loaded with the first frame, when no file can be opened any more."""
    cv2.setNumThreads(1)
    cv2.videoio_registry.getStreamBufferedBackends()
    time.localtime()
    traceback.format_exc()


if __name__ == "__main__":
    main()
