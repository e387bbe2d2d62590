"""This side of one decoder process: start it, give it a picture, take the pixels or end it."""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np

from photofinish.analysis.decoders import messages
from photofinish.analysis.decoders.messages import Answer, Decoded, Failed, InForce, MalformedAnswer, Request
from photofinish.analysis.imaging.decoded import DecodedPhoto, Limits
from photofinish.domain.work import MAX_PHOTO_BYTES
from photofinish.errors import RejectedInput, Unavailable

PROGRAM = ("-m", "photofinish.analysis.decoders.program")
# The file, or the pixels and the colour profile of the picture. Only what was written once takes memory. Pictures above
# the limit are halved, and each side is rounded up.
SHARED_BYTES = max(MAX_PHOTO_BYTES, int(Limits().max_decoded_pixels * 3 * 1.1) + 20_000_000)
_START_S = 120.0
_END_S = 10.0
_READ_BYTES = 2**16
# Where the libraries lie, which code OpenBLAS chooses, and the time zone; nothing that is secret.
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "TZ")
_KEPT_BYTES = str(128 * 2**20)
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # Memory of one picture is kept for the next: new pages cost as much as the way to this process and back.
    "MALLOC_MMAP_THRESHOLD_": _KEPT_BYTES,
    "MALLOC_TRIM_THRESHOLD_": _KEPT_BYTES,
}


class DecoderEnded(Exception):
    """The decoder process ended, or was ended because it answered nonsense. It may not be the picture's fault."""


class DecoderKilled(DecoderEnded):
    """The system ended the decoder process (SIGKILL), as it does where memory is short. No picture can do that."""


class DecoderBug(Exception):
    """The decoder failed on a picture by a bug of ours or of a library; the message is its traceback."""


class DecoderProcess:
    """One process that decodes one picture after the other. Only one thread may use it at a time.

    The kernel may end it together with the thread that created it.
    """

    def __init__(self, memory_bytes: int, program: Sequence[str] = PROGRAM) -> None:
        """Start `program` without waiting until it is ready.

        Raises:
            Unavailable: the system starts no process.
        """
        descriptor = _anonymous_file(SHARED_BYTES)
        try:
            self._shared = mmap.mmap(descriptor, SHARED_BYTES)
            self._process = subprocess.Popen(
                [sys.executable, "-I", *program, str(descriptor), str(memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=(descriptor,),
                env=_ENVIRONMENT | {name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the command, which then ends this process
            )
        except OSError as error:
            raise Unavailable(f"a process that decodes pictures cannot be started: {error}") from error
        finally:
            os.close(descriptor)
        self._in_force: InForce | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def await_ready(self) -> InForce:
        """Wait until the process is confined and takes pictures; return what confines it.

        Raises:
            Unavailable: it ended instead, or takes too long.
        """
        if self._in_force is None:
            try:
                self._in_force = messages.parse_ready(self._read_line(time.monotonic() + _START_S))
            except (DecoderEnded, TimeoutError, MalformedAnswer) as error:
                self.end()
                why = self._last_words() or str(error)
                raise Unavailable(f"the process that decodes pictures does not start: {why}") from error
        return self._in_force

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

    def end(self) -> int:
        """End the process and return how it ended; once more does nothing more."""
        self._process.kill()
        status = self._process.wait(timeout=_END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return status

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

    def _check_silent(self) -> None:
        """End a process that says something without having been asked: it would be taken for its next answer."""
        if self._is_readable(0):
            self.end()
            raise DecoderEnded("it said something before it was asked, or ended")

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
        except OSError as error:
            raise DecoderEnded("it takes no requests") from error

    def _read_line(self, deadline: float) -> bytes:
        """Raises DecoderEnded, TimeoutError, or MalformedAnswer for more than a line."""
        assert self._process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            if not self._is_readable(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            part = os.read(self._process.stdout.fileno(), _READ_BYTES)
            if not part:
                raise DecoderEnded("it ended")
            line += part
            if len(line) > messages.MAX_ANSWER_BYTES:
                raise MalformedAnswer("a long answer")
        return line

    def _is_readable(self, timeout_s: float) -> bool:
        assert self._process.stdout is not None
        if self._process.stdout.closed:
            raise DecoderEnded("it was ended")
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))

    def _last_words(self) -> str:
        """The last line that the ended process wrote to standard error."""
        assert self._process.stderr is not None
        lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


def _took_too_long(limits: Limits) -> RejectedInput:
    return RejectedInput(
        "decoding_took_too_long",
        f"Decoding this picture takes more than {limits.max_processor_s} seconds, far longer than photos take. "
        "Export it as an ordinary JPEG.",
    )


def _anonymous_file(size: int) -> int:
    """A file without a name that is only in memory where the system has such files; nothing is written to it here."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("picture")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
