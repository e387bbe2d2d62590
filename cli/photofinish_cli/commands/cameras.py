"""`photofinish cameras`: the cameras of an album, and the shifts of their clocks."""

from __future__ import annotations

import difflib
import re
from datetime import timedelta
from typing import Annotated, Any

import typer

from photofinish.errors import NotFound
from photofinish_cli import api_client
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import console, print_json, printable, reported_errors, say, table

# From this confidence on, `--apply` sets what was found. Cameras with right clocks at two places of the course were
# seen to reach .52: their runners need about the same time from one to the other.
SURE = 0.7
_SHIFT = re.compile(r"([+-]?)((?:[0-9]+(?:\.[0-9]+)?[dhms])+|0)")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def parse_shift(text: str) -> timedelta:
    """Parse `+1h`, `-90m`, `1h30m`, `0`; raises ValueError for anything else."""
    match = _SHIFT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"write a shift as +1h, -90m, 1h30m, 45s or 0, not {text[:40]!r}")
    parts = re.findall(r"([0-9.]+)([dhms])", match[2])
    shift = sum((timedelta(**{_UNITS[unit]: float(amount)}) for amount, unit in parts), timedelta())
    return -shift if match[1] == "-" else shift


def shift_in_words(seconds: int) -> str:
    """Write seconds as `+1h 30m`."""
    left, told = abs(seconds), []
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        if left >= length:
            told.append(f"{left // length}{unit}")
            left %= length
    return f"{'-' if seconds < 0 else '+'}{' '.join(told)}" if told else "0"


def cameras(
    album: Annotated[str, typer.Argument(help="Album whose cameras are shown.")],
    shift: Annotated[
        tuple[str, str] | None,
        typer.Option("--shift", help="What to add to the clock of a camera: +1h, -90m, 0.", metavar="CAMERA SHIFT"),
    ] = None,
    find: Annotated[
        bool, typer.Option("--find", help="Find the shifts from people and numbers on photos of two cameras.")
    ] = False,
    reference: Annotated[
        str | None, typer.Option("--reference", help="With --find: the camera that is right (that with most photos).")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="With --find: set the shifts that are sure.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Show the cameras of an album; set or find by how much their clocks are off.

    Time windows of searches compare the shifted times; the times that the cameras wrote are kept.

    Examples:

      photofinish cameras spring-10k --find

      photofinish cameras spring-10k --find --apply

      photofinish cameras spring-10k --shift "NIKON D850" +1h
    """
    if (reference or apply) and not find:
        raise typer.BadParameter("give --find too", param_hint="--apply" if apply else "--reference")
    try:
        wanted = (shift[0], parse_shift(shift[1])) if shift else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--shift") from None
    with reported_errors():
        use_deployment(state)
        query = {"find": "true"} | ({"reference": reference} if reference else {}) if find else {}
        answer = api_client.in_album("GET", album, "/cameras", params=query)
        if not answer["cameras"]:
            # Shifts may be set before photos come, so the route knows any album; this one refuses a mistyped name.
            api_client.album(album)
        changes = {
            camera["name"]: camera["found"]["shift_s"] for camera in answer["cameras"] if apply and _is_sure(camera)
        }
        if wanted:
            _check_camera(wanted[0], [camera["name"] for camera in answer["cameras"]], album)
            changes[wanted[0]] = round(wanted[1].total_seconds())
        if changes:
            shifts = {camera["name"]: camera["shift_s"] for camera in answer["cameras"]} | changes
            kept = {name: seconds for name, seconds in shifts.items() if seconds}
            now = api_client.in_album("PUT", album, "/cameras", json={"shifts_s": kept})
            set_now = {camera["name"]: camera["shift_s"] for camera in now["cameras"]}
            for camera in answer["cameras"]:
                camera["shift_s"] = set_now.get(camera["name"], 0)
    if json:
        print_json(answer)
        return
    if not answer["cameras"]:
        say(printable(f"{album}: no photo with a camera's name is analysed"))
        return
    console().print(_table(answer))
    if find:
        say(printable(f"compared with {answer['reference']}"))


def _is_sure(camera: dict[str, Any]) -> bool:
    return camera["found"] is not None and camera["found"]["confidence"] >= SURE


def _check_camera(name: str, known: list[str], album: str) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        advice = f": did you mean {close[0]!r}?" if close else f"; it has {', '.join(known) or 'none'}"
        raise NotFound(f"no photo of {album} is from the camera {name!r}{advice}")


def _table(answer: dict[str, Any]) -> Any:
    shown = table("camera", "photos", "first", "last", "shift", "found", "sure", right=["photos", "shift"])
    for camera in answer["cameras"]:
        found = camera["found"]
        shown.add_row(
            printable(camera["name"]),
            str(camera["photos"]),
            camera["first"] or "",
            camera["last"] or "",
            shift_in_words(camera["shift_s"]),
            shift_in_words(found["shift_s"]) if found else "",
            f"{found['confidence']:.2f} ({found['agreeing']} of {found['subjects']})" if found else "",
        )
    return shown
