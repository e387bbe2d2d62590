"""A contact sheet of people: each one's best face, their name or numbers, and how many faces they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photofinish.errors import Unavailable
from photofinish_cli.contact_sheet import Tile, contact_sheet
from photofinish_cli.output import counted
from photofinish_cli.person_ids import SHORT_CHARS
from photofinish_cli.pictures import square_around

_PARALLEL = 8
_COLUMNS, _TILE_PX, _TEXT_PX = 6, 260, 24
# Of the face's longer side, on every side: hair, ears and a collar are on the picture.
_MARGIN = 0.45

Fetch = Callable[[str], NDArray[np.uint8]]
"""Returns the picture (H, W, 3) BGR behind a link; may raise Unavailable."""


def people_sheet(
    people: Sequence[Mapping[str, Any]], fetch: Fetch, *, on_done: Callable[[], None]
) -> tuple[NDArray[np.uint8], int]:
    """The sheet (H, W, 3) BGR of `people` as `GET …/people` lists them, and how many covers could not be fetched.

    A person without a cover has an empty place. `on_done` is called once for each person.
    """

    def cover(person: Mapping[str, Any]) -> NDArray[np.uint8] | Unavailable | None:
        try:
            return _cover(person, fetch)
        except Unavailable as error:
            return error
        finally:
            on_done()

    with ThreadPoolExecutor(_PARALLEL, "cover") as pool:
        covers = list(pool.map(cover, people))
    tiles = [
        Tile(None if isinstance(picture, Unavailable) else picture, caption(person), note(person))
        for person, picture in zip(people, covers, strict=True)
    ]
    sheet = contact_sheet(tiles, columns=_COLUMNS, tile_width=_TILE_PX, aspect=1, text_px=_TEXT_PX)
    return sheet, sum(isinstance(picture, Unavailable) for picture in covers)


def caption(person: Mapping[str, Any]) -> str:
    """The name and the numbers; where there are none, that there are none."""
    numbers = " ".join(person["bib_numbers"])
    return "  ".join(filter(None, [person["name"], numbers])) or "no number"


def note(person: Mapping[str, Any]) -> str:
    """The number of faces, and the beginning of the id, which commands accept."""
    return f"{counted(person['face_count'], 'face')} · {person['person_id'][:SHORT_CHARS]}"


def _cover(person: Mapping[str, Any], fetch: Fetch) -> NDArray[np.uint8] | None:
    cover = person["cover"]
    if cover is None or cover["renditions"]["preview"] is None:
        return None
    picture = fetch(cover["renditions"]["preview"]["url"])
    if "at_s" in cover["box"]:  # of a video, whose picture is of another moment
        return picture
    return square_around(picture, cover["box"], margin=_MARGIN)
