"""Create and delete people, with or without a user id of the Rekognition API."""

from __future__ import annotations

import uuid

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.people.journal import record_change
from photofinish.adapters.postgres.people.lookup import require_person
from photofinish.adapters.postgres.people.transactions import people_transaction
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.people import Person
from photofinish.errors import Conflict

_query = Statements("people")


def create_person(database: Database, album: str, *, name: str | None, user_id: str | None, by: str) -> Person:
    """Raises Conflict, code `user_exists`, where the album already has a user of this id."""
    person = uuid.uuid4()
    with people_transaction(database, album) as (conn, album_id):

        def insert() -> None:
            values = {"person_id": person, "album_id": album_id, "name": name, "user_id": user_id}
            if conn.execute(_query("create_person"), values).fetchone() is None:
                raise Conflict("user_exists", f"The album has a user {user_id!r} already.")

        record_change(conn, album_id, insert, kind="create", by=by, person_ids=[person])
        return require_person(conn, album, album_id, person)
