"""Options that several commands have to choose photos by."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from photofinish_cli.times import parse_camera_time


def _time(text: str, *, is_end: bool) -> str:
    try:
        return parse_camera_time(text, date.today(), is_end=is_end).isoformat()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _from(text: str) -> str:
    return _time(text, is_end=False)


def _to(text: str) -> str:
    return _time(text, is_end=True)


TakenFrom = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help="Taken then or later, by the camera's clock: 2026-05-01T10:00, 2026-05-01, 'yesterday 10:30' or 10:30.",
        parser=_from,
    ),
]
TakenTo = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="Taken then or earlier; a day counts whole.", parser=_to)
]
Camera = Annotated[
    str | None, typer.Option("--camera", metavar="NAME", help="Make and model, exactly as `show` prints them.")
]
Folder = Annotated[
    str | None, typer.Option("--folder", metavar="FOLDER", help="Folder below the album, with the folders inside it.")
]
