"""The Firestore server as a process of its own, for tests that talk to it with real clients."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

START_DEADLINE_S = 20.0
STOP_DEADLINE_S = 15.0
_READY = re.compile(r"ready (\S+):(\d+)$")


class FirestoreServer:
    """One server on one state directory; keeps its port when it is started again."""

    def __init__(self, state_dir: Path, *, indexes: Path | None = None) -> None:
        self.state_dir = state_dir
        self.log = state_dir.with_name(state_dir.name + ".log")
        self.port = 0
        self._indexes = indexes
        self._process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        """What clients take as ``FIRESTORE_EMULATOR_HOST``."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not started"
        return self._process.pid

    def start(self) -> float:
        """Start it and wait until it is ready; returns how many seconds that took."""
        began_s = time.monotonic()
        command = [sys.executable, "-m", "photofinish_emulators", "--log-level", "WARNING", "firestore"]
        command += ["--state-dir", str(self.state_dir), "--port", str(self.port)]
        if self._indexes is not None:
            command += ["--indexes", str(self._indexes)]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        self.port = self._wait_until_ready(began_s + START_DEADLINE_S)
        return time.monotonic() - began_s

    def kill(self) -> None:
        """``kill -9``."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """Ask it to stop, and make sure that it does; nothing if it does not run."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        self._wait()

    def _wait(self) -> None:
        assert self._process is not None
        try:
            self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_DEADLINE_S)
            raise AssertionError(f"the server did not stop within {STOP_DEADLINE_S} s; see {self.log}") from None
        finally:
            assert self._process.stdout is not None
            self._process.stdout.close()

    def _wait_until_ready(self, deadline_s: float) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(deadline_s - time.monotonic()):
                self._process.kill()
                raise AssertionError(f"no ready line within {START_DEADLINE_S} s; see {self.log}")
        line = self._process.stdout.readline().strip()
        match = _READY.match(line)
        if match is None:
            raise AssertionError(f"not a ready line: {line!r}; the server said: {self.log.read_text()[-2000:]}")
        return int(match[2])


@contextmanager
def running_firestore_server(state_dir: Path, *, indexes: Path | None = None) -> Iterator[FirestoreServer]:
    """A started server, stopped at the end of the block."""
    server = FirestoreServer(state_dir, indexes=indexes)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def emulator_environment(server: FirestoreServer) -> Iterator[None]:
    """Official clients made in the block talk to ``server``."""
    with patch.dict(os.environ, {"FIRESTORE_EMULATOR_HOST": server.address}):
        yield
