"""Entries of the suppression list, inside a transaction; statements in `sql/consents.sql`."""

from __future__ import annotations

import uuid

from pgvector import HalfVector
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.spaces import use_space
from photofinish.adapters.postgres.sql import Statements
from photofinish.adapters.postgres.subscriptions.ending import end_suppressed
from photofinish.domain.suppression import OptOut, OptOutSource, Refusal

_query = Statements("consents")
OPT_OUT_COLUMNS = _query("opt_out_columns")


def insert_opt_out(
    conn: Connection,
    album_id: int | None,
    refusal: Refusal,
    *,
    source: OptOutSource,
    by: str,
    person_id: str | None = None,
) -> OptOut:
    opt_out_id = uuid.uuid4()
    values = {
        "opt_out_id": opt_out_id,
        "album_id": album_id,
        "person_id": None if person_id is None else as_uuid(person_id),
        "source": source,
        "templates": len(refusal.templates),
        "added_by": by,
    }
    conn.execute(_query("add_opt_out"), values)
    for template in refusal.templates:
        space = use_space(conn, template.space, template.vector.size)
        template.check_dimension(space.dimension)
        stored = {
            "opt_out_id": opt_out_id,
            "space_id": space.space_id,
            "min_similarity": refusal.min_similarity,
            "embedding": HalfVector(template.vector).to_text(),
        }
        conn.execute(_query("add_template"), stored)
    end_suppressed(conn, opt_out_id)
    row = conn.execute(_query("opt_out", columns=OPT_OUT_COLUMNS), {"opt_out_id": opt_out_id}).fetchone()
    assert row is not None, "inserted above"
    return opt_out_of_row(row)


def withdraw(conn: Connection, album_id: int, person_id: str, refusal: Refusal, *, by: str) -> OptOut:
    """Add an entry for a withdrawal; where the person is on the list already, have that entry applied again."""
    values = {"album_id": album_id, "person_id": as_uuid(person_id)}
    conn.execute(_query("apply_again"), values)
    rows = conn.execute(_query("opt_outs_of_person", columns=OPT_OUT_COLUMNS), values)
    known = [entry for row in rows if (entry := opt_out_of_row(row)).templates]
    if known:
        return known[0]
    return insert_opt_out(conn, album_id, refusal, source=OptOutSource.WITHDRAWAL, by=by, person_id=person_id)


def take_back(conn: Connection, album_id: int, person_id: str) -> None:
    """Remove the entries that withdrawals of a person made."""
    conn.execute(_query("remove_opt_outs_of_person"), {"album_id": album_id, "person_id": as_uuid(person_id)})


def opt_out_of_row(row: TupleRow) -> OptOut:
    opt_out_id, album, source, person_id, templates, added_at, added_by, applied_at = row
    return OptOut(
        opt_out_id=str(opt_out_id),
        album=album,
        source=OptOutSource(source),
        person_id=None if person_id is None else str(person_id),
        templates=templates,
        added_at=added_at,
        added_by=added_by,
        applied_at=applied_at,
    )
