"""`photofinish up` in the foreground, as a process of its own that Ctrl-C or SIGTERM ends."""

from __future__ import annotations

import json
import os
import signal
import socket
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


def _environ() -> dict[str, str]:
    environ = {name: value for name, value in os.environ.items() if name != "FIRESTORE_EMULATOR_HOST"}
    return environ | ELSEWHERE | {"COLUMNS": "200"}


def _run(state_dir: Path, command: str = COMMAND) -> subprocess.CompletedProcess[str]:
    """The command where it ends by itself."""
    arguments = [sys.executable, "-c", command, str(state_dir)]
    return subprocess.run(arguments, capture_output=True, text=True, env=_environ(), timeout=READY_TIMEOUT_S)


def _until_ready(command: subprocess.Popen[str]) -> str:
    assert command.stdout is not None
    output = ""
    while "Ctrl-C" not in output:
        line = command.stdout.readline()
        assert line, f"the command ended before it was ready:\n{output}"
        output += line
    return output


@pytest.fixture
def command(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The running command; its state directory is ``tmp_path``."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=_environ(),
        start_new_session=True,  # as in a terminal, Ctrl-C reaches the whole process group
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.timeout(READY_TIMEOUT_S)
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_told_to_stop(command: subprocess.Popen[str], tmp_path: Path, signum: int) -> None:
    output = _until_ready(command)
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


@pytest.mark.timeout(READY_TIMEOUT_S)
def test_a_second_one_on_the_same_state_shows_the_first(command: subprocess.Popen[str], tmp_path: Path) -> None:
    _until_ready(command)
    second = _run(tmp_path)
    assert second.returncode == 0, second.stderr
    assert "runs already" in second.stderr
    assert stack.pieces(tmp_path)["firestore"].address in second.stdout
    assert command.poll() is None


@pytest.mark.timeout(READY_TIMEOUT_S)
def test_a_port_that_another_process_took_is_named_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        (tmp_path / "ports.json").write_text(json.dumps({"firestore": port}))
        result = _run(tmp_path)
    assert result.returncode == 3
    assert f"port {port}" in result.stderr
    assert f"process {os.getpid()}" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.timeout(READY_TIMEOUT_S)
def test_a_disk_without_room_is_said_before_anything_starts(tmp_path: Path) -> None:
    result = _run(tmp_path, COMMAND.replace("app([", "local.MIN_FREE_MB = 10**12\napp(["))
    assert result.returncode == 3
    assert "MB free" in result.stderr
    assert "--state" in result.stderr
    assert list(tmp_path.iterdir()) == []
