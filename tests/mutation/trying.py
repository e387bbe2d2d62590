"""Trying mutants: a copy of the sources in which one change at a time is made, and tests that must then fail.

Libraries are imported once; each test file runs in a forked process, which imports our modules from the copy.
"""

from __future__ import annotations

import importlib
import os
import select
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from mutation.generating import ROOT, Mutant

SOURCES = ("shared", "gpu_jobs", "functions", "cli", "emulators", "tests", "supply_chain")
NOT_COPIED = shutil.ignore_patterns("node_modules", "__pycache__", "clients", "bench", "looks", "target")
# Imported once, for all mutants.
LIBRARIES = (
    *("aiohttp", "cv2", "fastavro", "flask", "google.api_core.exceptions", "google.cloud.firestore"),
    *("google.cloud.firestore_v1", "google.cloud.pubsub_v1", "google.cloud.run_v2", "google.cloud.storage"),
    *("grpc", "grpc.aio", "grpc_health.v1.health_pb2", "hypothesis", "hypothesis.stateful", "jsonschema", "lark"),
    *("numpy", "onnxruntime", "pgvector.psycopg", "PIL.Image", "psycopg", "psycopg_pool", "pydantic", "requests"),
    *("starlette", "werkzeug.test"),
)


# What the tests say, to find out why they fail without a mutant.
_LOG = os.environ.get("MUTATION_LOG", os.devnull)


@dataclass(frozen=True)
class Copy:
    """The copied sources, and how long the tests of a file may take."""

    folder: Path
    timeout_s: float = 600

    def killer(self, mutant: Mutant, tests: Sequence[str]) -> str | None:
        """Return the first of the test files that fails, or takes too long, with this mutant; None if none does."""
        target = self.folder / mutant.module
        original = target.read_text()
        target.write_text(mutant.code)
        try:
            return self.first_failing(tests)
        finally:
            target.write_text(original)

    def first_failing(self, tests: Sequence[str]) -> str | None:
        return next((file for file in tests if self._fails(file)), None)

    def _fails(self, tests: str) -> bool:
        child = os.fork()  # it has all libraries already, and none of our modules
        if child == 0:
            self._run_tests(tests)
        return _status(child, self.timeout_s) != 0

    def _run_tests(self, tests: str) -> NoReturn:
        status = 1
        try:
            os.setpgid(0, 0)  # so that servers which tests start end with them
            nowhere = os.open(_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            os.chdir(self.folder)
            paths = [str(self.folder / folder) for folder in SOURCES]
            sys.path[:0] = paths
            os.environ["PYTHONPATH"] = os.pathsep.join(paths)
            sys.dont_write_bytecode = True
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
            status = int(pytest.main([*options, *tests.split()]))
        except BaseException:  # noqa: BLE001 - it is told, and the process ends
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


def _status(child: int, timeout_s: float) -> int:
    """The exit status of a child; -1 if it was killed because it takes too long."""
    handle = os.pidfd_open(child)
    try:
        ended, _, _ = select.select([handle], [], [], timeout_s)
    finally:
        os.close(handle)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if ended else -1


@contextmanager
def copied_sources(folder: Path) -> Iterator[Copy]:
    """Copy what the tests need, with a Postgres that all of them share."""
    for library in LIBRARIES:
        importlib.import_module(library)
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=NOT_COPIED)
    for name in ("terraform", "docs", "rust_core"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    with _postgres():
        yield Copy(folder)


@contextmanager
def _postgres() -> Iterator[None]:
    """A server with a migrated template, for tests in forked processes: they would each start their own."""
    command = [sys.executable, "-m", "mutation.postgres"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    with subprocess.Popen(
        command, cwd=ROOT / "tests", env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        os.environ["TEST_POSTGRES_URL"] = server.stdout.readline().strip()
        os.environ["TEST_POSTGRES_TEMPLATE"] = server.stdout.readline().strip()
        try:
            yield
        finally:
            server.stdin.close()
