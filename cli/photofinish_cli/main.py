"""The `photofinish` command: what there is to type. Each command lives in a module of `commands/`."""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

# Command → (help panel, module of `commands/`), in the order of the help text.
COMMANDS = {
    "demo": ("Begin here", "demo"),
    "analyze": ("Begin here", "analyze"),
    "evaluate": ("Begin here", "evaluate"),
    "up": ("Local cloud", "local"),
    "down": ("Local cloud", "local"),
    "env": ("Local cloud", "local"),
    "logs": ("Local cloud", "logs"),
    "drop": ("Albums", "drop"),
    "status": ("Albums", "status"),
    "show": ("Albums", "show"),
    "trace": ("Albums", "show"),
    "find": ("Albums", "find"),
    "people": ("People", "people"),
    "clusters": ("People", "clusters"),
    "rules": ("Albums", "rules"),
    "import-rekognition": ("Albums", "import_rekognition"),
    "keys": ("Access", "keys"),
    "audit": ("Access", "audit"),
    "reconcile": ("Keeping it right", "repair"),
    "redrive": ("Keeping it right", "repair"),
    "migrate": ("Keeping it right", "repair"),
    "models": ("Keeping it right", "models"),
    "cost": ("Keeping it right", "cost"),
}


class LazyCommands(TyperGroup):
    """Imports the module of the command that was typed, and no other: what is not used costs no time."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        panel, name = COMMANDS[cmd_name]
        module = importlib.import_module(f"photofinish_cli.commands.{name}")
        holder = typer.Typer(pretty_exceptions_enable=False, add_completion=False, rich_markup_mode="rich")
        if hasattr(module, "app"):
            holder.add_typer(module.app, name=cmd_name, rich_help_panel=panel)
            group: Any = typer.main.get_command(holder)
            return group.commands[cmd_name]
        holder.command(cmd_name, rich_help_panel=panel)(getattr(module, cmd_name.replace("-", "_")))
        return typer.main.get_command(holder)


app = typer.Typer(
    cls=LazyCommands,
    help="A bucket of event photos becomes a searchable album: faces, bib numbers, sharpness.",
    epilog="Exit codes: 0 all is well, 1 something is wrong with what was asked for, 2 usage, 3 a setting or a part is "
    "missing, 4 a service does not answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"photofinish {metadata.version('photofinish')}")
        raise typer.Exit


@app.callback()
def photofinish(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""
