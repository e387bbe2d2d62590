"""Track which documents of people are out of date; statements in `sql/people_projection.sql`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from uuid import UUID

from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.people.lookup import find_people
from photofinish.adapters.postgres.people.numbers import numbers_of
from photofinish.adapters.postgres.people.transactions import album_rows, album_transaction, exclusively
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.geometry import Box
from photofinish.domain.people import PersonDocument, ShownFace
from photofinish.domain.photo import PhotoRef

_query = Statements("people_projection")

# More would make the document and its index entries large; the API lists all of them.
MAX_FACES = 1000
_BATCH = 200


class PgPeopleProjection:
    """:class:`photofinish.ports.PeopleProjection` in Postgres; thread-safe. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def exclusively(self, album: str) -> AbstractContextManager[bool]:
        return exclusively(self._database, album, _query("try_lock"))

    def pending(self, album: str) -> dict[str, int]:
        rows = album_rows(self._database, album, _query("pending"), {"limit": _BATCH})
        return {str(person_id): revision for person_id, revision in rows}

    def pending_albums(self) -> list[str]:
        with self._database.transaction() as conn:
            return [row[0] for row in conn.execute(_query("pending_albums"))]

    def documents(self, album: str, person_ids: list[str]) -> dict[str, PersonDocument | None]:
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None:
                return dict.fromkeys(person_ids)
            ids = [UUID(person_id) for person_id in person_ids]
            values = {"album_id": album_id, "person_ids": ids, "limit": MAX_FACES}
            people = find_people(conn, album, album_id, ids)
            faces: dict[str, list[ShownFace]] = defaultdict(list)
            for person_id, face_id, bucket, name, generation, *box, quality in conn.execute(_query("faces"), values):
                ref = PhotoRef(bucket=bucket, name=name, generation=generation)
                faces[str(person_id)].append(ShownFace(face_id=str(face_id), photo=ref, box=Box(*box), quality=quality))
            numbers = numbers_of(conn, album_id, ids)
        return dict.fromkeys(person_ids) | {
            person.person_id: PersonDocument(
                person=person, faces=tuple(faces[person.person_id]), numbers=tuple(numbers[person.person_id])
            )
            for person in people
        }

    def done(self, revisions: Mapping[str, int]) -> None:
        values = {"person_ids": [UUID(person_id) for person_id in revisions], "revisions": list(revisions.values())}
        with self._database.transaction() as conn:
            conn.execute(_query("done"), values)


def mark_outdated(conn: Connection, album_id: int, people: Iterable[UUID]) -> None:
    """Mark the documents of these people as out of date, those of deleted people included."""
    conn.execute(_query("mark_outdated"), {"album_id": album_id, "person_ids": list(people)})
