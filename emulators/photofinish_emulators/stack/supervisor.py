"""Keeps the pieces of a stack running: starts them in order, restarts those that die, stops them in reverse order."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photofinish_emulators.stack.process import Piece, PieceFailed, ReadyExit, RunningPiece
from photofinish_emulators.stack.state import PieceState, PieceStatus, StackState, StackStatus

log = logging.getLogger(__name__)
# A piece that dies is restarted after 0.2 s, 0.4 s, …; after more consecutive failures than these, the stack stops.
MAX_FAILURES = 6
MAX_FAILURES_BEFORE_READY = 2  # a piece that was never ready is probably misconfigured
FIRST_DELAY_S = 0.2
MAX_DELAY_S = 5.0
# After running this long, a piece counts as healthy, and its earlier failures are forgotten.
STABLE_S = 30.0
STACK = "stack"
# A status that could not be written, since the disk was full, is written again after so long.
WRITE_AGAIN_S = 2.0
FULL_BELOW_BYTES = 16_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A new state of a piece, or of the `STACK` as a whole."""

    name: str
    state: PieceState | StackState
    detail: str = ""


class StackFailed(Exception):
    """A piece does not run; the message has its name, its log file and the end of its output."""


def disk_is_full(folder: Path) -> bool:
    """Whether servers cannot be expected to run here for want of space."""
    return shutil.disk_usage(folder).free < FULL_BELOW_BYTES


class Supervisor:
    """Runs on one event loop, and writes ``status`` to the state directory at every change.

    On a full disk it goes on: pieces that fail are started again until there is space.
    """

    def __init__(
        self,
        pieces: Iterable[Piece],
        state_dir: Path,
        status: StackStatus,
        on_event: Callable[[Event], None],
        *,
        is_full: Callable[[Path], bool] = disk_is_full,
    ) -> None:
        self._pieces = {piece.name: piece for piece in pieces}
        self._state_dir = state_dir
        self._logs = state_dir / "logs"
        self._on_event = on_event
        self._is_full = is_full
        self._running: dict[str, RunningPiece] = {}
        self._ready = {name: asyncio.Event() for name in self._pieces}
        self._status = status
        self._is_written = True
        for piece in self._pieces.values():
            log = "" if piece.argv is None else str(self._logs / f"{piece.name}.log")
            status.pieces[piece.name] = PieceStatus(address=piece.address, log=log)

    async def run(self, stop: asyncio.Event, once_ready: Callable[[], Awaitable[None]]) -> None:
        """Run until ``stop`` is set; start ``once_ready`` when every piece is ready for the first time.

        Raises:
            StackFailed: a piece failed too often; everything is stopped by then.
        """
        self._logs.mkdir(exist_ok=True)
        pieces = {asyncio.create_task(self._keep_running(piece), name=piece.name) for piece in self._pieces.values()}
        stopping = asyncio.create_task(stop.wait())
        getting_ready = asyncio.create_task(self._all_ready(once_ready))
        try:
            watched: set[asyncio.Task[Any]] = {*pieces, stopping, getting_ready}
            while not stopping.done():
                done, watched = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED, timeout=WRITE_AGAIN_S)
                if not self._is_written:
                    self._write()
                for task in done:
                    task.result()  # raises its exception
            self._set_stack("stopping")
        except Exception as error:
            self._set_stack("failed", str(error))
            raise
        finally:
            for task in (*pieces, stopping, getting_ready):
                task.cancel()
            await asyncio.gather(*pieces, stopping, getting_ready, return_exceptions=True)
            await self._stop_all()
        self._set_stack("stopped")

    async def _all_ready(self, once_ready: Callable[[], Awaitable[None]]) -> None:
        for ready in self._ready.values():
            await ready.wait()
        self._set_stack("ready")
        await once_ready()

    async def _keep_running(self, piece: Piece) -> None:
        for name in piece.after:
            await self._ready[name].wait()
        if piece.argv is None:
            self._set(piece, "external")
            self._ready[piece.name].set()
            return
        failures = 0
        while True:
            began = time.monotonic()
            try:
                running = await self._start(piece)
                if isinstance(piece.ready, ReadyExit):
                    await self._end(running)
                    self._set(piece, "done")
                    self._ready[piece.name].set()
                    return
                self._set(piece, "ready")
                self._ready[piece.name].set()
                reason = await running.wait_end()
            except PieceFailed as error:
                reason = str(error)
            if piece.name in self._running:
                await self._end(self._running[piece.name])
            failures = 1 if time.monotonic() - began > STABLE_S else failures + 1
            allowed = MAX_FAILURES if self._ready[piece.name].is_set() else MAX_FAILURES_BEFORE_READY
            if failures > allowed == MAX_FAILURES and self._is_full(self._state_dir):
                failures = allowed
                reason = f"{reason}\nThe disk of {self._state_dir} is full: free some space, and it goes on."
            if failures > allowed or isinstance(piece.ready, ReadyExit):
                self._set(piece, "failed", reason)
                raise StackFailed(f"{piece.name} {reason}\nIts log: {self._status.pieces[piece.name].log}")
            self._status.pieces[piece.name].restarts += 1
            self._set(piece, "restarting", reason)
            await asyncio.sleep(min(FIRST_DELAY_S * 2 ** (failures - 1), MAX_DELAY_S))

    async def _start(self, piece: Piece) -> RunningPiece:
        """Start the process of ``piece`` and wait until it is ready."""
        self._set(piece, "starting")
        try:
            if piece.prepare is not None:
                await asyncio.to_thread(piece.prepare)
            running = await RunningPiece.start(piece, self._logs / f"{piece.name}.log")
            self._running[piece.name] = running
            self._set(piece, "starting")  # now with its process id, in case this process is killed
            await running.wait_ready()
            if piece.once_ready is not None:
                await asyncio.to_thread(piece.once_ready)
        except PieceFailed:
            raise
        except Exception as error:
            raise PieceFailed(f"cannot be made ready: {error}") from error
        return running

    async def _end(self, running: RunningPiece) -> None:
        await running.stop()
        del self._running[running.piece.name]

    async def _stop_all(self) -> None:
        """Stop all pieces, each after those that depend on it."""
        while self._running:
            used = {name for running in self._running for name in self._dependencies(running)}
            unused = [running for name, running in self._running.items() if name not in used]
            await asyncio.gather(*(self._end(running) for running in unused))
            for running in unused:
                self._set(running.piece, "stopped")

    def _dependencies(self, name: str) -> set[str]:
        """All pieces that must be ready before ``name`` starts, direct and indirect."""
        direct = set(self._pieces[name].after)
        return direct.union(*(self._dependencies(other) for other in direct))

    def _set(self, piece: Piece, state: PieceState, detail: str = "") -> None:
        status = self._status.pieces[piece.name]
        running = self._running.get(piece.name)
        identity = running.identity if running is not None else None
        status.pid = identity.pid if identity is not None else None
        status.start = identity.start if identity is not None else None
        if (status.state, status.detail) != (state, detail):
            status.state, status.detail = state, detail
            self._on_event(Event(name=piece.name, state=state, detail=detail))
        self._write()

    def _set_stack(self, state: StackState, message: str = "") -> None:
        self._status.state, self._status.message = state, message
        self._write()
        self._on_event(Event(name=STACK, state=state, detail=message))

    def _write(self) -> None:
        """Write the status; a disk that is full must not end what runs."""
        try:
            self._status.write(self._state_dir)
        except OSError as error:
            if self._is_written:
                log.warning("the status cannot be written to %s: %s; trying again", self._state_dir, error)
            self._is_written = False
        else:
            self._is_written = True
