"""A process of ours that can do nothing but compute, and speak with this one through pipes and shared memory."""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from photofinish.analysis.decoders import messages
from photofinish.analysis.decoders.lines import MalformedAnswer
from photofinish.analysis.decoders.messages import InForce
from photofinish.errors import Unavailable

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
    """The decoder process ended, or was ended because it answered nonsense. It may not be the file's fault."""


class DecoderKilled(DecoderEnded):
    """The system ended the decoder process (SIGKILL), as it does where memory is short. No file can do that."""


class DecoderBug(Exception):
    """The decoder failed on a file by a bug of ours or of a library; the message is its traceback."""


class ConfinedProcess:
    """One process that gives up its rights before it answers. Only one thread may use it at a time.

    The kernel may end it together with the thread that created it.
    """

    def __init__(self, memory_bytes: int, program: Sequence[str], *, shared_bytes: int, purpose: str) -> None:
        """Start `program` without waiting until it is ready; `purpose` completes "a process that …" in messages.

        Raises:
            Unavailable: the system starts no process.
        """
        self._purpose = purpose
        descriptor = _anonymous_file(shared_bytes)
        try:
            self._shared = mmap.mmap(descriptor, shared_bytes)
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
            raise Unavailable(f"a process that {purpose} cannot be started: {error}") from error
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
        """Wait until the process is confined and takes requests; return what confines it.

        Raises:
            Unavailable: it ended instead, or takes too long.
        """
        if self._in_force is None:
            try:
                self._in_force = messages.parse_ready(self._read_line(time.monotonic() + _START_S))
            except (DecoderEnded, TimeoutError, MalformedAnswer) as error:
                self.end()
                why = self._last_words() or str(error)
                raise Unavailable(f"the process that {self._purpose} does not start: {why}") from error
        return self._in_force

    def end(self) -> int:
        """End the process and return how it ended; once more does nothing more."""
        self._process.kill()
        status = self._process.wait(timeout=_END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return status

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


def _anonymous_file(size: int) -> int:
    """A file without a name that is only in memory where the system has such files; nothing is written to it here."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("decoded")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
