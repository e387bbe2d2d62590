"""`photofinish up`, `down`, `env`: the local cloud."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.status import Status
from rich.text import Text

from photofinish.errors import Misconfigured, Unavailable
from photofinish.wiring import model_settings
from photofinish_cli.deployment import Json, StateDir, local_state_dir
from photofinish_cli.local_deployment import local_deployment, local_environment
from photofinish_cli.output import console, print_json, reported_errors, table
from photofinish_emulators import stack
from photofinish_emulators.common.state_dir import CannotServe

Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return once it is ready; `photofinish down` stops it.")]


def up(state: StateDir = None, detach: Detach = False, json: Json = False) -> None:
    """Start everything on this machine, on loopback: storage, Pub/Sub, Firestore, Postgres, Cloud Run Jobs, functions.

    Everything survives a crash or a reboot and resumes. Where a variable names another server
    (STORAGE_EMULATOR_HOST, PUBSUB_EMULATOR_HOST, FIRESTORE_EMULATOR_HOST, RUN_EMULATOR_HOST, DATABASE_URL), that one is
    used instead of ours.

    Examples:

      photofinish up

      photofinish up --detach && eval "$(photofinish env)"
    """
    state_dir = local_state_dir(state)
    with reported_errors():
        if detach:
            start(state_dir)
            _print_addresses(state_dir, json=json)
            return
        spec = local_deployment(state_dir, models_dir=model_settings().models_dir)
        with _stack_errors(), _starting() as progress:

            def on_event(event: stack.Event) -> None:
                progress(event)
                if event.name == stack.STACK and event.state == "ready":
                    _print_addresses(state_dir, json=json)
                    if not json:
                        console().print("Press Ctrl-C to stop.")

            stack.run_stack(spec, state_dir, on_event=on_event)


def down(state: StateDir = None, json: Json = False) -> None:
    """Stop the local cloud; its data is kept.

    Example: photofinish down
    """
    state_dir = local_state_dir(state)
    with reported_errors(), _stack_errors():
        stopped = stack.stop(state_dir)
    if json:
        print_json({"state_dir": str(state_dir), "stopped": stopped})
    else:
        console().print(f"the local cloud on {state_dir} {'has stopped' if stopped else 'was not running'}")


def env(state: StateDir = None, json: Json = False) -> None:
    """Print the environment variables of the local cloud for other programs. They contain its passwords.

    Example: eval "$(photofinish env)"
    """
    state_dir = local_state_dir(state)
    with reported_errors():
        if not stack.is_running(state_dir):
            raise Unavailable(f"no local cloud runs on {state_dir}: start it with `photofinish up --detach`")
        variables = local_environment(state_dir)
    if json:
        print_json(variables)
    else:
        for name, value in sorted(variables.items()):
            typer.echo(f"export {name}={shlex.quote(value)}")


def start(state_dir: Path) -> bool:
    """Start the local cloud in the background, or wait until it is ready if it runs already.

    Returns whether this call started it.

    Raises:
        Unavailable: it cannot run; the message says why.
        Misconfigured: a part is missing.
    """
    if stack.is_running(state_dir):
        _wait_until_ready(state_dir)
        return False
    spec = local_deployment(state_dir, models_dir=model_settings().models_dir)
    with _stack_errors(), _starting() as progress:
        stack.start_detached(spec, state_dir, on_event=progress)
    return True


def _wait_until_ready(state_dir: Path, timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while any(piece.state not in ("ready", "done", "external") for piece in stack.pieces(state_dir).values()):
        if time.monotonic() > deadline:
            raise Unavailable(f"the local cloud on {state_dir} runs but is not ready after {timeout_s:.0f} s")
        time.sleep(0.2)


@contextmanager
def _starting() -> Iterator[_Progress]:
    screen = console(stderr=True)
    with Status("starting the local cloud", console=screen) as status:
        yield _Progress(status)


class _Progress:
    """Shows what is being started, and reports failures."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._starting: dict[str, None] = {}

    def __call__(self, event: stack.Event) -> None:
        if event.name == stack.STACK:
            if event.state in ("ready", "stopped", "failed"):
                self._status.stop()
            elif event.state == "stopping":
                self._status.update("stopping the local cloud")
                self._status.start()
            return
        if event.state == "starting":
            self._starting[event.name] = None
        else:
            self._starting.pop(event.name, None)
        if event.state in ("restarting", "failed"):
            self._status.console.print(f"{event.name}: {event.state}: {event.detail}", style="yellow")
        self._status.update("starting " + ", ".join(self._starting))


@contextmanager
def _stack_errors() -> Iterator[None]:
    try:
        yield
    except CannotServe as error:
        raise Misconfigured(str(error)) from error
    except stack.StackFailed as error:
        raise Unavailable(str(error)) from error


def _print_addresses(state_dir: Path, *, json: bool) -> None:
    if json:
        print_json({"state_dir": str(state_dir), "environment": local_environment(state_dir)})
        return
    shown = table("piece", "address", "log")
    for name, piece in stack.pieces(state_dir).items():
        if piece.address:
            shown.add_row(name, piece.address, piece.log)
    screen = console()
    screen.print(shown)
    screen.print(Text.assemble("state ", (str(state_dir), "bold"), "   variables: ", ("photofinish env", "bold")))
