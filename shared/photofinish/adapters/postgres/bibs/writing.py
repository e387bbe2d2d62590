"""Write the bibs of photos: what was read, with users' corrections applied. The only place that writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.bibs.rows import bib_rows, bibs_of_json, correction_of_json, json_of_bibs
from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.erasing.tombstones import erased_faces
from photofinish.adapters.postgres.people.projection import mark_outdated
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.bib_changes import PhotoBibs
from photofinish.domain.bib_corrections import BibCorrection, EffectiveBib, corrected
from photofinish.domain.face import face_id
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef

_query = Statements("bibs")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPhotoBibs:
    """What the row of a photo holds of its bibs."""

    photo: PhotoRef
    pipeline_version: str
    read: tuple[EffectiveBib, ...]
    """Before corrections."""
    rules: str
    """Fingerprint of the rules that it was read by."""
    revision: int


def lock_photos(conn: Connection, album_id: int, photo_ids: Sequence[str]) -> list[StoredPhotoBibs]:
    """Lock the rows of analysed photos until the transaction ends, in the order of their ids."""
    values = {"album_id": album_id, "photo_ids": list(photo_ids)}
    return [stored_bibs(row) for row in conn.execute(_query("lock_photos"), values)]


def stored_bibs(row: TupleRow) -> StoredPhotoBibs:
    bucket, name, generation, pipeline_version, read, rules, revision = row
    return StoredPhotoBibs(
        photo=PhotoRef(bucket=bucket, name=name, generation=generation),
        pipeline_version=pipeline_version,
        read=bibs_of_json(read),
        rules=rules,
        revision=revision,
    )


def active_corrections(conn: Connection, photos: Sequence[PhotoRef]) -> dict[PhotoRef, list[BibCorrection]]:
    """The corrections that apply to these versions, oldest first."""
    by_id = {UUID(photo.photo_id): photo for photo in photos}
    found: dict[PhotoRef, list[BibCorrection]] = {photo: [] for photo in photos}
    for photo_id, generation, correction in conn.execute(_query("active_corrections"), {"photo_ids": list(by_id)}):
        if by_id[photo_id].generation == generation:
            found[by_id[photo_id]].append(correction_of_json(correction))
    return found


def faces_of(conn: Connection, album_id: int, photo: PhotoRef, pipeline_version: str) -> dict[str, Box]:
    """Face id → box of the photo's faces, in the order of the analysis."""
    values = {"album_id": album_id, "photo_id": photo.photo_id}
    boxes = {str(id_): Box(*box) for id_, *box in conn.execute(_query("faces"), values)}
    order = {face_id(photo, pipeline_version, index): index for index in range(len(boxes))}
    return dict(sorted(boxes.items(), key=lambda item: (order.get(item[0], len(order)), item[0])))


def bibs_of(conn: Connection, album_id: int, known: StoredPhotoBibs) -> tuple[EffectiveBib, ...]:
    """The bibs that a photo shows."""
    corrections = active_corrections(conn, [known.photo])[known.photo]
    if not corrections:  # for most photos, without reading its faces
        return known.read
    return corrected(known.read, faces_of(conn, album_id, known.photo, known.pipeline_version), corrections)


def write_bibs(
    conn: Connection,
    album_id: int,
    read: Mapping[PhotoRef, Sequence[EffectiveBib]],
    faces: Mapping[PhotoRef, Mapping[str, Box]],
    *,
    rules: str,
) -> list[PhotoBibs]:
    """Replace what was read in these photos, whose rows are locked; return their bibs with corrections applied.

    Numbers that were erased with a face are left out.
    """
    erased = erased_faces(conn, list(read))
    read = {
        photo: [bib for bib in found if not erased[photo].has_bib(bib.box)] if photo in erased else found
        for photo, found in read.items()
    }
    corrections = active_corrections(conn, list(read))
    bibs = {photo: corrected(found, faces[photo], corrections[photo]) for photo, found in read.items()}
    values: dict[str, Any] = {
        "photo_ids": [photo.photo_id for photo in read],
        "read": [Jsonb(json_of_bibs(found)) for found in read.values()],
        "rules": rules,
    }
    revisions: dict[UUID, int] = dict(conn.execute(_query("set_bibs_read"), values).fetchall())
    conn.execute(_query("delete_bibs"), values)
    rows, candidates = [], []
    for photo, shown in bibs.items():
        of_bibs, of_candidates = bib_rows({"photo_id": photo.photo_id, "album_id": album_id}, shown)
        rows += of_bibs
        candidates += of_candidates
    conn.cursor().executemany(_query("insert_bib"), rows)
    conn.cursor().executemany(_query("insert_bib_candidate"), candidates)
    return [
        PhotoBibs(photo=photo, bibs=shown, revision=revisions[UUID(photo.photo_id)]) for photo, shown in bibs.items()
    ]


def mark_projections_outdated(
    conn: Connection, album_id: int, before: Sequence[EffectiveBib], after: Sequence[PhotoBibs]
) -> None:
    """Have the documents of these photos written again, and those of the people whose numbers that changes."""
    if not after:
        return
    values: dict[str, Any] = {
        "album_id": album_id,
        "photo_ids": [one.photo.photo_id for one in after],
        "revisions": [one.revision for one in after],
        "numbers": sorted({bib.number for bib in before} | {bib.number for one in after for bib in one.bibs}),
    }
    conn.execute(_query("mark_photos_outdated"), values)
    mark_outdated(conn, album_id, sorted(row[0] for row in conn.execute(_query("people_concerned"), values)))
