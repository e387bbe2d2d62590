"""A server of the local cloud as a separate process: started, killed, and restarted on the same port and state."""

from __future__ import annotations

import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from support.waiting import DEADLINE_S


class EmulatorProcess:
    """``python -m photofinish_emulators NAME`` on ``state_dir``, with its log in `log_path`; runs inside ``with``."""

    def __init__(self, name: str, state_dir: Path, options: Sequence[str] = ()) -> None:
        self.state_dir = state_dir
        self.log_path = state_dir.with_name(state_dir.name + ".log")
        self.port = 0
        self.options = list(options)
        self._name = name
        self._process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self) -> float:
        """Start it and wait until it is ready; return how many seconds that took.

        Raises:
            AssertionError: it ended, or was not ready in time; the message has the end of its log.
        """
        began_s = time.monotonic()
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "photofinish_emulators", self._name, "--state-dir", str(self.state_dir)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port), *self.options], stdout=subprocess.PIPE, stderr=log, text=True
            )
        line = _first_line(self._process)
        ready = re.fullmatch(r"ready 127\.0\.0\.1:(\d+)\n", line)
        if ready is None:
            self.kill()
            raise AssertionError(
                f"{self._name} printed {line!r} instead of its ready line; its log:\n{self.log_tail()}"
            )
        self.port = int(ready[1])
        return time.monotonic() - began_s

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; return the exit status. Does nothing if it does not run."""
        return self._end(signal.SIGTERM)

    def restart(self) -> float:
        """kill -9 and start again, on the same port and state."""
        self.kill()
        return self.start()

    def wait(self) -> int:
        """Wait until it ends by itself; return the exit status."""
        assert self._process is not None, "the server is not running"
        return self._process.wait(DEADLINE_S)

    def log_tail(self) -> str:
        return "\n".join(self.log_path.read_text().splitlines()[-20:])

    def _end(self, signum: int) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(signum)
        try:
            return process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{self._name} did not stop within {DEADLINE_S:g} s; see {self.log_path}") from None
        finally:
            assert process.stdout is not None
            process.stdout.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def slowness() -> float:
    """How many times longer a Python process takes to start here than on an idle machine; at least 1."""
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", "import google.pubsub_v1, grpc"], check=True)
    return max(1.0, (time.monotonic() - began_s) / 0.5)


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(DEADLINE_S):
            return f"nothing within {DEADLINE_S:g} s"
    return process.stdout.readline()
