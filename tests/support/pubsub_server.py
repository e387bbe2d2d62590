"""A Pub/Sub server process of its own: started on a free port, killed, started again on the same port and state."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from google.cloud import pubsub_v1

T = TypeVar("T")
_environment_lock = threading.Lock()  # clients are made on several threads
READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0


class PubsubServer:
    """The server process over ``state_dir``; its log is ``log_path``.

    As a context manager it is started, and stopped at the end. Clients from :meth:`publisher` and :meth:`subscriber`
    are the official ones, made as an application makes them under ``PUBSUB_EMULATOR_HOST``.
    """

    def __init__(self, state_dir: Path, port: int = 0) -> None:
        self.state_dir = state_dir
        self.port = port
        self.log_path = state_dir.with_name(state_dir.name + ".log")
        self._process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self) -> Self:
        """Start the process and wait for its ready line.

        Raises:
            AssertionError: it ended, or was not ready in time; the message has the end of its log.
        """
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "photofinish_emulators", "pubsub"),
                    *("--state-dir", str(self.state_dir), "--port", str(self.port)),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self._first_line(self._process)
        match = re.fullmatch(r"ready 127\.0\.0\.1:(\d+)\n", line)
        if match is None:
            self.kill()
            raise AssertionError(f"the Pub/Sub server said {line!r} instead of ready; its log ends:\n{self.log_tail()}")
        self.port = int(match[1])
        return self

    @staticmethod
    def _first_line(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        stdout = process.stdout
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
        reader.start()
        reader.join(READY_TIMEOUT_S)
        return lines[0] if lines else f"nothing within {READY_TIMEOUT_S:g} s"

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        return self._end(signal.SIGTERM)

    def restart(self) -> Self:
        """kill -9 and start again, on the same port and state."""
        self.kill()
        return self.start()

    def _end(self, signum: int) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(signum)
        try:
            return process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the Pub/Sub server did not stop within {STOP_TIMEOUT_S:g} s") from None
        finally:
            assert process.stdout is not None
            process.stdout.close()

    def wait(self) -> int:
        """The exit status, once it has ended by itself."""
        assert self._process is not None, "the server is not running"
        return self._process.wait(STOP_TIMEOUT_S)

    def log_tail(self) -> str:
        return "\n".join(self.log_path.read_text().splitlines()[-20:])

    def publisher(self, **options: Any) -> pubsub_v1.PublisherClient:
        with self._environment():
            return pubsub_v1.PublisherClient(**options)

    def subscriber(self, **options: Any) -> pubsub_v1.SubscriberClient:
        with self._environment():
            return pubsub_v1.SubscriberClient(**options)

    @contextmanager
    def _environment(self) -> Iterator[None]:
        with _environment_lock:
            yield from self._set_address()

    def _set_address(self) -> Iterator[None]:
        before = os.environ.get("PUBSUB_EMULATOR_HOST")
        os.environ["PUBSUB_EMULATOR_HOST"] = self.address
        try:
            yield
        finally:
            if before is None:
                del os.environ["PUBSUB_EMULATOR_HOST"]
            else:
                os.environ["PUBSUB_EMULATOR_HOST"] = before

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def wait_until(condition: Callable[[], T], what: str, timeout_s: float = 10.0) -> T:
    """The first true value of ``condition``; fails with ``what`` was waited for."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain: {what}")
        time.sleep(0.01)
    return value
