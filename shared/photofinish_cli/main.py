"""The `photofinish` command: what there is to type. Each command lives in a module of `commands/`."""

from __future__ import annotations

from collections.abc import Callable

import typer

from photofinish_cli.commands import analyze, demo, drop, find, local, models, repair, show, status

app = typer.Typer(
    help="A bucket of event photos becomes a searchable album: faces, bib numbers, sharpness.",
    epilog="Exit codes: 0 all is well, 1 something is wrong with what was asked for, 2 usage, 3 a setting or a part is "
    "missing, 4 a service does not answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

COMMANDS: dict[str, list[Callable[..., None]]] = {
    "Begin here": [demo.demo, analyze.analyze],
    "Local cloud": [local.up, local.down, local.env],
    "Albums": [drop.drop, status.status, show.show, show.trace, find.find],
    "Repair": [repair.reconcile, repair.redrive, repair.migrate],
}
for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(models.app, name="models", rich_help_panel="Repair")
