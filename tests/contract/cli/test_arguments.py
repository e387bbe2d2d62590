"""Arguments that several commands have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from photofinish_cli.main import app


@pytest.mark.parametrize("command", ["status", "photos", "find", "rules", "redrive"])
@pytest.mark.parametrize("album", ["a/b", "", "..", "__x__", "line\nbreak"])
def test_a_name_that_no_album_can_have_is_a_sentence(command: str, album: str) -> None:
    result = CliRunner().invoke(app, [command, album])
    assert result.exit_code == 2
    assert "cannot be an album" in " ".join(result.output.replace("│", " ").split())


def test_an_argument_that_is_not_utf_8_is_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from photofinish_cli.main import run; run()", "status", b"caf\xe9"], capture_output=True
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"is not UTF-8" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_file_whose_name_is_not_utf_8_is_no_wrong_argument(tmp_path: Path) -> None:
    name = bytes(tmp_path) + b"/caf\xe9.jpg"
    Path(tmp_path, "x").write_bytes(b"no photo")
    Path(tmp_path, "x").rename(name.decode("utf-8", "surrogateescape"))
    done = subprocess.run(
        [sys.executable, "-c", "from photofinish_cli.main import run; run()", "analyze", name], capture_output=True
    )
    assert b"is not UTF-8" not in done.stderr
    assert b"not a picture" in done.stdout + done.stderr
