"""Holds tests to being pure: while one runs, nothing starts a process, opens a connection or loads a model."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import onnxruntime
import psycopg
import pytest

_MOVE = "move the test to tests/contract, or let it do without"
_FORBIDDEN = {
    "os.exec": "starts a process",
    "os.fork": "starts a process",
    "os.forkpty": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.system": "starts a process",
    "subprocess.Popen": "starts a process",
    "socket.bind": "opens a socket",
    "socket.connect": "opens a socket",
    "socket.sendto": "opens a socket",
}
"""Events that Python audits, and what each means."""
_PARTS = {"analyzer", "database", "decoders", "empty_database", "encoder", "model_settings"}
"""Fixtures that other folders' tests may have made already."""
_earlier_threads: set[int] | None = None
"""Threads that earlier tests left, which are not the running test's; None while no pure test runs."""
_hooked = False


@contextmanager
def pure() -> Iterator[None]:
    """Fail whatever is not pure in here, in this thread and in those that are started meanwhile."""
    global _earlier_threads, _hooked
    if not _hooked:
        sys.addaudithook(_audit)  # for good: Python cannot remove one
        _hooked = True
    with pytest.MonkeyPatch.context() as patch:
        # Neither of them is audited: they are written in C.
        patch.setattr(psycopg.Connection, "_connect_gen", _refuse("connects to Postgres"))
        patch.setattr(psycopg.AsyncConnection, "_connect_gen", _refuse("connects to Postgres"))
        patch.setattr(onnxruntime.InferenceSession, "__init__", _refuse("loads a model"))
        _earlier_threads = {thread.ident or 0 for thread in threading.enumerate()} - {threading.get_ident()}
        try:
            yield
        finally:
            _earlier_threads = None


def check_fixtures(names: Collection[str]) -> None:
    if impure := sorted(_PARTS.intersection(names)):
        _fail(f"asks for {', '.join(impure)}")


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN and _earlier_threads is not None and threading.get_ident() not in _earlier_threads:
        _fail(f"{_FORBIDDEN[event]} ({event} {arguments[1] if event.startswith('socket') else arguments[0]})")


def _refuse(what: str) -> Any:
    def refused(*_: object, **__: object) -> None:
        _fail(what)

    return refused


def _fail(what: str) -> None:
    """With an exception that code under test does not catch by mistake: it is no `Exception`."""
    pytest.fail(f"a test in tests/unit {what}: {_MOVE}")
