"""`photofinish up`, `down`, `env`: the local cloud."""

from __future__ import annotations

import errno
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.status import Status

from photofinish.errors import Misconfigured, Unavailable
from photofinish_cli.deployment import Json, StateDir, local_state_dir, not_running
from photofinish_cli.local_deployment import local_deployment, local_environment, rules_file
from photofinish_cli.output import console, is_quiet, print_json, print_tables, remark, reported_errors, say, table
from photofinish_emulators import stack
from photofinish_emulators.common.state_dir import CannotServe

MIN_FREE_MB = 300  # a new database takes a fifth of it
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)

StrictIam = Annotated[
    bool,
    typer.Option(
        "--strict-iam", help="Let functions and jobs do only what Terraform permits the service account of each."
    ),
]
Account = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="With the permissions of a service account, such as fn-api (after `up --strict-iam`)."
    ),
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return once it is ready; `photofinish down` stops it.")]


def up(state: StateDir = None, detach: Detach = False, strict_iam: StrictIam = False, json: Json = False) -> None:
    """Start everything on this machine, on loopback: storage, Pub/Sub, Firestore, Postgres, Cloud Run Jobs, functions.

    Everything survives a crash or a reboot and resumes. Where it runs already, its addresses are shown. Settings of the
    environment and of photofinish.toml apply (`photofinish config` shows them). Where a variable names another server
    (STORAGE_EMULATOR_HOST, PUBSUB_EMULATOR_HOST, FIRESTORE_EMULATOR_HOST, RUN_EMULATOR_HOST, DATABASE_URL), that one is
    used instead of ours.

    With --strict-iam the local servers refuse what Google Cloud would refuse: each function and job may do only what
    its service account is granted in terraform/, and errors say which permission is missing.

    Examples:

      photofinish up

      photofinish up --strict-iam

      photofinish up --detach && eval "$(photofinish env)"
    """
    state_dir = local_state_dir(state)
    with reported_errors(on_interrupt="The local cloud goes on starting; `photofinish down` stops it."):
        if detach or stack.is_running(state_dir):
            if not start(state_dir, strict_iam=strict_iam):
                remark("the local cloud runs already; `photofinish down` stops it")
            _print_addresses(state_dir, json=json)
            return
        with _stack_errors(state_dir), _starting() as progress:
            spec = _deployment(state_dir, strict_iam=strict_iam)

            def on_event(event: stack.Event) -> None:
                progress(event)
                if event.name == stack.STACK and event.state == "ready":
                    _print_addresses(state_dir, json=json)
                    if not json:
                        remark("Press Ctrl-C to stop.")

            stack.run_stack(spec, state_dir, on_event=on_event)


def down(state: StateDir = None, json: Json = False) -> None:
    """Stop the local cloud; its data is kept.

    Example: photofinish down
    """
    state_dir = local_state_dir(state)
    with reported_errors(), _stack_errors(state_dir):
        stopped = stack.stop(state_dir)
    if json:
        print_json({"state_dir": str(state_dir), "stopped": stopped})
    else:
        say(f"the local cloud on {state_dir} {'has stopped' if stopped else 'was not running'}")


def env(state: StateDir = None, account: Account = None, json: Json = False) -> None:
    """Print the environment variables of the local cloud for other programs. They contain its passwords.

    Examples:

      eval "$(photofinish env)"

      photofinish env --account fn-api
    """
    state_dir = local_state_dir(state)
    with reported_errors():
        if not stack.is_running(state_dir):
            raise Unavailable(not_running(state_dir))
        variables = local_environment(state_dir)
        if account is not None:
            variables |= _account_environment(state_dir, account)
    if json:
        print_json(variables)
    else:
        for name, value in sorted(variables.items()):
            typer.echo(f"export {name}={shlex.quote(value)}")


def _account_environment(state_dir: Path, account: str) -> dict[str, str]:
    try:
        return stack.account_environment(state_dir, account)
    except KeyError:
        known = ", ".join(stack.account_names(state_dir))
        raise Misconfigured(
            f"no account {account} here; there are: {known}"
            if known
            else "service accounts have permissions only after `photofinish up --strict-iam`"
        ) from None


def start(state_dir: Path, *, strict_iam: bool = False) -> bool:
    """Start the local cloud in the background, or wait until it is ready if it runs already.

    Returns whether this call started it.

    Raises:
        Unavailable: it cannot run; the message says why.
        Misconfigured: a part is missing.
    """
    if stack.is_running(state_dir):
        _wait_until_ready(state_dir)
        return False
    with _stack_errors(state_dir), _starting() as progress:
        stack.start_detached(_deployment(state_dir, strict_iam=strict_iam), state_dir, on_event=progress)
    return True


def _deployment(state_dir: Path, *, strict_iam: bool) -> stack.StackSpec:
    """What to run on `state_dir`, once there is room for it: a database that cannot write is hard to understand."""
    folder = next(folder for folder in (state_dir, *state_dir.parents) if folder.exists())
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if free_mb < MIN_FREE_MB:
        raise Misconfigured(
            f"the disk of {state_dir} has {free_mb} MB free, and the local cloud needs {MIN_FREE_MB} MB to start: "
            "free some space, or give another folder with --state"
        )
    return local_deployment(state_dir, strict_iam=strict_iam)


def _wait_until_ready(state_dir: Path, timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while any(piece.state not in ("ready", "done", "external") for piece in stack.pieces(state_dir).values()):
        if time.monotonic() > deadline:
            raise Unavailable(f"the local cloud on {state_dir} runs but is not ready after {timeout_s:.0f} s")
        time.sleep(0.2)


@contextmanager
def _starting() -> Iterator[_Progress]:
    screen = console(stderr=True)
    screen.quiet = is_quiet()
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
def _stack_errors(state_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NOT_WRITABLE and error.filename is not None:
            raise Misconfigured(
                f"{error.filename}: {error.strerror}: the local cloud needs a folder that it can write; give another "
                "with --state"
            ) from error
        if error.errno not in _NO_SPACE:
            raise
        raise Misconfigured(
            f"the disk of {state_dir} is full: free some space, or give another folder with --state"
        ) from error
    except CannotServe as error:
        raise Misconfigured(str(error)) from error
    except stack.StackFailed as error:
        raise Unavailable(str(error)) from error


def _print_addresses(state_dir: Path, *, json: bool) -> None:
    pieces = stack.pieces(state_dir)
    rules = {"firestore_rules": str(rules_file())} if "firestore" in pieces else {}  # none if another server is used
    if json:
        print_json({"state_dir": str(state_dir), "environment": local_environment(state_dir)} | rules)
        return
    shown = table("piece", "address", "log")
    for name, piece in pieces.items():
        if piece.address:
            shown.add_row(name, piece.address, piece.log)
    print_tables(shown)
    for path in rules.values():
        remark(f"Firestore enforces {path}")
    remark(f"state {state_dir}   variables: photofinish env")
