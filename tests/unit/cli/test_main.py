"""What the command says about itself."""

from __future__ import annotations

from importlib import metadata

from typer.testing import CliRunner

from photofinish_cli.main import COMMANDS, app


def test_the_version_is_that_of_the_installed_package() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"photofinish {metadata.version('photofinish')}\n")


def test_the_help_lists_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert [command for command in COMMANDS if f" {command} " not in result.output] == []
