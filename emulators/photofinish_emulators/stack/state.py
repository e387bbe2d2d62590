"""``stack.json``: states, addresses and processes of the pieces. The supervisor writes it, everything else reads it."""

from __future__ import annotations

import errno
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from photofinish_emulators.common.processes import ProcessIdentity, is_alive
from photofinish_emulators.common.state_dir import CannotServe

FILE = "stack.json"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
# No process has this id.
_NO_PROCESS = ProcessIdentity(pid=0, start="")
StackState = Literal["starting", "ready", "stopping", "stopped", "failed"]
PieceState = Literal["waiting", "starting", "ready", "done", "external", "restarting", "failed", "stopped"]


@dataclass(slots=True, kw_only=True)
class PieceStatus:
    """A server, a function, or a command that runs once."""

    state: PieceState = "waiting"
    detail: str = ""  # why it is in this state, after a failure
    address: str = ""  # host:port, or a URL; "" for commands
    log: str = ""  # file; "" for external servers
    pid: int | None = None
    start: str | None = None  # with the id, the identity of the process
    restarts: int = 0

    @property
    def identity(self) -> ProcessIdentity | None:
        """The identity of its process, if it has one."""
        if self.pid is None or self.start is None:
            return None
        return ProcessIdentity(pid=self.pid, start=self.start)


@dataclass(slots=True, kw_only=True)
class StackStatus:
    project: str
    supervisor: ProcessIdentity
    state: StackState = "starting"
    message: str = ""  # why it failed
    environment: dict[str, str] = field(default_factory=dict)  # for clients of the stack
    account_environments: dict[str, dict[str, str]] = field(default_factory=dict)  # the same for each service account
    pieces: dict[str, PieceStatus] = field(default_factory=dict)
    folder: str = ""  # which folder it was written to: the processes of a copied one belong to the original

    def write(self, state_dir: Path) -> None:
        """Replace the file atomically; only its owner can read it, because it contains the database's password.

        On a full disk it is changed in place, if it does not grow by a block.

        Raises:
            OSError: it cannot be written; it says what it said before.
        """
        self.folder = _identity(state_dir)
        text = json.dumps(asdict(self), indent=2)
        draft = state_dir / f"{FILE}.new"
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            draft.rename(state_dir / FILE)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            if error.errno not in NO_SPACE or not _overwrite(state_dir / FILE, text.encode()):
                raise

    @property
    def is_running(self) -> bool:
        return is_alive(self.supervisor)

    def forget_processes(self) -> None:
        """Make it the status of a stack that has no processes."""
        self.supervisor = _NO_PROCESS
        for piece in self.pieces.values():
            piece.pid, piece.start = None, None


def _overwrite(path: Path, data: bytes) -> bool:
    """Write over a file within the blocks that it has; False if it has too few."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        found = os.fstat(descriptor)
        if len(data) > found.st_blocks * 512:
            return False
        # Spaces after JSON mean nothing, and one call leaves no moment in which a reader finds half of it.
        file.write(data.ljust(found.st_size))
    return True


def read(state_dir: Path) -> StackStatus | None:
    """The last status of the stack in ``state_dir``; None if it has never been started.

    That of a copied directory has no processes: those that its file names belong to the original.

    Raises:
        CannotServe: another version of this package wrote it.
    """
    try:
        data: dict[str, Any] = json.loads((state_dir / FILE).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        data["supervisor"] = ProcessIdentity(**data["supervisor"])
        data["pieces"] = {name: PieceStatus(**piece) for name, piece in data["pieces"].items()}
        status = StackStatus(**data)
    except (KeyError, TypeError) as error:
        raise CannotServe(
            f"{state_dir / FILE} is of another version ({error}): stop the processes listed in it, then delete it"
        ) from error
    if status.folder not in ("", _identity(state_dir)):
        status.forget_processes()
    return status


def _identity(folder: Path) -> str:
    """What a folder keeps when it is renamed, and a copy of it does not have."""
    found = folder.stat()
    return f"{found.st_dev}:{found.st_ino}"
