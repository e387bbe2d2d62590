"""A few decoder processes that stay warm, and what happens when one of them ends."""

from __future__ import annotations

import logging
import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from photofinish.analysis.decoders.messages import InForce
from photofinish.analysis.decoders.process import PROGRAM, SHARED_BYTES, DecoderEnded, DecoderKilled, DecoderProcess
from photofinish.analysis.imaging.decoded import DecodedPhoto, Limits
from photofinish.domain.work import check_size
from photofinish.errors import RejectedInput, Unavailable

log = logging.getLogger(__name__)
DEFAULT_MEMORY_BYTES = 2 * 2**30
"""For one decoder; the largest pictures of the accepted formats take 1.1 GB."""
MAX_WAIT_S = 30.0
_DEFAULT_LIMITS = Limits()
_TRIES = 2


class _Place:
    """Where a decoder process is, or is being started."""

    def __init__(self, process: Future[DecoderProcess]) -> None:
        self.process = process


class DecoderPool:
    """Decodes pictures in `size` separate processes; any number of threads may use it."""

    def __init__(
        self, size: int, *, memory_bytes: int = DEFAULT_MEMORY_BYTES, program: Sequence[str] = PROGRAM
    ) -> None:
        """Begin to start the processes, each of which may use `memory_bytes`; nothing waits for them yet."""
        self._memory_bytes = memory_bytes
        self._program = program
        # One thread that lives as long as this pool starts all processes: the kernel ends them together with it.
        self._starter = ThreadPoolExecutor(1, "decoder-starter")
        self._places: queue.LifoQueue[_Place] = queue.LifoQueue()
        self._is_reported = False
        for _ in range(size):
            self._places.put(_Place(self._start()))

    def decode(self, content: bytes, *, limits: Limits = _DEFAULT_LIMITS) -> DecodedPhoto:
        """Decode the picture in `content`; see :func:`photofinish.analysis.imaging.decoding.decode`.

        A decoder that ends without a reason that is known is replaced, and the picture is tried once more: the system
        may have ended it.

        Raises:
            RejectedInput: as that function; also `decoding_took_too_long`, `too_much_memory` or `decoder_failed`.
            Unavailable: no decoder can be started, all are busy, or the system ended two over this picture.
            DecoderBug: a bug of the decoder.
        """
        check_size(len(content), min(limits.max_file_bytes, SHARED_BYTES))
        was_killed = False
        with self._place() as place:
            for attempt in range(1, _TRIES + 1):
                process = self._ready_process(place)
                try:
                    return process.decode(content, limits)
                except DecoderEnded as ended:
                    was_killed = isinstance(ended, DecoderKilled)
                    place.process = self._start()
                    log.warning("a decoder ended over a picture, attempt %d of %d: %s", attempt, _TRIES, ended)
                except RejectedInput:
                    if process.has_ended:
                        place.process = self._start()
                    raise
        if was_killed:
            raise Unavailable(
                f"the system ended {_TRIES} processes that decoded this picture: memory may be short for "
                f"{self._memory_bytes / 1e6:,.0f} MB for each decoder"
            )
        raise RejectedInput(
            "decoder_failed", "The program that decodes pictures crashes on this file. Export it as an ordinary JPEG."
        )

    def in_force(self) -> InForce:
        """Wait until a decoder is ready, and return what confines it.

        Raises:
            Unavailable: no decoder can be started, or all are busy.
        """
        with self._place() as place:
            return self._ready_process(place).await_ready()

    def close(self) -> None:
        """End all processes; pictures that are being decoded fail."""
        while not self._places.empty():
            place = self._places.get_nowait()
            if place.process.exception() is None:
                place.process.result().end()
        self._starter.shutdown()

    @contextmanager
    def _place(self) -> Iterator[_Place]:
        try:
            place = self._places.get(timeout=MAX_WAIT_S)
        except queue.Empty:
            raise Unavailable(f"too many pictures are being decoded: waited {MAX_WAIT_S:.0f} s") from None
        try:
            yield place
        finally:
            self._places.put(place)

    def _ready_process(self, place: _Place) -> DecoderProcess:
        try:
            process = place.process.result()
            in_force = process.await_ready()
        except Unavailable:
            place.process = self._start()  # for the next picture
            raise
        if not self._is_reported:
            self._is_reported = True
            level = logging.INFO if in_force.seccomp else logging.WARNING
            log.log(level, "pictures are decoded in separate processes: %s", in_force)
        return process

    def _start(self) -> Future[DecoderProcess]:
        return self._starter.submit(DecoderProcess, self._memory_bytes, self._program)
