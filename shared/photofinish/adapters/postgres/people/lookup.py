"""Look up people of an album by id."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.people import Person, UnknownPerson

_query = Statements("people")

PERSON_COLUMNS = _query("person_columns")
"""What a statement selects for :func:`person_of_row`."""


def as_uuid(text: str) -> UUID:
    """Parse an id; the nil UUID, which nothing has, for text that is no UUID."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def find_people(conn: Connection, album: str, album_id: int, person_ids: Sequence[UUID]) -> list[Person]:
    """Those of these people that the album has, in the given order."""
    values = {"album_id": album_id, "person_ids": list(person_ids)}
    rows = {row[0]: row for row in conn.execute(_query("people", columns=PERSON_COLUMNS), values)}
    return [person_of_row(album, rows[person_id]) for person_id in person_ids if person_id in rows]


def find_person(conn: Connection, album: str, album_id: int, person_id: UUID) -> Person | None:
    return next(iter(find_people(conn, album, album_id, [person_id])), None)


def require_person(conn: Connection, album: str, album_id: int, person_id: UUID) -> Person:
    """Raises UnknownPerson."""
    person = find_person(conn, album, album_id, person_id)
    if person is None:
        raise UnknownPerson
    return person


def person_of_row(album: str, row: TupleRow) -> Person:
    person_id, name, user_id, created_at, faces, confirmed, enrolled = row
    return Person(
        person_id=str(person_id),
        album=album,
        name=name,
        user_id=user_id,
        created_at=created_at,
        face_count=faces,
        confirmed_count=confirmed,
        enrolled_count=enrolled,
    )
