"""This side of one decoder process: start it, give it a picture, take the pixels or end it."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence

import numpy as np

from photofinish.analysis.decoders import messages
from photofinish.analysis.decoders.confined_process import ConfinedProcess, DecoderBug, DecoderEnded, DecoderKilled
from photofinish.analysis.decoders.lines import MalformedAnswer
from photofinish.analysis.decoders.messages import Answer, Decoded, Failed, Request
from photofinish.analysis.imaging.decoded import DecodedPhoto, Limits
from photofinish.domain.work import MAX_PHOTO_BYTES
from photofinish.errors import RejectedInput

__all__ = ["PROGRAM", "SHARED_BYTES", "DecoderBug", "DecoderEnded", "DecoderKilled", "DecoderProcess"]

PROGRAM = ("-m", "photofinish.analysis.decoders.program")
# The file, or the pixels and the colour profile of the picture. Only what was written once takes memory. Pictures above
# the limit are halved, and each side is rounded up.
SHARED_BYTES = max(MAX_PHOTO_BYTES, int(Limits().max_decoded_pixels * 3 * 1.1) + 20_000_000)


class DecoderProcess(ConfinedProcess):
    """One process that decodes one picture after the other. Only one thread may use it at a time."""

    def __init__(self, memory_bytes: int, program: Sequence[str] = PROGRAM) -> None:
        """Start `program` without waiting until it is ready.

        Raises:
            Unavailable: the system starts no process.
        """
        super().__init__(memory_bytes, program, shared_bytes=SHARED_BYTES, purpose="decodes pictures")

    def decode(self, content: bytes, limits: Limits) -> DecodedPhoto:
        """Decode the file `content`, which is within the limit of bytes.

        Raises:
            RejectedInput: as :func:`photofinish.analysis.imaging.decoding.decode`, `too_much_memory`, or
                `decoding_took_too_long` after which the process has ended.
            DecoderEnded: it has ended; DecoderKilled if the system ended it.
            DecoderBug: it goes on.
        """
        self._check_silent()
        self._shared[: len(content)] = content
        deadline = time.monotonic() + limits.max_decode_s
        try:
            self._write(messages.request_line(Request(file_bytes=len(content), limits=limits)))
            answer = messages.parse_answer(self._read_line(deadline))
            return self._taken(answer)
        except MalformedAnswer as error:
            self.end()
            raise DecoderEnded(f"its answer makes no sense ({error})") from error
        except TimeoutError:
            self.end()
            raise _took_too_long(limits) from None
        except DecoderEnded:
            match -self.end():
                case signal.SIGXCPU:
                    raise _took_too_long(limits) from None
                case signal.SIGKILL:
                    raise DecoderKilled("the system ended it, perhaps because memory is short") from None
            raise

    def _taken(self, answer: Answer) -> DecodedPhoto:
        match answer:
            case RejectedInput():
                raise answer
            case Failed(traceback=trace):
                raise DecoderBug(f"in the decoder process:\n{trace}")
            case Decoded():
                return self._photo(answer)

    def _photo(self, answer: Decoded) -> DecodedPhoto:
        if not answer.pixel_bytes or answer.total_bytes > SHARED_BYTES:
            raise MalformedAnswer("a picture of an impossible size")
        # Copied, because the next picture is written to the same place. Memory that both keep would cost more: its
        # pages would be new for each picture, and a decoder could change pictures that it gave away.
        shared = np.frombuffer(self._shared, np.uint8, answer.pixel_bytes)
        image = shared.reshape(answer.height, answer.width, 3).copy()
        return DecodedPhoto(
            image=image,
            info=answer.info,
            colour_profile=self._shared[answer.pixel_bytes : answer.total_bytes] or None,
            warnings=answer.warnings,
            doubtful_orientation=answer.doubtful_orientation,
        )


def _took_too_long(limits: Limits) -> RejectedInput:
    return RejectedInput(
        "decoding_took_too_long",
        f"Decoding this picture takes more than {limits.max_processor_s} seconds, far longer than photos take. "
        "Export it as an ordinary JPEG.",
    )
