"""Questions before what cannot be taken back."""

from __future__ import annotations

import io

import pytest
import typer

from photofinish_cli import questions
from photofinish_cli.output import ExitCode


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_the_command_ends_and_names_the_option(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions.sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(typer.Exit) as ended:
        questions.require_yes("Delete Ada?")
    assert ended.value.exit_code == ExitCode.USAGE
    assert "--yes" in capfd.readouterr().err


@pytest.mark.parametrize(("answer", "ends"), [("y\n", False), ("n\n", True), ("\n", True)])
def test_on_a_terminal_only_yes_is_yes(monkeypatch: pytest.MonkeyPatch, answer: str, ends: bool) -> None:
    monkeypatch.setattr(questions.sys, "stdin", Terminal(answer))
    if not ends:
        questions.require_yes("Delete Ada?")
        return
    with pytest.raises(typer.Exit) as ended:
        questions.require_yes("Delete Ada?")
    assert ended.value.exit_code == ExitCode.FOUND_WRONG
