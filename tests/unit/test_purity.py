"""That tests of this folder cannot do what is not pure."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import onnxruntime
import psycopg
import pytest

IMPURE = {
    "starts a process": lambda: subprocess.run(["true"], check=True),
    "opens a socket": lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
    "connects to Postgres": lambda: psycopg.connect("host=127.0.0.1 port=9"),
    "loads a model": lambda: onnxruntime.InferenceSession("no-such-file.onnx"),
}


@pytest.mark.parametrize("what", IMPURE)
def test_what_is_not_pure_fails(what: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=f"a test in tests/unit {what}"):
        IMPURE[what]()


def test_nor_is_it_pure_in_another_thread() -> None:
    do: Callable[[], object] = IMPURE["starts a process"]
    with ThreadPoolExecutor(1) as pool, pytest.raises(pytest.fail.Exception, match="starts a process"):
        pool.submit(do).result()
