"""A `drop` whose laptop falls asleep right after its photos were announced, and wakes when its links have expired."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from photofinish.domain.album_event import EventFilter
from photofinish.wiring import App
from photofinish_emulators import stack
from support.faulty_cloud.clocks import ShiftedClock
from support.waiting import wait_until

ALBUM = "slept"
HOURS = 13
"""Links of uploads are good for twelve."""


def drop_through_the_night(state_dir: Path, app: App, folder: Path, clock: ShiftedClock) -> str:
    """Return what `drop` says at its end.

    It is stopped (SIGSTOP) while it waits for the API's answer. That is signed by a clock that is hours behind, so for
    the storage the links are of the evening before; then it goes on (SIGCONT).
    """
    api = psutil.Process(stack.pieces(state_dir)["api"].pid)
    serving = [api, *api.children(recursive=True)]
    _send(serving, signal.SIGSTOP)
    command = [sys.executable, "-m", "photofinish_cli", "drop", str(folder), "--album", ALBUM, "--wait"]
    port = int(stack.pieces(state_dir)["api"].address.rpartition(":")[2])
    dropping = subprocess.Popen([*command, "--state", str(state_dir)], stdout=subprocess.PIPE, text=True)
    process = psutil.Process(dropping.pid)
    wait_until(lambda: _asks(process, port), "drop announces its photos")
    _send([process], signal.SIGSTOP)
    clock.shift(-HOURS * 3600)
    _send(serving, signal.SIGCONT)
    wait_until(lambda: app.event_log.newest(ALBUM, EventFilter(), before=None, limit=1).events, "the API has answered")
    clock.shift(0)
    _send([process], signal.SIGCONT)
    said, _ = dropping.communicate()
    return said.strip()


def _asks(process: psutil.Process, port: int) -> bool:
    return any(one.raddr and one.raddr.port == port for one in process.net_connections("tcp"))


def _send(processes: list[psutil.Process], signum: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signum)
