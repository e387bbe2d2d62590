"""Chromium with the Firebase web SDK, driven by the scripts in ``tests/clients``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.firestore_server import FirestoreServer
from support.waiting import wait_until

CLIENTS = Path(__file__).parents[1] / "clients"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
STOP_TIMEOUT_S = 15.0


def chromium() -> str | None:
    """The path of the browser: the variable CHROMIUM, or what is installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


def why_not() -> str | None:
    """Why no browser can run here; None if one can."""
    if shutil.which("node") is None:
        return "Node is not installed"
    if not (CLIENTS / "node_modules/playwright-core").is_dir():
        return "the Firebase web SDK is not installed: run `npm ci` in tests/clients"
    if chromium() is None:
        return "Chromium is not installed: install the package `chromium`, or set CHROMIUM to the path of a browser"
    return None


def environment(server: FirestoreServer) -> dict[str, str]:
    """The variables of the scripts."""
    return {**os.environ, "FIRESTORE_EMULATOR_HOST": server.address, "CHROMIUM": chromium() or ""}


class ListeningPage:
    """A page that listens to a collection: ``browser_listener.mjs`` with these arguments; runs inside ``with``."""

    def __init__(self, server: FirestoreServer, *arguments: str) -> None:
        self.reports: list[dict[str, Any]] = []
        self._command = ["node", "browser_listener.mjs", *arguments]
        self._environment = environment(server)

    def wait_for(self, condition: Callable[[dict[str, Any]], bool], what: str, timeout_s: float) -> dict[str, Any]:
        """The first report that satisfies ``condition``."""

        def found() -> dict[str, Any] | None:
            assert self._process.poll() is None, f"the page's script ended; its reports: {self.reports}"
            return next(filter(condition, list(self.reports)), None)

        return wait_until(found, f"{what}; reports: {self.reports[-3:]}", timeout_s)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.reports.append(json.loads(line))

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=CLIENTS, env=self._environment, stdout=subprocess.PIPE, text=True
        )
        self._reading = threading.Thread(target=self._read, name="reports of a page")
        self._reading.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reading.join()
