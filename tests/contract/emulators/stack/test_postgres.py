"""Postgres as a supervised child: committed data survives, and access needs the password."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from photofinish_emulators.postgres import (
    READY_LINE,
    STOP_SIGNAL,
    Postgres,
    as_user,
    end_leftovers,
    ensure_database,
    system_user,
)
from support.ports import free_port
from support.waiting import wait_until


class Running:
    """The server process, started as the supervisor starts it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.postgres = Postgres(directory=directory / "pg", port=free_port())
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, as the supervisor does again and again.

        gRPC's threads in this process may end the forked child before it becomes Postgres: then nothing is logged.
        """
        self.postgres.prepare()
        for _ in range(5):
            seen = self._started()
            if READY_LINE in seen:
                return
            assert "LOG:" not in seen, f"Postgres did not start: {seen}"
        raise AssertionError(f"Postgres did not begin to start: {seen}")

    def _started(self) -> str:
        """What it wrote until it was ready, or ended."""
        self.process = subprocess.Popen(
            self.postgres.command(), stderr=subprocess.PIPE, text=True, cwd=self.postgres.data, **as_user(system_user())
        )
        assert self.process.stderr is not None
        seen = ""
        for line in self.process.stderr:
            seen += line
            if READY_LINE in line:
                return seen
        self.process.wait(timeout=20)
        return seen

    def end(self, signum: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(signum)
        return self.process.wait(timeout=20)

    @property
    def url(self) -> str:
        return self.postgres.url("race")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("postgres") / "state")
    running.start()
    ensure_database(running.url)
    ensure_database(running.url)  # the second call changes nothing
    yield running
    assert running.end(STOP_SIGNAL) == 0


def test_pgvector_measures_distances(running: Running) -> None:
    with psycopg.connect(running.url) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        row = connection.execute("SELECT '[1,0]'::halfvec(2) <=> '[0,1]'::halfvec(2)").fetchone()
    assert row == (1.0,)


def test_pages_have_checksums_and_text_is_utf8(running: Running) -> None:
    with psycopg.connect(running.url) as connection:
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        version = connection.execute("SHOW server_version_num").fetchone()
    assert version is not None
    assert int(version[0]) >= 180_000


def test_access_needs_the_password(running: Running) -> None:
    wrong = psycopg.conninfo.make_conninfo(running.url, password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
    password = running.postgres.directory / "password"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600


def test_it_listens_only_on_loopback(running: Running) -> None:
    assert running.process is not None
    process = psutil.Process(running.process.pid)
    listening = [c.laddr for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", running.postgres.port)]
    unix = [c for c in process.net_connections("unix") if c.laddr]
    assert unix == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for Postgres")
def test_started_by_root_it_runs_as_another_user(running: Running) -> None:
    assert running.process is not None
    assert psutil.Process(running.process.pid).uids().effective != 0
    assert running.postgres.data.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for Postgres")
def test_the_directories_above_the_data_stay_closed_to_others(running: Running) -> None:
    folder = running.postgres.directory.parent.parent
    folder.chmod(0o700)
    running.end(signal.SIGKILL)
    running.start()
    ensure_database(running.url.replace("/race", "/fun_run"))  # copies files of the data directory
    with psycopg.connect(running.url.replace("/race", "/fun_run")) as connection:
        connection.execute("CREATE EXTENSION vector")
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for Postgres")
def test_a_copy_that_root_made_starts(running: Running, tmp_path: Path) -> None:
    """`cp -r` as root gives every file to root, and Postgres refuses files of others."""
    running.end(STOP_SIGNAL)
    copy = Running(tmp_path / "copy")
    shutil.copytree(running.postgres.directory, copy.postgres.directory)
    copy.postgres.data.chmod(0o755)
    assert copy.postgres.data.stat().st_uid == 0
    copy.start()
    with psycopg.connect(copy.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert copy.end(STOP_SIGNAL) == 0
    running.start()


def test_committed_rows_survive_kill_9(running: Running) -> None:
    with psycopg.connect(running.url) as connection:
        connection.execute("CREATE TABLE finisher (bib int PRIMARY KEY)")
    for round_number in range(2):
        connection = psycopg.connect(running.url)
        connection.execute("INSERT INTO finisher VALUES (%s)", (round_number,))
        connection.commit()
        connection.execute("INSERT INTO finisher VALUES (1000)")  # not committed
        assert running.end(signal.SIGKILL) == -signal.SIGKILL
        connection.close()
        running.start()  # immediately: it cleans up after the killed server
    with psycopg.connect(running.url) as connection:
        rows = connection.execute("SELECT bib FROM finisher ORDER BY bib").fetchall()
    assert rows == [(0,), (1,)]


def test_it_starts_despite_a_stale_pid_file_with_the_id_of_another_process(running: Running) -> None:
    running.end(signal.SIGKILL)
    pid_file = running.postgres.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    other = subprocess.Popen(["sleep", "60"], **as_user(system_user()))
    try:
        pid_file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        running.start()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_server_that_outlived_its_supervisor_is_shut_down_first(running: Running) -> None:
    assert running.process is not None
    end_leftovers(running.postgres.data)
    assert running.process.wait(timeout=1) == 0  # a clean shutdown, not a kill
    running.start()


def test_connections_are_refused_once_it_is_stopped(running: Running) -> None:
    assert running.end(STOP_SIGNAL) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", running.postgres.port)) != 0
    running.start()
    wait_until(lambda: psycopg.connect(running.url).execute("SELECT 1").fetchone(), "it answers again")
