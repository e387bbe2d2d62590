"""Which people's documents are to be written anew, and with what; statements in `sql/people_projection.sql`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from photofinish.adapters.pg_people import exclusively, person_of_row, reading
from photofinish.adapters.pg_people_changes import numbers_of
from photofinish.adapters.postgres import Database, statement
from photofinish.domain.bib_links import PersonNumber
from photofinish.domain.geometry import Box
from photofinish.domain.person import Person
from photofinish.domain.photo import PhotoRef

# More would make the document and its index entries large; the API lists all of them.
MAX_FACES = 1000
_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFace:
    """A face of a person as apps see it."""

    face_id: str
    photo: PhotoRef
    box: Box
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDocument:
    """What apps see of a person: nothing biometric."""

    person: Person
    faces: tuple[ShownFace, ...]
    """The best `MAX_FACES`, the best first."""
    numbers: tuple[PersonNumber, ...]


class PgPeopleProjection:
    """The way of people to Firestore; threads may share it. Methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def exclusively(self, album: str) -> AbstractContextManager[bool]:
        """Whether nobody else writes the album's documents, so that an older state never follows a newer one."""
        return exclusively(self._database, album, _query("try_lock"))

    def pending(self, album: str) -> dict[str, int]:
        """Some of the people whose documents are out of date, and at which revision they are."""
        with reading(self._database, album) as (conn, album_id):
            values = {"album_id": album_id, "limit": _BATCH}
            rows = [] if album_id is None else conn.execute(_query("pending"), values).fetchall()
        return {str(person_id): revision for person_id, revision in rows}

    def pending_albums(self) -> list[str]:
        """Albums with documents that are out of date."""
        with self._database.transaction() as conn:
            return [row[0] for row in conn.execute(_query("pending_albums"))]

    def documents(self, album: str, person_ids: list[str]) -> dict[str, PersonDocument | None]:
        """What the documents of these people are to be now; None for somebody who is gone."""
        with reading(self._database, album) as (conn, album_id):
            if album_id is None:
                return dict.fromkeys(person_ids)
            ids = [UUID(person_id) for person_id in person_ids]
            values = {"album_id": album_id, "person_ids": ids, "limit": MAX_FACES}
            people = [person_of_row(album, row) for row in conn.execute(_query("people"), values)]
            faces: dict[str, list[ShownFace]] = defaultdict(list)
            for person_id, face_id, bucket, name, generation, x, y, w, h, quality in conn.execute(
                _query("faces"), values
            ):
                ref = PhotoRef(bucket=bucket, name=name, generation=generation)
                faces[str(person_id)].append(
                    ShownFace(face_id=str(face_id), photo=ref, box=Box(x, y, w, h), quality=quality)
                )
            numbers = numbers_of(conn, album_id, ids)
        return dict.fromkeys(person_ids) | {
            person.person_id: PersonDocument(
                person=person, faces=tuple(faces[person.person_id]), numbers=tuple(numbers[person.person_id])
            )
            for person in people
        }

    def done(self, revisions: Mapping[str, int]) -> None:
        """The documents were written at these revisions; whoever changed since stays pending."""
        values = {"person_ids": [UUID(person_id) for person_id in revisions], "revisions": list(revisions.values())}
        with self._database.transaction() as conn:
            conn.execute(_query("done"), values)


def _query(name: str) -> sql.SQL | sql.Composed:
    return statement("people_projection", name)
