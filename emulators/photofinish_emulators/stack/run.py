"""Starts, stops and inspects a whole local cloud."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from photofinish_emulators.common.processes import identify
from photofinish_emulators.common.state_dir import CannotServe, lock_state_dir
from photofinish_emulators.stack import state
from photofinish_emulators.stack.process import end_orphans
from photofinish_emulators.stack.spec import StackSpec
from photofinish_emulators.stack.state import PieceStatus, StackStatus
from photofinish_emulators.stack.supervisor import STACK, Event, StackFailed, Supervisor

SPEC_FILE = "spec.json"
ORPHANS_TIMEOUT_S = 15.0
POLL_S = 0.1
CANNOT_SERVE = 3  # exit status of the supervisor


def run_stack(
    spec: StackSpec,
    state_dir: Path,
    *,
    on_event: Callable[[Event], None] = lambda _: None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Run the local cloud in the foreground, on the main thread, until SIGTERM or SIGINT.

    ``on_event`` is called at every change of a piece, and of the `STACK`: "starting", "ready", "stopping", "stopped". A
    stack whose supervisor was killed continues where it was. Where ``environ`` names another server (see
    `layout.VARIABLES`), that server is used and ours is not started.

    Raises:
        CannotServe: the state directory or a port of this stack is in use.
        StackFailed: a piece does not run. Everything is stopped by then.
    """
    state_dir = state_dir.absolute()
    with lock_state_dir(state_dir):
        asyncio.run(_run(spec, state_dir, on_event, environ))


async def _run(spec: StackSpec, state_dir: Path, on_event: Callable[[Event], None], environ: Mapping[str, str]) -> None:
    # Imported here because their libraries take half a second to load, which only running a stack needs.
    from photofinish_emulators.stack.layout import lay_out
    from photofinish_emulators.stack.schedules import run_schedules

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    on_event(Event(name=STACK, state="starting"))
    previous = state.read(state_dir)
    if previous is not None:
        identities = [piece.identity for piece in previous.pieces.values()]
        await end_orphans([identity for identity in identities if identity is not None], ORPHANS_TIMEOUT_S)
    for folder in ("logs", "storage"):
        (state_dir / folder).mkdir(mode=0o700, exist_ok=True)
    with ExitStack() as held:
        layout = await asyncio.to_thread(lay_out, spec, state_dir, environ, held)
        _write_private(state_dir / SPEC_FILE, spec.to_json())
        supervisor = identify(os.getpid())
        assert supervisor is not None
        status = StackStatus(project=spec.project, supervisor=supervisor, environment=layout.environment)
        status.account_environments = layout.account_environments
        scheduler = spec.access.scheduler_agent if spec.access is not None else ""
        environment = layout.account_environments.get(scheduler, layout.environment)
        schedules = partial(run_schedules, spec, layout.function_urls, environment)
        await Supervisor(layout.pieces, state_dir, status, on_event).run(stop, schedules)


def start_detached(
    spec: StackSpec,
    state_dir: Path,
    *,
    on_event: Callable[[Event], None] = lambda _: None,
    environ: Mapping[str, str] = os.environ,
    timeout_s: float = 300.0,
) -> None:
    """Run the local cloud in a process that outlives this one; return once it is ready.

    Raises:
        CannotServe: the state directory or a port of this stack is in use.
        StackFailed: it did not become ready; the message has the reason. Nothing is left running.
    """
    state_dir = state_dir.absolute()
    log_file = state_dir / "logs" / "supervisor.log"
    try:
        log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        log_file.touch()
    except OSError as error:
        raise CannotServe(f"{state_dir} cannot be used: {error.strerror}; give another folder") from error
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "photofinish_emulators.stack", str(state_dir)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=dict(environ),
            start_new_session=True,
        )
    assert process.stdin is not None
    process.stdin.write(spec.to_json().encode())
    process.stdin.close()
    deadline = time.monotonic() + timeout_s
    reported: dict[str, tuple[str, str]] = {}
    while True:
        ended = process.poll() is not None
        status = state.read(state_dir)
        if status is not None and status.supervisor.pid == process.pid:
            _report_changes(status, reported, on_event)
            if status.state == "ready":
                return
        if ended:
            said = log_file.read_text(errors="replace").strip() or "the supervisor ended without a message"
            raise CannotServe(said) if process.returncode == CANNOT_SERVE else StackFailed(said)
        if time.monotonic() > deadline:
            stop(state_dir)
            raise StackFailed(f"not ready after {timeout_s:g} s; see {state_dir / 'logs'}")
        time.sleep(POLL_S)


def _report_changes(
    status: StackStatus, reported: dict[str, tuple[str, str]], on_event: Callable[[Event], None]
) -> None:
    """Call ``on_event`` for every state that differs from ``reported``, and update that."""
    for name, piece in status.pieces.items():
        if reported.get(name) != (piece.state, piece.detail):
            reported[name] = (piece.state, piece.detail)
            on_event(Event(name=name, state=piece.state, detail=piece.detail))
    if reported.get(STACK) != (status.state, status.message):
        reported[STACK] = (status.state, status.message)
        on_event(Event(name=STACK, state=status.state, detail=status.message))


def stop(state_dir: Path, *, timeout_s: float = 90.0) -> bool:
    """Stop the local cloud of ``state_dir`` and wait for its end; False if none was running.

    Raises:
        StackFailed: it has not stopped in time.
    """
    status = state.read(state_dir)
    if status is None or not status.is_running:
        return False
    os.kill(status.supervisor.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while status.is_running:
        if time.monotonic() > deadline:
            raise StackFailed(f"process {status.supervisor.pid} has not stopped after {timeout_s:g} s")
        time.sleep(POLL_S)
    return True


def is_running(state_dir: Path) -> bool:
    """Whether a local cloud runs on ``state_dir`` (it may still be starting)."""
    status = state.read(state_dir)
    return status is not None and status.is_running


def failure(state_dir: Path) -> str:
    """Why the last local cloud of ``state_dir`` ended by itself; "" if it was stopped, or runs."""
    status = state.read(state_dir)
    return status.message if status is not None and status.state == "failed" else ""


def environment(state_dir: Path) -> dict[str, str]:
    """The variables with which clients find the local cloud, including a password; {} if it has never been started."""
    status = state.read(state_dir)
    return {} if status is None else status.environment


def account_environment(state_dir: Path, account: str) -> dict[str, str]:
    """The same for what runs as a service account; only a local cloud with `Access` has any.

    Raises:
        KeyError: it has no such account.
    """
    status = state.read(state_dir)
    return ({} if status is None else status.account_environments)[account]


def account_names(state_dir: Path) -> list[str]:
    """The service accounts that the local cloud knows."""
    status = state.read(state_dir)
    return [] if status is None else sorted(status.account_environments)


def pieces(state_dir: Path) -> dict[str, PieceStatus]:
    """The status of each piece, by name; all are "stopped" if the local cloud does not run."""
    status = state.read(state_dir)
    if status is None:
        return {}
    if not status.is_running:
        for piece in status.pieces.values():
            piece.state, piece.detail, piece.pid, piece.start = "stopped", "", None, None
    return status.pieces


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
