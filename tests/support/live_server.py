"""The function `live` in a process of its own, as Cloud Run starts it: gunicorn with the project's worker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from photofinish.settings import AdmissionSettings, DatabaseSettings
from support.access import PEPPER
from support.ports import free_port
from support.waiting import wait_until

FUNCTIONS = Path(__file__).parents[2] / "functions"


@dataclass
class LiveServer:
    """Starts and ends the function at one port; logs into `folder`."""

    conninfo: str
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "live.log").read_text(encoding="utf-8")

    def start(self) -> None:
        environment = os.environ | {
            AdmissionSettings.variables()["pepper"]: PEPPER,
            DatabaseSettings.variables()["database_url"]: self.conninfo,
            "PHOTOFINISH_REGION": "local",
            "PHOTOFINISH_PHOTO_BUCKET": "photos",
            "PHOTOFINISH_DERIVED_BUCKET": "derived",
            "GOOGLE_CLOUD_PROJECT": "test",
            "FUNCTION_TARGET": "live",
            "FUNCTION_SOURCE": str(FUNCTIONS / "main.py"),
            "FUNCTION_SIGNATURE_TYPE": "http",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            **self.env,
        }
        argv = [sys.executable, "-m", "gunicorn", "--config", "python:photofinish_functions.gunicorn_config"]
        with (self.folder / "live.log").open("a") as log:
            self.process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
        wait_until(self._listens, f"the function listens; see {self.folder / 'live.log'}")

    def processes(self) -> list[psutil.Process]:
        """gunicorn and its worker."""
        assert self.process is not None
        master = psutil.Process(self.process.pid)
        return [master, *master.children()]

    def kill(self) -> None:
        """As when an instance is lost: no process gets to do anything."""
        for process in self.processes():
            process.kill()
        assert self.process is not None
        self.process.wait()

    def stop(self) -> None:
        """As Cloud Run stops an instance."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        with socket.socket() as client:
            client.settimeout(1)
            return client.connect_ex(("127.0.0.1", self.port)) == 0
