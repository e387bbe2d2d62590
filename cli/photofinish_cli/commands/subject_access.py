"""`photofinish subject-access`: everything that is kept about one person, as an archive for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from photofinish.errors import RejectedInput
from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import print_json, printable, reported_errors, say
from photofinish_cli.person_ids import whole_person_id


def subject_access(
    album: Album,
    person: Annotated[str, typer.Argument(help="Person id, as `people list` shows it, or its first characters.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The zip file to write; it must not exist yet.")],
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Write everything that is kept about a person into a zip file, which only its owner can read.

    It has no vectors and no other person's data: on previews every other face is redacted.

    Example: photofinish subject-access spring-10k 0c6f3b1e -o ada.zip
    """
    with reported_errors():
        use_deployment(state)
        person_id = whole_person_id(album, person)
        content = api_client.file_in_album(album, f"/people/{person_id}/subject-access")
        try:
            with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
        except FileExistsError:
            raise RejectedInput("file_exists", f"{output} exists already: name another file") from None
    if json:
        print_json({"file": str(output), "person_id": person_id, "size_bytes": len(content)})
        return
    say(printable(f"written: {output}, {len(content):,} bytes about {person_id}"))
