"""`photofinish rules`: rules for the bib numbers of an album."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from photofinish.domain.bib_rules import Letters
from photofinish.domain.start_list import StartList
from photofinish.errors import RejectedInput
from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import counted, print_json, printable, reported_errors, say
from photofinish_cli.progress import progress_bar

_LETTERS_IN_WORDS = {
    Letters.BEFORE: "with letters before them",
    Letters.AFTER: "with letters after them",
    Letters.BOTH: "with letters before or after them",
}
_POLL_S = 0.5
_DIGITS = re.compile(r"([0-9])(?:-([0-9]))?")


def _digits(text: str) -> tuple[int, int]:
    found = _DIGITS.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= int(found[2] or found[1]):
        raise typer.BadParameter(f"{text!r}: write how many digits a number has, such as 4 or 3-5")
    return int(found[1]), int(found[2] or found[1])


def rules(
    album: Album,
    digits: Annotated[
        Any, typer.Option("--digits", help="How many digits a number has: 4, or 3-5.", parser=_digits, metavar="N[-M]")
    ] = None,
    letters: Annotated[
        Letters | None,
        typer.Option("--letters", help="Where bibs have letters that are a part of the number: before is A123."),
    ] = None,
    prefix: Annotated[
        list[str] | None, typer.Option("--prefix", help="First characters of every number; repeat it for several.")
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
    """Show or set which numbers are bibs in an album; its photos' text is then read again, without a new analysis.

    Examples:

      photofinish rules spring-10k

      photofinish rules spring-10k --digits 3-4 --start-list runners.csv

      photofinish rules relay --letters after
    """
    changes: dict[str, Any] = {}
    if digits:
        changes["min_digits"], changes["max_digits"] = digits
    if letters:
        changes["letters"] = letters
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
            found["rescoring"] = _all_read_again(album, found["rescoring"], plain=json)
    if json:
        print_json(found)
        return
    say(printable(f"{album}: {in_words(found)}"))
    if "rescoring" in found:
        say(what_changed(album, found["rescoring"]))


def _all_read_again(album: str, rescoring: dict[str, Any], *, plain: bool) -> dict[str, Any]:
    """Go on until all photos of the album follow its rules; a request reads as many as it has time for."""
    total = rescoring["photos"] + rescoring["remaining"]
    with progress_bar("reading again", total, plain=plain) as bar:
        while rescoring["remaining"]:
            bar.update(done=total - rescoring["remaining"])
            before = rescoring["remaining"]
            rescoring = api_client.in_album("POST", album, "/bib-rules/rescoring")
            if rescoring["remaining"] >= before:  # another process is reading this album again
                time.sleep(_POLL_S)
    return rescoring


def what_changed(album: str, rescoring: dict[str, Any]) -> str:
    """What reading an album's photos again changed, as a sentence for people."""
    changes = [(rescoring[what], what) for what in ("added", "removed", "changed") if rescoring[what]]
    told = [
        f"{count:,} {'' if index else 'number ' if count == 1 else 'numbers '}{what}"
        for index, (count, what) in enumerate(changes)
    ]
    numbers = ", ".join(told) or "no number changed"
    photos = f"{rescoring['photos']:,} photo{'' if rescoring['photos'] == 1 else 's'} read again"
    again = f"`photofinish reconcile --album {printable(album)} --again`"
    skipped = f"; {rescoring['skipped']:,} have no stored text and stay as they are: {again} analyses them"
    return f"{photos}: {numbers}{skipped if rescoring['skipped'] else ''}"


def in_words(rules: dict[str, Any]) -> str:
    """The rules as a sentence for people."""
    fewest, most = rules["min_digits"], rules["max_digits"]
    told = [f"bib numbers have {fewest if fewest == most else f'{fewest} to {most}'} digits"]
    if rules["letters"] != Letters.NONE:
        told.append(_LETTERS_IN_WORDS[Letters(rules["letters"])])
    if rules["prefixes"]:
        told.append(f"begin with {' or '.join(rules['prefixes'])}")
    entrants = rules["start_list"]
    told.append("no start list" if entrants is None else f"are on the start list ({counted(len(entrants), 'number')})")
    return ", ".join(told)


def _entrants(file: Path) -> list[dict[str, str]]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RejectedInput("bad_start_list", f"{file} is not UTF-8: save it as CSV UTF-8.") from None
    names = StartList.from_csv(text).names
    return [{"number": number, "name": name} for number, name in names.items()]
