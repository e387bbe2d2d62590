"""One piece of a stack: how it is started, when it is ready, how it is ended."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from photofinish_emulators.common.bounded_log import BoundedLog
from photofinish_emulators.common.parent_death import die_with_parent
from photofinish_emulators.common.processes import ProcessIdentity, identify, is_alive

log = logging.getLogger(__name__)
MAX_LOG_BYTES = 4 * 1024 * 1024
READ_BYTES = 65536
POLL_S = 0.05
TAIL_BYTES = 2000
LAST_OUTPUT_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyLine:
    """It is ready once its output contains ``text``."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyPort:
    """It is ready once 127.0.0.1:``port`` takes connections."""

    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyExit:
    """It runs once, and is done when it has ended with 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of the stack. ``argv`` None is one that runs elsewhere and is only used."""

    name: str
    argv: tuple[str, ...] | None
    ready: ReadyLine | ReadyPort | ReadyExit = field(default_factory=ReadyExit)
    after: tuple[str, ...] = ()  # pieces that are ready before this one starts
    env: dict[str, str] = field(default_factory=dict)  # all of it
    cwd: Path = Path("/")
    address: str = ""
    run_as: dict[str, Any] = field(default_factory=dict)  # user and group, as arguments of subprocess
    prepare: Callable[[], None] | None = None  # before each start of the process, in a thread
    once_ready: Callable[[], None] | None = None  # after each start, in a thread, before others may rely on it
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 15.0
    ready_timeout_s: float = 60.0


class PieceFailed(Exception):
    """The process did not become ready; the message says why, with the end of its output."""


class RunningPiece:
    """The process of a piece, in a session of its own; it dies with this process, however that ends."""

    def __init__(self, piece: Piece, process: asyncio.subprocess.Process, log_file: BoundedLog, output: int) -> None:
        self.piece = piece
        self.identity: ProcessIdentity | None = identify(process.pid)
        self._process = process
        self._log = log_file
        self._tail = b""
        self._line_seen = asyncio.Event()
        self._pump = asyncio.create_task(self._copy_output(output), name=f"output of {piece.name}")

    @classmethod
    async def start(cls, piece: Piece, log_file: Path) -> RunningPiece:
        assert piece.argv is not None
        # A pipe of our own: asyncio's would keep `wait` from answering while a grandchild holds it open.
        read, write = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *piece.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                env=piece.env,
                cwd=piece.cwd,
                start_new_session=True,
                preexec_fn=die_with_parent(piece.stop_signal),
                **piece.run_as,
            )
        except OSError as error:
            os.close(read)
            raise PieceFailed(f"cannot start {piece.argv[0]}: {error}") from error
        finally:
            os.close(write)
        return cls(piece, process, BoundedLog(log_file, MAX_LOG_BYTES), read)

    async def wait_ready(self) -> None:
        """Return once it is ready.

        Raises:
            PieceFailed: it ended before, or took too long.
        """
        ended = asyncio.create_task(self._process.wait())
        ready = asyncio.create_task(self._become_ready())
        try:
            await asyncio.wait({ended, ready}, timeout=self.piece.ready_timeout_s, return_when=asyncio.FIRST_COMPLETED)
            is_ready, is_over = ready.done(), ended.done()
        finally:
            ended.cancel()
            ready.cancel()
        if is_over and isinstance(self.piece.ready, ReadyExit) and self._process.returncode == 0:
            return
        if is_over:
            raise PieceFailed(await self.wait_end())
        if not is_ready:
            raise PieceFailed(f"not ready after {self.piece.ready_timeout_s:g} s{await self._last_output()}")

    async def wait_end(self) -> str:
        """How it ended, in words."""
        return f"{_ending(await self._process.wait())}{await self._last_output()}"

    async def stop(self) -> None:
        """Ask it to stop; kill it, and whatever it left running, when it takes too long."""
        if self._process.returncode is None:
            self._process.send_signal(self.piece.stop_signal)
            try:
                async with asyncio.timeout(self.piece.stop_timeout_s):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        await self.clear()

    async def clear(self) -> None:
        """Kill what an ended process left running, and close its log."""
        with suppress(ProcessLookupError):  # the usual case: nothing was left
            os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.wait({self._pump}, timeout=LAST_OUTPUT_TIMEOUT_S)
        self._pump.cancel()  # somebody in another session may hold the pipe open
        self._log.close()

    async def _become_ready(self) -> None:
        match self.piece.ready:
            case ReadyLine():
                await self._line_seen.wait()
            case ReadyPort(port=port):
                while not await _accepts(port):
                    await asyncio.sleep(POLL_S)
            case ReadyExit():
                await asyncio.Event().wait()  # only its end tells

    async def _copy_output(self, output: int) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        file = os.fdopen(output, "rb")
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        wanted = self.piece.ready.text.encode() if isinstance(self.piece.ready, ReadyLine) else None
        try:
            while data := await reader.read(READ_BYTES):
                try:
                    self._log.write(data)
                except OSError as error:  # a full disk must not stop the piece by an output that nobody takes
                    log.error("output of %s is lost: %s", self.piece.name, error)
                seen = self._tail + data
                if wanted is not None and wanted in seen:
                    self._line_seen.set()
                self._tail = seen[-TAIL_BYTES:]
        finally:
            transport.close()

    async def _last_output(self) -> str:
        """The end of the output, to put behind a sentence."""
        if self._process.returncode is not None:
            await asyncio.wait({self._pump}, timeout=LAST_OUTPUT_TIMEOUT_S)
        text = self._tail.decode(errors="replace").strip()
        return f"; the end of its output:\n{text}" if text else ""


def _ending(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def end_orphans(identities: Iterable[ProcessIdentity], timeout_s: float) -> None:
    """End processes of an earlier supervisor, where the system did not end them with it."""
    alive = [identity for identity in identities if is_alive(identity)]
    for identity in alive:
        _signal(identity, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while (alive := [identity for identity in alive if is_alive(identity)]) and time.monotonic() < deadline:
        await asyncio.sleep(POLL_S)
    for identity in alive:
        _signal(identity, signal.SIGKILL)
    while any(is_alive(identity) for identity in alive):
        await asyncio.sleep(POLL_S)


def _signal(identity: ProcessIdentity, signum: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it ended by itself
        if signum == signal.SIGKILL:
            os.killpg(identity.pid, signum)  # each was started as the leader of its group
        else:
            os.kill(identity.pid, signum)
