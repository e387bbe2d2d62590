"""The `photofinish` command: what there is to type. Each command lives in a module of `commands/`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from photofinish_cli.command_group import CommandEntry, LazyGroup, Quiet
from photofinish_cli.interrupts import end_promptly, exit_now
from photofinish_cli.output import ExitCode, print_error, set_quiet

COMPLETION_VARIABLE = "_PHOTOFINISH_COMPLETE"

COMMANDS = {
    name: CommandEntry(panel, module, summary)
    for panel, commands in {
        "Begin here": {
            "demo": ("demo", "Start the local cloud and find a runner in a sample album."),
            "analyze": ("analyze", "Find faces and bib numbers in photos, without any cloud."),
            "evaluate": ("evaluate", "Measure accuracy on your own labelled photos."),
            "completion": ("completion", "Print the completion script of your shell."),
        },
        "Local cloud": {
            "up": ("local", "Start everything on this machine."),
            "down": ("local", "Stop the local cloud; its data is kept."),
            "env": ("local", "Print the local cloud's environment variables."),
            "logs": ("logs", "Show what the local cloud logged."),
            "config": ("config", "Show every setting and where it comes from."),
        },
        "Albums": {
            "drop": ("drop", "Send photos to an album."),
            "albums": ("albums", "List the albums."),
            "photos": ("albums", "List the photos of an album, by what was found and by status."),
            "status": ("status", "Show how far an album is, and what is wrong."),
            "events": ("events", "Show what happened to an album, and follow it."),
            "stats": ("stats", "Count an album's photos by hour, camera and folder."),
            "show": ("show", "Show what was found in one photo."),
            "trace": ("show", "Show the stages of one photo with their times."),
            "find": ("find", "Find a person's photos by selfie, bib number, name or text."),
            "export": ("export", "Write the originals of a person's photos into a zip or a folder."),
            "bib": ("bib", "Correct a photo's bib numbers, and undo that."),
            "cameras": ("cameras", "Show, find or set by how much cameras' clocks are off."),
            "policy": ("policy", "Show or set whose faces an album indexes, and for how long."),
            "rules": ("rules", "Show or set which numbers are bibs in an album."),
            "webhooks": ("webhooks", "Send events to your servers; see and repeat what was sent."),
            "subscriptions": ("subscriptions", "Show and end who is told of new photos of theirs."),
            "import-rekognition": ("import_rekognition", "Move a collection from Amazon Rekognition here."),
        },
        "People": {
            "people": ("people", "Enrol, name, confirm and delete people."),
            "consent": ("consent", "Show, record and withdraw the consent of people."),
            "subject-access": ("subject_access", "Write everything that is kept about a person into a file."),
            "opt-out": ("opt_out", "Refuse the faces of people who want none indexed."),
            "clusters": ("clusters", "Cluster faces into people; merge, split, undo."),
        },
        "Access": {
            "share": ("share", "Make a link or QR code with which people find themselves in an album."),
            "keys": ("keys", "Create, list and revoke API keys."),
            "audit": ("audit", "List every search and change; verify that nothing of it was altered."),
            "erase": ("erase", "Erase a photo, a face, a person or an album for good."),
            "retention": ("retention", "List the albums that will be erased because they end."),
            "receipt": ("receipt", "Show and verify the signed receipts of erasures."),
        },
        "Keeping it right": {
            "check": ("check", "Compare all stores of an album, and mend what differs."),
            "reconcile": ("repair", "Queue photos of the bucket that have no record."),
            "rebuild": ("rebuild", "Write an album's documents or index again from the other stores."),
            "redrive": ("repair", "Queue an album's failed photos again."),
            "migrate": ("repair", "Bring the database to this version's schema."),
            "models": ("models", "List, build and verify the models."),
            "preflight": ("preflight", "Check what a project lacks for a deployment."),
            "cost": ("cost", "Show what an album cost, or estimate what a month costs."),
        },
    }.items()
    for name, (module, summary) in commands.items()
}


class Commands(LazyGroup):
    """The commands of `photofinish`."""

    entries = COMMANDS


app = typer.Typer(
    cls=Commands,
    help="A bucket of event photos becomes a searchable album: faces, bib numbers, sharpness.",
    epilog="Exit codes: 0 all is well, 1 something is wrong with what was asked for, 2 usage, 3 a setting or a part is "
    "missing, 4 a service does not answer, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run() -> None:
    """Run the command line of this process, and end it."""
    if COMPLETION_VARIABLE in os.environ:
        from typer.completion import get_completion_inspect_parameters

        get_completion_inspect_parameters()  # makes the shells known
    end_promptly()
    if wrong := next((argument for argument in sys.argv[1:] if not _is_text(argument)), None):
        print_error(f"{wrong!r} is not UTF-8: rename the file, or type the name again")
        sys.exit(ExitCode.USAGE)
    try:
        app(prog_name="photofinish")
    except SystemExit as ended:
        if ended.code == ExitCode.INTERRUPTED:
            exit_now()
        raise


def _is_text(argument: str) -> bool:
    """Whether an argument is UTF-8; other bytes are lone surrogates here. Existing files may have such names."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return os.path.lexists(argument)
    return True


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib import metadata

        typer.echo(f"photofinish {metadata.version('photofinish-server')}")
        raise typer.Exit


@app.callback()
def photofinish(
    context: typer.Context,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            envvar="PHOTOFINISH_PROFILE",
            help="Which settings of photofinish.toml apply: those of this table. Without it: of \\[local].",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            envvar="PHOTOFINISH_CONFIG",
            help="File of settings, instead of ./photofinish.toml or that of the user's configuration folder.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback ends the command
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Options before the command."""
    set_quiet(quiet)
    from photofinish_cli import config_file

    if profile is None and config is None and config_file.find_file(None) is None:
        return  # without a file, nothing is imported: the command starts faster
    from photofinish_cli.output import reported_errors

    with reported_errors():
        context.obj = chosen = config_file.read_profile(config_file.find_file(config), profile)
        if chosen is not None:
            config_file.apply(chosen, os.environ, was_named=profile is not None)
