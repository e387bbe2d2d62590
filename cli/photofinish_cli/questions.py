"""Questions to the user before something that cannot be taken back."""

from __future__ import annotations

import sys

import typer

from photofinish_cli.output import ExitCode, print_error, printable, remark


def require_yes(question: str) -> None:
    """Ask on a terminal, and end the command unless the answer is yes.

    Without a terminal there is no answer: the command ends with a usage error that names `--yes`.
    """
    if not sys.stdin.isatty():
        print_error(f"{question} There is no terminal to ask on: give --yes to do it without asking")
        raise typer.Exit(ExitCode.USAGE)
    if not typer.confirm(printable(question), default=False, err=True):
        remark("nothing was deleted")
        raise typer.Exit(ExitCode.FOUND_WRONG)
