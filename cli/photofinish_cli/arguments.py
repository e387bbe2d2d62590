"""Arguments that several commands have, with how a shell completes them."""

from __future__ import annotations

from typing import Annotated

import typer

from photofinish.domain.photo import MAX_ALBUM_CHARS, album_name, is_album_name
from photofinish.errors import PhotofinishError, RejectedInput

_COMPLETION_TIMEOUT_S = 2.0  # the user waits after pressing the tab key
_COMPLETED = 200


def complete_album(context: typer.Context, incomplete: str) -> list[str]:
    """The albums whose name begins so; none where no deployment answers, because a shell shows no errors."""
    # Imported here: only shells call this.
    from photofinish_cli import api_client
    from photofinish_cli.deployment import use_deployment

    try:
        use_deployment(context.params.get("state"))
        answer = api_client.albums(limit=_COMPLETED, timeout_s=_COMPLETION_TIMEOUT_S)
    except PhotofinishError:
        return []
    begin = album_name(incomplete)
    return [name for album in answer["albums"] if (name := album["album"]).startswith(begin)]


def album_of(text: str) -> str:
    """The album that `text` names, in NFC; raises RejectedInput with a sentence where it cannot be one."""
    album = album_name(text)
    if not is_album_name(album):
        raise RejectedInput(
            "album_name_not_allowed",
            f"{album[:60]!r} cannot be an album: use 1 to {MAX_ALBUM_CHARS} printable characters, no slash, "
            "not '.', '..' or a name between double underscores",
        )
    return album


def _album(text: str) -> str:
    try:
        return album_of(text)
    except RejectedInput as error:
        raise typer.BadParameter(error.message) from None


Album = Annotated[
    str,
    typer.Argument(
        help="Album, the first part of the photos' names.",
        parser=_album,
        metavar="ALBUM",
        autocompletion=complete_album,
    ),
]
OptionalAlbum = Annotated[
    str | None,
    typer.Argument(
        help="Album, the first part of the photos' names.",
        parser=_album,
        metavar="[ALBUM]",
        autocompletion=complete_album,
    ),
]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing, and say what would be done.")]
