"""Rows of erasures and their tombstones, inside a transaction; statements in `sql/erasing.sql`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.erasure import (
    ErasedFace,
    ErasedPhoto,
    Erasure,
    ErasureKind,
    ErasureTarget,
    Reason,
    added_counts,
)
from photofinish.errors import NotFound
from photofinish.ports.erasures import Buried

_query = Statements("erasing")


def unfinished(conn: Connection, target: ErasureTarget) -> Erasure | None:
    """The oldest erasure of this target that is not finished."""
    row = conn.execute(_query("unfinished_of"), _target_values(target)).fetchone()
    return None if row is None else get(conn, str(row[0]))


def covering(conn: Connection, target: ErasureTarget, generation: int) -> Erasure | None:
    """The latest erasure of this version of a photo, or of a newer one."""
    row = conn.execute(_query("covering"), _target_values(target) | {"generation": generation}).fetchone()
    return None if row is None else get(conn, str(row[0]))


def insert(
    conn: Connection,
    target: ErasureTarget,
    reason: Reason,
    buried: Buried | None,
    *,
    generation: int | None = None,
    name: str | None = None,
) -> str:
    """Insert an erasure, with the id and start that it has in `buried`; return its id."""
    erasure_id = str(uuid.uuid4()) if buried is None else buried.erasure.id
    values = _target_values(target) | {
        "erasure_id": as_uuid(erasure_id),
        "generation": generation,
        "face_ids": [as_uuid(face_id) for face_id in target.face_ids],
        "reason": reason.value,
        "object_name": name if target.with_originals else None,
        "started_at": None if buried is None else buried.erasure.started_at,
    }
    conn.execute(_query("begin"), values)
    return erasure_id


def bury_photos(conn: Connection, erasure_id: str, photos: Sequence[ErasedPhoto]) -> None:
    values = versions(photos) | {"erasure_id": as_uuid(erasure_id)}
    conn.execute(_query("bury_photos"), values)
    conn.execute(_query("drop_places"), values)


def bury_faces(conn: Connection, erasure_id: str, faces: Sequence[ErasedFace]) -> None:
    conn.cursor().executemany(
        _query("bury_faces"),
        [
            {
                "erasure_id": as_uuid(erasure_id),
                "face_id": face.face_id,
                "photo_id": face.photo_id,
                "generation": face.generation,
                "box_x": face.box.x,
                "box_y": face.box.y,
                "box_w": face.box.w,
                "box_h": face.box.h,
                "box_at_s": face.box.at_s,
                "bibs": Jsonb([box.numbers for box in face.bibs]),
            }
            for face in faces
        ],
    )


def versions(photos: Iterable[ErasedPhoto]) -> dict[str, Any]:
    """Parameters of statements about versions of photos."""
    known = list(photos)
    return {
        "photo_ids": [as_uuid(photo.photo_id) for photo in known],
        "generations": [photo.generation for photo in known],
    }


def photos_of_rows(rows: Iterable[TupleRow]) -> list[ErasedPhoto]:
    return [ErasedPhoto(photo_id=photo_id.hex, generation=generation) for photo_id, generation in rows]


def note(conn: Connection, erasure_id: str, store: str, counts: Mapping[str, int], *, add: bool) -> None:
    """Record counts of what a store loses: in addition to those that are known, or instead of smaller ones."""
    values = {"erasure_id": as_uuid(erasure_id)}
    row = conn.execute(_query("lock_removed"), values).fetchone()
    assert row is not None, "inserted by begin"
    removed: dict[str, dict[str, int]] = row[0]
    known = removed.setdefault(store, {})
    for what, count in counts.items():
        if count:
            known[what] = known.get(what, 0) + count if add else max(known.get(what, 0), count)
    if known:
        conn.execute(_query("set_removed"), values | {"removed": Jsonb(removed)})


def finish(conn: Connection, erasure_id: str, at: datetime) -> None:
    """Record that an erasure is finished, and how many objects were noted for it; forget their names."""
    values = {"erasure_id": as_uuid(erasure_id)}
    conn.execute(_query("lock_removed"), values)
    removed = get(conn, erasure_id).removed
    conn.execute(_query("drop_objects"), values)
    conn.execute(_query("finish"), values | {"at": at, "removed": Jsonb(removed)})


def get(conn: Connection, erasure_id: str) -> Erasure:
    row = conn.execute(_query("get"), {"erasure_id": as_uuid(erasure_id)}).fetchone()
    if row is None:
        raise NotFound(f"There is no erasure {erasure_id!r}.")
    return erasure_of_row(row)


def erasure_of_row(row: TupleRow) -> Erasure:
    (
        erasure_id,
        kind,
        album,
        target_id,
        generation,
        originals,
        with_faces,
        face_ids,
        reason,
        started,
        finished,
        *counts,
    ) = row
    removed, objects = counts
    return Erasure(
        id=str(erasure_id),
        target=ErasureTarget(
            kind=ErasureKind(kind),
            album=album,
            id=target_id,
            generation=generation,
            with_originals=originals,
            with_faces=with_faces,
            face_ids=tuple(str(face_id) for face_id in face_ids),
        ),
        reason=Reason(reason),
        started_at=started,
        finished_at=finished,
        removed=added_counts(removed, objects),
    )


def _target_values(target: ErasureTarget) -> dict[str, Any]:
    return {
        "kind": target.kind.value,
        "album": target.album,
        "target_id": target.id,
        "generation": target.generation,
        "with_originals": target.with_originals,
        "with_faces": target.with_faces,
    }
