"""Ask what is erased; statements in `sql/erasing.sql`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.erasure import ErasedFace, ErasedParts, parts_of
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.ports import COLLECTION_BUCKET

_query = Statements("erasing")


def is_photo_erased(conn: Connection, photo: PhotoRef) -> bool:
    """Whether nothing of this version may be stored.

    A picture that comes through the Rekognition API has no versions and waits in no queue: sending it again is a new
    request to store it.
    """
    if photo.bucket == COLLECTION_BUCKET:
        return False
    values = {"photo_id": photo.photo_id, "generation": photo.generation}
    return conn.execute(_query("is_photo_erased"), values).fetchone() == (True,)


def erased_faces(conn: Connection, photos: Sequence[PhotoRef]) -> dict[PhotoRef, ErasedParts]:
    """The erased faces of these versions, for those that have some."""
    by_id = {UUID(photo.photo_id): photo for photo in photos if photo.bucket != COLLECTION_BUCKET}
    if not by_id:
        return {}
    values = {"photo_ids": list(by_id), "generations": [photo.generation for photo in by_id.values()]}
    found: dict[PhotoRef, list[ErasedFace]] = defaultdict(list)
    for row in conn.execute(_query("erased_parts"), values):
        found[by_id[row[1]]].append(face_of_row(row))
    return {photo: parts_of(faces, is_photo=False) for photo, faces in found.items()}


def face_of_row(row: TupleRow) -> ErasedFace:
    face_id, photo_id, generation, *box, bibs = row
    return ErasedFace(
        face_id=str(face_id),
        photo_id=photo_id.hex,
        generation=generation,
        box=Box(*box),
        bibs=tuple(Box(*one) for one in bibs),
    )
