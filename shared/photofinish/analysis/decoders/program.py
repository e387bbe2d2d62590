"""The program of a decoder process: `python -I -m photofinish.analysis.decoders.program SHARED_MEMORY_FD MEMORY_BYTES`.

Requests come through standard input, answers leave through standard output; both are pipes to the process that started
it. The end of the requests ends the program.
"""

from __future__ import annotations

import mmap
import os
import sys
import time
import traceback
from collections.abc import Callable

import cv2
import numpy as np

from photofinish.analysis.decoders import confinement, messages
from photofinish.analysis.decoders.messages import Answer, Failed, Request
from photofinish.analysis.imaging.decoded import DecodedPhoto, Limits
from photofinish.analysis.imaging.decoding import decode, prepare
from photofinish.errors import RejectedInput

Decode = Callable[[bytes, Limits], DecodedPhoto]


def main() -> None:
    serve(lambda content, limits: decode(content, limits=limits))


def serve(decode_picture: Decode) -> None:
    """Answer requests until there are no more."""
    shared_fd, memory_bytes = map(int, sys.argv[1:])
    shared = mmap.mmap(shared_fd, os.fstat(shared_fd).st_size)
    os.close(shared_fd)
    answers = take_standard_output()
    _load_everything()
    silence(2)  # from here on a picture determines what libraries say
    in_force = confinement.confine(memory_bytes)
    send(answers, messages.ready_line(in_force))
    for line in sys.stdin.buffer:
        request = messages.parse_request(line)
        send(answers, messages.answer_line(_answer(shared, request, decode_picture, memory_bytes)))


def _answer(shared: mmap.mmap, request: Request, decode_picture: Decode, memory_bytes: int) -> Answer:
    confinement.limit_processor_time(request.limits.max_processor_s)
    try:
        photo = decode_picture(shared[: request.file_bytes], request.limits)
        answer = messages.decoded_answer(photo)
        if answer.total_bytes > len(shared):
            raise MemoryError
        pixels = np.frombuffer(shared, np.uint8, answer.pixel_bytes).reshape(photo.image.shape)
        np.copyto(pixels, photo.image)
        if photo.colour_profile:
            shared[answer.pixel_bytes : answer.total_bytes] = photo.colour_profile
        return answer
    except RejectedInput as rejection:
        return rejection
    except MemoryError:
        return RejectedInput(
            "too_much_memory",
            f"Decoding this picture takes more than {memory_bytes / 1e6:,.0f} MB of memory. "
            "Export it as an ordinary JPEG, or in a smaller size.",
        )
    except Exception:  # noqa: BLE001 - a bug; the other process logs it and goes on
        return Failed(traceback=traceback.format_exc())


def take_standard_output() -> int:
    """Return a file descriptor for answers, which libraries cannot print into."""
    answers = os.dup(1)
    silence(1)
    return answers


def silence(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _load_everything() -> None:
    """Load what would otherwise be loaded with the first picture, when no file can be opened any more."""
    cv2.setNumThreads(1)
    prepare()
    time.localtime()  # the time zone
    traceback.format_exc()


def send(answers: int, line: bytes) -> None:
    while line:
        line = line[os.write(answers, line) :]


if __name__ == "__main__":
    main()
