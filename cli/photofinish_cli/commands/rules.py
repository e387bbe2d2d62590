"""`photofinish rules`: rules for the bib numbers of an album."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from photofinish.domain.start_list import StartList
from photofinish.errors import RejectedInput
from photofinish_cli import api_client
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import console, print_json, printable, reported_errors

_DIGITS = re.compile(r"([0-9])(?:-([0-9]))?")


def _digits(text: str) -> tuple[int, int]:
    found = _DIGITS.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= int(found[2] or found[1]):
        raise typer.BadParameter(f"{text!r}: write how many digits a number has, such as 4 or 3-5")
    return int(found[1]), int(found[2] or found[1])


def rules(
    album: Annotated[str, typer.Argument(help="Album whose rules are shown, or changed by the options.")],
    digits: Annotated[
        Any, typer.Option("--digits", help="How many digits a number has: 4, or 3-5.", parser=_digits, metavar="N[-M]")
    ] = None,
    prefix: Annotated[
        list[str] | None, typer.Option("--prefix", help="First digits of every number; repeat it for several.")
    ] = None,
    start_list: Annotated[
        Path | None,
        typer.Option(
            "--start-list", help="CSV with number and name; no other number is then a bib.", exists=True, dir_okay=False
        ),
    ] = None,
    no_start_list: Annotated[bool, typer.Option("--no-start-list", help="Remove the start list.")] = False,
    usual: Annotated[bool, typer.Option("--usual", help="Start from the default rules.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Show or set which numbers are bibs in an album; applies to photos analysed from now on.

    Examples:

      photofinish rules spring-10k

      photofinish rules spring-10k --digits 3-4 --start-list runners.csv
    """
    changes: dict[str, Any] = {}
    if digits:
        changes["min_digits"], changes["max_digits"] = digits
    if prefix:
        changes["prefixes"] = prefix
    with reported_errors():
        if start_list:
            changes["start_list"] = _entrants(start_list)
        elif no_start_list:
            changes["start_list"] = None
        use_deployment(state)
        found = api_client.bib_rules(album)
        if changes or usual:
            found = api_client.set_bib_rules(album, changes if usual else found | changes)
    if json:
        print_json(found)
    else:
        console().print(printable(f"{album}: {in_words(found)}"))


def in_words(rules: dict[str, Any]) -> str:
    """The rules as a sentence for people."""
    fewest, most = rules["min_digits"], rules["max_digits"]
    told = [f"bib numbers have {fewest if fewest == most else f'{fewest} to {most}'} digits"]
    if rules["prefixes"]:
        told.append(f"begin with {' or '.join(rules['prefixes'])}")
    entrants = rules["start_list"]
    told.append("no start list" if entrants is None else f"are on the start list ({len(entrants)} numbers)")
    return ", ".join(told)


def _entrants(file: Path) -> list[dict[str, str]]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RejectedInput("bad_start_list", f"{file} is not UTF-8: save it as CSV UTF-8.") from None
    names = StartList.from_csv(text).names
    return [{"number": number, "name": name} for number, name in names.items()]
