"""The group of commands: each command's module is imported only when the command runs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from photofinish_cli.output import set_quiet


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A command as the help lists it."""

    panel: str
    module: str
    """In `photofinish_cli.commands`: with a function of the command's name, or a typer `app` of several commands."""
    summary: str


class LazyGroup(TyperGroup):
    """Lists its commands without importing them, so that help and completion are quick."""

    entries: Mapping[str, CommandEntry] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {
            name: TyperCommand(name, help=entry.summary, rich_help_panel=entry.panel)
            for name, entry in self.entries.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command to run, with its module imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and self.load(str(name)), rest

    def load(self, name: str) -> Any:
        """The whole command called `name`."""
        module = importlib.import_module(f"photofinish_cli.commands.{self.entries[name].module}")
        holder = typer.Typer(pretty_exceptions_enable=False, add_completion=False, rich_markup_mode="rich")
        if hasattr(module, "app"):
            holder.add_typer(module.app, name=name)
            group: Any = typer.main.get_command(holder)
            command = group.commands[name]
        else:
            holder.command(name)(getattr(module, name.replace("-", "_")))
            command = typer.main.get_command(holder)
        _add_quiet(command)
        return command


_QUIET_HELP = "Print no progress, remarks and summaries."
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help=_QUIET_HELP)]


def _add_quiet(command: Any) -> None:
    """`--quiet` is understood after the command, too."""
    for inner in getattr(command, "commands", {}).values():
        _add_quiet(inner)
    if not hasattr(command, "commands"):
        command.params.append(_quiet_option())


def _become_quiet(is_wanted: bool) -> None:
    if is_wanted:
        set_quiet(True)


_QuietAfterCommand = Annotated[
    bool, typer.Option("--quiet", "-q", help=_QUIET_HELP, expose_value=False, callback=_become_quiet)
]


@cache
def _quiet_option() -> Any:
    holder = typer.Typer(add_completion=False)

    @holder.command()
    def with_quiet(quiet: _QuietAfterCommand = False) -> None:
        """Only its option is used."""

    return typer.main.get_command(holder).params[0]
