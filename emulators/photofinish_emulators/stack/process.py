"""One piece of a stack: starting its process, waiting until it is ready, ending it."""

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

import psutil

from photofinish_emulators.common.bounded_log import BoundedLog
from photofinish_emulators.common.parent_death import die_with_parent
from photofinish_emulators.common.processes import ProcessIdentity, identify, is_alive

log = logging.getLogger(__name__)
MAX_LOG_BYTES = 4 * 1024 * 1024
READ_BYTES = 65536
POLL_S = 0.05
TAIL_BYTES = 2000
LAST_OUTPUT_TIMEOUT_S = 1.0
ANSWER_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyLine:
    """Ready once its output contains ``text``."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyPort:
    """Ready once 127.0.0.1:``port`` accepts connections."""

    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyAnswer:
    """Ready once a GET of ``path`` at 127.0.0.1:``port`` is answered with 200, as Cloud Run's startup probe asks.

    gunicorn accepts connections before its workers run, and goes on to while they cannot start.
    """

    port: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyExit:
    """Runs once; done when it has exited with 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A server, function or command of the stack.

    ``argv`` is None for an external server, which is used but neither started nor stopped.
    """

    name: str
    argv: tuple[str, ...] | None
    ready: ReadyLine | ReadyPort | ReadyAnswer | ReadyExit = field(default_factory=ReadyExit)
    after: tuple[str, ...] = ()  # pieces that must be ready before this one starts
    env: dict[str, str] = field(default_factory=dict)  # the complete environment
    cwd: Path = Path("/")
    address: str = ""
    run_as: dict[str, Any] = field(default_factory=dict)  # user and group, as arguments of subprocess
    prepare: Callable[[], None] | None = None  # called before each start of the process, in a thread
    once_ready: Callable[[], None] | None = None  # called after each start, in a thread, before it counts as ready
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 15.0
    ready_timeout_s: float = 60.0


class PieceFailed(Exception):
    """The process did not become ready; the message has the reason and the end of its output."""


class RunningPiece:
    """The process of a piece, in its own session.

    On Linux, the process gets its stop signal when this one ends, even if this one is killed.
    """

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
        # Not asyncio's pipe: with that, `wait` would not return while a grandchild holds the pipe open.
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
        """Wait until the piece is ready.

        Raises:
            PieceFailed: the process ended before it was ready, or took too long.
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
        """Wait for the end of the process; return a description of how it ended."""
        return f"{_ending(await self._process.wait())}{await self._last_output()}"

    async def stop(self) -> None:
        """Stop the process, and kill it if it takes too long; then kill what it left running."""
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
        """Kill the processes that an ended process left running, and close its log."""
        with suppress(ProcessLookupError):  # the usual case: there are none
            os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.wait({self._pump}, timeout=LAST_OUTPUT_TIMEOUT_S)
        self._pump.cancel()  # a process in another session may hold the pipe open
        self._log.close()

    async def _become_ready(self) -> None:
        match self.piece.ready:
            case ReadyLine():
                await self._line_seen.wait()
            case ReadyPort(port=port):
                while not await _accepts(port):
                    await asyncio.sleep(POLL_S)
            case ReadyAnswer(port=port, path=path):
                while not await _answers(port, path):
                    await asyncio.sleep(POLL_S)
            case ReadyExit():
                await asyncio.Event().wait()  # ready when it ends, not before

    async def _copy_output(self, output: int) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        file = os.fdopen(output, "rb")
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        ready_text = self.piece.ready.text.encode() if isinstance(self.piece.ready, ReadyLine) else None
        try:
            while data := await reader.read(READ_BYTES):
                try:
                    self._log.write(data)
                except OSError as error:  # with a full disk, keep reading: the piece would block on a full pipe
                    log.error("output of %s is lost: %s", self.piece.name, error)
                seen = self._tail + data
                if ready_text is not None and ready_text in seen:
                    self._line_seen.set()
                self._tail = seen[-TAIL_BYTES:]
        finally:
            transport.close()

    async def _last_output(self) -> str:
        """The end of the output, as the continuation of an error message."""
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


async def _answers(port: int, path: str) -> bool:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request.encode())
                return (await reader.readline()).split()[1:2] == [b"200"]
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def end_orphans(identities: Iterable[ProcessIdentity], timeout_s: float) -> None:
    """End the processes that an earlier supervisor left running, on systems where they do not end with it.

    Those still alive after `timeout_s` are killed with their process groups. What is left of a group whose leader has
    ended is killed at once: workers of a function notice that late, and have its port until then.
    """
    leaders = list(identities)
    alive = [identity for identity in leaders if is_alive(identity)]
    for identity in alive:
        _signal(identity, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while (alive := [identity for identity in alive if is_alive(identity)]) and time.monotonic() < deadline:
        await asyncio.sleep(POLL_S)
    for identity in alive:
        _signal(identity, signal.SIGKILL)
    while any(is_alive(identity) for identity in alive):
        await asyncio.sleep(POLL_S)
    while left := _groups_without_leader(leaders):
        for group in left:
            with suppress(ProcessLookupError):  # they have ended
                os.killpg(group, signal.SIGKILL)
        await asyncio.sleep(POLL_S)


def _groups_without_leader(leaders: Iterable[ProcessIdentity]) -> set[int]:
    """Groups of these leaders that live on without them. Their ids are not given to other processes meanwhile."""
    ended = {leader.pid for leader in leaders if leader.pid > 0 and identify(leader.pid) is None}
    found = set()
    for process in psutil.process_iter(["status"]):
        with suppress(ProcessLookupError):
            group = os.getpgid(process.pid)
            if group in ended and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.add(group)
    return found


def _signal(identity: ProcessIdentity, signum: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has ended
        if signum == signal.SIGKILL:
            os.killpg(identity.pid, signum)  # each was started as the leader of its group
        else:
            os.kill(identity.pid, signum)
