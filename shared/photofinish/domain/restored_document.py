"""The document of a photo that is done, written again from the other stores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from photofinish.domain.bib_changes import without_older_bibs
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.photo_document import identity_fields, without_erased_faces
from photofinish.domain.work import PhotoState


def restored_fields(
    ref: PhotoRef, fields: Mapping[str, Any], known: Mapping[str, Any], *, now: datetime
) -> dict[str, Any]:
    """The whole document of a photo that is done, by `fields` and by what the `known` document of this version has."""
    final = {"status": PhotoStatus.DONE.value, "error": None, "changed_at": now}
    kept = {name: value for name, value in known.items() if name not in {"open_attempts", "progress"}}
    return identity_fields(ref) | kept | without_older_bibs(without_erased_faces(fields, known), known) | final


def may_be_restored(state: PhotoState | None, photo: PhotoRef) -> bool:
    """Whether the document with this state may be written by another store's word that the photo is done."""
    if state is None or state.generation < photo.generation:
        return True
    return state.generation == photo.generation and state.status is PhotoStatus.DONE and state.duplicate_of is None
