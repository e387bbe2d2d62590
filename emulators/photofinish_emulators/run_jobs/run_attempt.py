"""The recorder of one attempt of one task: runs the command as a container would, and records output and outcome.

The server starts it as ``python -I -S run_attempt.py DIRECTORY LOCK_FD`` in its own session, with the :class:`Command`
as JSON on standard input. It survives if the server is killed: it enforces the timeout itself, holds the lock on
``DIRECTORY/lock`` while it runs, and writes ``DIRECTORY/outcome.json``, from which the next server learns how the
attempt ended. The command's output goes to ``DIRECTORY/log``.

It uses only the standard library: without site packages it starts in 25 ms and needs 10 MB.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

sys.path.append(str(Path(__file__).resolve().parents[2]))
from photofinish_emulators.common.bounded_log import BoundedLog
from photofinish_emulators.common.parent_death import die_with_parent

READ_BYTES = 65536


class Process(TypedDict):
    """What a container runs."""

    argv: list[str]
    env: dict[str, str]
    working_dir: str


class Command(Process):
    """What the first container runs, its sidecars, and limits."""

    sidecars: list[Process]
    timeout_s: float
    stop_grace_s: float  # from SIGTERM to SIGKILL
    max_log_bytes: int


class Ending(TypedDict):
    """How an attempt ended. One of ``exit_code``, ``signal`` and ``error`` (why it could not start) is set."""

    exit_code: int | None
    signal: int | None
    error: str | None
    timed_out: bool
    ended: float  # Unix time, seconds


def main(directory: Path, lock_fd: int) -> None:
    os.truncate(lock_fd, 0)
    os.pwrite(lock_fd, str(os.getpid()).encode(), 0)
    command: Command = json.load(sys.stdin)
    log = BoundedLog(directory / "log", command["max_log_bytes"])
    ending = run(command, log)
    log.close()
    write_outcome(directory / "outcome.json", ending)
    # As when a container ends, all processes that the command left running are killed, including this one.
    os.killpg(0, signal.SIGKILL)


def run(command: Command, log: BoundedLog) -> Ending:
    """Run the command to its end: SIGTERM at the timeout or when this process receives one, SIGKILL after the grace."""
    signals_read, signals_write = os.pipe()
    os.set_blocking(signals_read, False)
    os.set_blocking(signals_write, False)
    signal.set_wakeup_fd(signals_write, warn_on_full_buffer=False)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(signum, lambda *_: None)
    output_read, output_write = os.pipe()
    os.set_blocking(output_read, False)
    starting: Process = command
    try:
        # A task ends with its first container, whatever its sidecars do: `main` kills them then.
        for starting in command["sidecars"]:
            start(starting, output_write)
        starting = command
        child = start(command, output_write)
    except OSError as error:
        message = f"cannot start {starting['argv'][0]!r} in {starting['working_dir']!r}: {error}"
        log.write(f"{message}\n".encode())
        return Ending(exit_code=None, signal=None, error=message, timed_out=False, ended=time.time())
    os.close(output_write)

    selector = selectors.DefaultSelector()
    selector.register(output_read, selectors.EVENT_READ)
    selector.register(signals_read, selectors.EVENT_READ)
    deadline = time.monotonic() + command["timeout_s"]
    kill_at: float | None = None
    timed_out = False
    while child.poll() is None:
        wake_at = deadline if kill_at is None else kill_at
        stop_requested = False
        for key, _ in selector.select(max(0.0, wake_at - time.monotonic())):
            if key.fd == signals_read:
                received = os.read(signals_read, READ_BYTES)
                stop_requested = signal.SIGTERM in received or signal.SIGINT in received
            elif not copy(output_read, log):
                selector.unregister(output_read)  # readable without data: closed
        now = time.monotonic()
        if kill_at is not None and now >= kill_at:
            child.kill()
        elif kill_at is None and (stop_requested or now >= deadline):
            timed_out = not stop_requested
            child.terminate()
            kill_at = now + command["stop_grace_s"]
    while copy(output_read, log):
        pass
    code = child.returncode
    return Ending(
        exit_code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        error=None,
        timed_out=timed_out,
        ended=time.time(),
    )


def start(process: Process, output: int) -> subprocess.Popen[bytes]:
    """Start a container's command; it writes to the file descriptor ``output``."""
    return subprocess.Popen(
        process["argv"],
        env=process["env"],
        cwd=process["working_dir"],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )


def copy(output_read: int, log: BoundedLog) -> bool:
    """Copy output of the command to the log; False at its end, or if there is none now."""
    try:
        data = os.read(output_read, READ_BYTES)
    except BlockingIOError:
        return False
    with suppress(OSError):  # with a full disk output is lost, but the task goes on, as it would in the cloud
        log.write(data)
    return bool(data)


def write_outcome(path: Path, ending: Ending) -> None:
    """Write ``ending`` atomically and durably."""
    draft = path.with_suffix(".draft")
    with draft.open("w") as file:
        json.dump(ending, file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
