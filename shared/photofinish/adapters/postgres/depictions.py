"""What photos show, in Postgres: written with a photo's faces; statements in `sql/depictions.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.halfvec import unit_rows
from photofinish.adapters.postgres.spaces import Space
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.depiction import Depiction, Label
from photofinish.ports import SeenDepiction

_query = Statements("depictions")
_index_query = Statements("face_index")

# As for faces: for fewer, Postgres compares all.
INDEXED_FROM_PHOTOS = 2000


def prepare_depictions(database: Database, album_id: int, space: Space) -> None:
    """Create the album's partition, and the index of `space` in it for an album with many photos, if they are missing.

    In a transaction of its own, so that its locks are held only briefly.
    """
    partition = f"depiction_{album_id}"
    index = f"{partition}_space_{space.space_id}"
    with database.transaction() as conn:
        existing = _existing(conn, partition, index)
        if index in existing or (partition in existing and not _has_many(conn, album_id, space)):
            return
        conn.execute(_index_query("lock_partitions"))
        existing = _existing(conn, partition, index)
        if partition not in existing:
            conn.execute(_query("create_partition"), {"album_id": album_id})
        elif index not in existing:
            values = {"album_id": album_id, "space_id": space.space_id, "dimension": space.dimension}
            conn.execute(_query("create_space_index"), values)


def write_depiction(conn: Connection, photo_key: dict[str, Any], depiction: Depiction, space: Space) -> None:
    """Write what a photo shows, whose row there is not; `photo_key` has its `photo_id` and `album_id`."""
    values = {
        "space_id": space.space_id,
        "embedding": HalfVector(depiction.embedding.vector).to_text(),
        "labels": [label.name for label in depiction.labels],
        "label_scores": [label.score for label in depiction.labels],
    }
    conn.execute(_query("insert_depiction"), photo_key | values)


def seen_depictions(rows: Sequence[TupleRow], query: NDArray[np.float32]) -> list[SeenDepiction]:
    """What `nearest_depictions` found for a query, nearest first; its rows are photo id, labels, scores, vector."""
    if not rows:
        return []
    similarities = (unit_rows([row[-1] for row in rows]) @ query).tolist()
    found = [
        SeenDepiction(
            photo_id=photo_id.hex,
            similarity=similarity,
            labels=tuple(Label(name=name, score=score) for name, score in zip(labels, scores, strict=True)),
        )
        for (photo_id, labels, scores, _), similarity in zip(rows, similarities, strict=True)
    ]
    return sorted(found, key=lambda one: (-one.similarity, one.photo_id))


def _existing(conn: Connection, *names: str) -> set[str]:
    rows = conn.execute(_index_query("tables_and_indexes"), {"names": list(names)}).fetchall()
    return {row[0] for row in rows}


def _has_many(conn: Connection, album_id: int, space: Space) -> bool:
    literals = {"album_id": sql.Literal(album_id), "space_id": sql.Literal(space.space_id)}
    row = conn.execute(_query("count_depictions", **literals), {"count": INDEXED_FROM_PHOTOS}).fetchone()
    assert row is not None, "an aggregate returns one row"
    return int(row[0]) >= INDEXED_FROM_PHOTOS
