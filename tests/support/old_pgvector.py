"""Run the contracts of the Postgres adapters on the pgvector that Cloud SQL was last seen with.

An earlier release of the package that brings Postgres has it, with an older Postgres; it is installed into a folder of
its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from photofinish_emulators.postgres import PACKAGE, STOP_SIGNAL, allow_traversal, as_user, system_user
from support.ports import free_port
from support.waiting import wait_until

OLD_RELEASE = "0.5.1"
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv" / f"{PACKAGE}-{OLD_RELEASE}"
BINARIES = FOLDER / PACKAGE / "pginstall" / "bin"
TESTS = ("tests/contract/ports", "tests/contract/people")


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The address of an old Postgres whose data lies in `folder`; no login, on loopback only."""
    user = as_user(system_user())
    if user:
        allow_traversal(BINARIES / "postgres")
        folder.chmod(0o755)
    data, port = folder / "data", free_port()
    data.mkdir()
    if user:
        os.chown(data, user["user"], user["group"])
    subprocess.run(
        [BINARIES / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"],
        check=True, stdout=subprocess.DEVNULL, cwd=data, **user,
    )  # fmt: skip
    options = [
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        f"port={port}",
        "-c",
        "unix_socket_directories=",
        "-c",
        "fsync=off",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [BINARIES / "postgres", "-D", data, *options], stdout=log, stderr=log, cwd=data, **user
        )
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def answers() -> bool:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert process.poll() is None, (folder / "log").read_text()
            return False
        return True

    try:
        wait_until(answers, "the old Postgres answers", timeout_s=120)
        yield url
    finally:
        process.send_signal(STOP_SIGNAL)
        process.wait()


def main() -> int:
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--upgrade",
    ]
    subprocess.run([*install, "--target", FOLDER, f"{PACKAGE.replace('_', '-')}=={OLD_RELEASE}"], check=True)
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as url:
        with psycopg.connect(url) as conn:
            shown = conn.execute(
                "SELECT version(), default_version FROM pg_available_extensions WHERE name = 'vector'"
            ).fetchone()
        assert shown is not None, f"release {OLD_RELEASE} has no pgvector"
        print(f"{shown[0].partition(' on ')[0]}, pgvector {shown[1]}", flush=True)
        tests = [sys.executable, "-m", "pytest", *TESTS, *sys.argv[1:]]
        return subprocess.run(tests, cwd=ROOT, env=os.environ | {"TEST_POSTGRES_URL": url}).returncode


if __name__ == "__main__":
    sys.exit(main())
