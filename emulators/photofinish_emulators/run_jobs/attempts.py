"""Starts, watches and ends the processes that run attempts; run_attempt.py is what they execute."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path

from photofinish_emulators.run_jobs.run_attempt import Command, Ending

RUN_ATTEMPT = Path(__file__).with_name("run_attempt.py")
POLL_S = 0.1


class Attempt:
    """One attempt, in its own directory. It is running as long as its process holds the lock file there."""

    def __init__(self, directory: Path, process: asyncio.subprocess.Process | None = None) -> None:
        self.directory = directory
        self._process = process  # None for one that an earlier server started

    @classmethod
    async def start(cls, directory: Path, command: Command) -> Attempt:
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "lock").open("w") as lock, (directory / "log").open("ab") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # The new process inherits the locked file, so the lock is never released in between.
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(RUN_ATTEMPT), str(directory), str(lock.fileno())),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,  # errors of the recorder itself
                pass_fds=[lock.fileno()],
                env={},
                start_new_session=True,
            )
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(command).encode())
            await process.stdin.drain()
            process.stdin.close()
        except ConnectionError:  # it died at once, and `wait` will find no outcome
            process.stdin.close()
        return cls(directory, process)

    async def wait(self) -> Ending:
        """Wait for the end; an attempt that was killed together with its recorder counts as killed."""
        if self._process is not None:
            await self._process.wait()
        else:
            while self.is_running():
                await asyncio.sleep(POLL_S)
        try:
            ending: Ending = json.loads((self.directory / "outcome.json").read_bytes())
        except FileNotFoundError:
            return Ending(exit_code=None, signal=int(signal.SIGKILL), error=None, timed_out=False, ended=time.time())
        return ending

    def is_running(self) -> bool:
        try:
            with (self.directory / "lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    async def terminate(self) -> None:
        """Send SIGTERM to the command, and after the grace period SIGKILL to all its processes. Does not wait."""
        pid = await self._pid()
        if pid is not None and self.is_running():
            os.kill(pid, signal.SIGTERM)

    async def kill(self) -> None:
        """Send SIGKILL to all processes of the attempt, and to its recorder."""
        pid = await self._pid()
        if pid is not None and self.is_running():
            os.killpg(pid, signal.SIGKILL)

    async def _pid(self) -> int | None:
        if self._process is not None:
            return self._process.pid if self._process.returncode is None else None
        while self.is_running():
            written = (self.directory / "lock").read_text()
            if written:
                return int(written)
            await asyncio.sleep(POLL_S)
        return None
