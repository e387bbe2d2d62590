"""`photofinish completion`: the completion script of a shell."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from photofinish_cli import main


class Shell(StrEnum):
    """The shells that completion is tested with."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Your shell.")]) -> None:
    """Print the script that completes commands, options and album names in your shell.

    Examples:

      eval "$(photofinish completion bash)"        # in ~/.bashrc

      eval "$(photofinish completion zsh)"         # in ~/.zshrc, after compinit

      photofinish completion fish > ~/.config/fish/completions/photofinish.fish
    """
    from typer.completion import get_completion_inspect_parameters, shell_complete

    get_completion_inspect_parameters()  # makes the shells known
    command = typer.main.get_command(main.app)
    shell_complete(command, {}, "photofinish", main.COMPLETION_VARIABLE, f"source_{shell.value}")
