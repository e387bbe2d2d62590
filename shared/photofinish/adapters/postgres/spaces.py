"""Embedding spaces in Postgres; statements in `sql/spaces.sql`."""

from __future__ import annotations

from typing import NamedTuple

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.sql import Statements

_query = Statements("spaces")


class Space(NamedTuple):
    """The row of an embedding space."""

    space_id: int
    dimension: int


def find_space(conn: Connection, name: str) -> Space | None:
    row = conn.execute(_query("find_space"), {"space": name}).fetchone()
    return None if row is None else Space(*row)


def use_space(conn: Connection, name: str, dimension: int) -> Space:
    """Return the space `name`; create it with `dimension` if it does not exist.

    Looks for it first: every INSERT uses up one of the 32,767 possible numbers, even if it conflicts.
    """
    space = find_space(conn, name)
    if space is None:
        conn.execute(_query("use_space"), {"space": name, "dimension": dimension})
        space = find_space(conn, name)
        assert space is not None, "inserted above, or by a concurrent transaction"
    return space
