"""What the command says about itself: help, version, suggestions, completion, and what all that imports."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from photofinish_cli import output
from photofinish_cli.main import COMMANDS, Commands, app

SLOW_TO_IMPORT = {"cv2", "google.cloud.firestore", "google.cloud.storage", "grpc", "numpy", "onnxruntime", "pydantic"}


def _command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "photofinish_cli", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "120"} | environment,
        timeout=60,
    )


def test_the_version_is_that_of_the_installed_package() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"photofinish {metadata.version('photofinish-server')}\n")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_lists_every_command(option: str) -> None:
    result = CliRunner().invoke(app, [option])
    assert result.exit_code == 0
    assert [command for command in COMMANDS if f" {command} " not in result.output] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_can_be_quiet(command: str) -> None:
    result = CliRunner().invoke(app, [command, "-h"], env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    assert "--help" in result.output
    inner = getattr(Commands(name="photofinish").load(command), "commands", None)
    if inner is None:
        assert "--quiet" in result.output
    else:
        of_the_last = CliRunner().invoke(app, [command, list(inner)[-1], "-h"], env={"COLUMNS": "160"})
        assert "--quiet" in of_the_last.output


def test_help_of_all_commands_imports_nothing_that_takes_long() -> None:
    program = f"""
import sys
from photofinish_cli.main import app
try:
    app(["--help"])
finally:
    print(sorted({SLOW_TO_IMPORT!r} & sys.modules.keys()), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "[]"


def test_a_command_imports_no_model_and_without_a_terminal_no_rich(tmp_path: Path) -> None:
    """All in one process: what one of them imports shows at it, and at all after it."""
    commands = [
        ["find", "race", "--bib", "1"],
        ["status", "race"],
        ["drop", "/", "-a", "a"],
        ["albums"],
        ["photos", "race"],
        ["people", "list", "race"],
        ["export", "race", "--bib", "1", "--zip", "1.zip"],
        ["logs"],
    ]
    program = f"""
import sys
from photofinish_cli.main import app
for command in {commands!r}:
    try:
        app([*command, "--state", {str(tmp_path)!r}])
    except SystemExit as ended:
        print(command[0], ended.code != 0, sorted({{"cv2", "onnxruntime", "rich"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [f"{command[0]} True []" for command in commands], done.stderr


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["fnd"], "find"),
        (["peple", "list"], "people"),
        (["people", "lst"], "list"),
        (["find", "x", "--bibb", "1"], "--bib"),
    ],
)
def test_a_mistyped_command_or_option_is_suggested(typed: list[str], meant: str) -> None:
    result = CliRunner().invoke(app, typed, env={"COLUMNS": "120"})
    assert result.exit_code == output.ExitCode.USAGE
    assert meant in result.stderr.partition("No such")[2]


@pytest.mark.parametrize("arguments", [["--quiet", "cost", "--photos", "9"], ["cost", "--photos", "9", "-q"]])
def test_quiet_is_understood_before_and_after_the_command(arguments: list[str]) -> None:
    runner = CliRunner()
    quiet, usual = runner.invoke(app, arguments), runner.invoke(app, ["cost", "--photos", "9"])
    assert quiet.stdout == usual.stdout != ""
    assert quiet.stderr == ""
    assert "An estimate" in usual.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["find"]])
def test_no_color_means_no_colour(arguments: list[str]) -> None:
    colour = re.compile("\x1b\\[[0-9;]*3[0-9]")
    forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    coloured, plain = _command(*arguments, **forced), _command(*arguments, **forced, NO_COLOR="1")
    assert not colour.search(plain.stdout + plain.stderr)
    assert colour.search(coloured.stdout + coloured.stderr)


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash is installed")
    command = tmp_path / "photofinish"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m photofinish_cli "$@"\n')
    command.chmod(0o755)
    script = """
eval "$(photofinish completion bash)"
COMP_WORDS=(photofinish cl) COMP_CWORD=1; _photofinish_completion photofinish; echo "${COMPREPLY[@]}"
COMP_WORDS=(photofinish drop --wa) COMP_CWORD=2; _photofinish_completion photofinish; echo "${COMPREPLY[@]}"
"""
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        timeout=60,
    )
    assert done.stdout.splitlines() == ["clusters", "--wait"], done.stderr


@pytest.mark.parametrize(
    ("shell", "environment"),
    [("zsh", {}), ("fish", {"_TYPER_COMPLETE_FISH_ACTION": "get-args"})],
)
def test_other_shells_complete_by_the_protocol_of_their_script(shell: str, environment: dict[str, str]) -> None:
    script = _command("completion", shell).stdout
    assert f"_PHOTOFINISH_COMPLETE=complete_{shell}" in script
    asked = {"_PHOTOFINISH_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": "photofinish rec"}
    assert "reconcile" in _command(**asked, **environment).stdout
