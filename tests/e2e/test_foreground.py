"""`photofinish up` in the foreground, as a process of its own that Ctrl-C or SIGTERM ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from photofinish_emulators import stack

READY_TIMEOUT_S = 60
# The command with Firestore alone in place of the whole deployment, which would take much longer to start.
COMMAND = """
import sys
from photofinish_cli.commands import local
from photofinish_cli.main import app
from photofinish_emulators.stack import StackSpec

local.local_deployment = lambda state_dir, **_: StackSpec(project="foreground")
app(["up", "--state", sys.argv[1]])
"""
ELSEWHERE = dict.fromkeys(("PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST", "RUN_EMULATOR_HOST"), "127.0.0.1:9")


@pytest.fixture
def command(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The running command; its state directory is ``tmp_path``."""
    environ = {name: value for name, value in os.environ.items() if name != "FIRESTORE_EMULATOR_HOST"}
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environ | ELSEWHERE | {"COLUMNS": "200"},
        start_new_session=True,  # as in a terminal, Ctrl-C reaches the whole process group
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.timeout(READY_TIMEOUT_S)
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_told_to_stop(command: subprocess.Popen[str], tmp_path: Path, signum: int) -> None:
    assert command.stdout is not None
    output = ""
    while "Ctrl-C" not in output:
        line = command.stdout.readline()
        assert line, f"the command ended before it was ready:\n{output}"
        output += line
    firestore = stack.pieces(tmp_path)["firestore"]
    assert firestore.state == "ready"
    assert firestore.pid is not None
    assert firestore.address in output

    os.killpg(command.pid, signum)
    output += command.communicate(timeout=30)[0]
    assert command.returncode == 0, output
    assert "Traceback" not in output
    assert not stack.is_running(tmp_path)
    assert not psutil.pid_exists(firestore.pid)
