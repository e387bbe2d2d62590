"""People of albums in Postgres: layout in `sql/migrations`, statements in `sql/people.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.people.embeddings import person_embeddings
from photofinish.adapters.postgres.people.faces import face_owners, keep_faces
from photofinish.adapters.postgres.people.journal import record_change
from photofinish.adapters.postgres.people.lifecycle import create_person
from photofinish.adapters.postgres.people.lookup import (
    PERSON_COLUMNS,
    as_uuid,
    find_people,
    find_person,
    person_of_row,
    require_person,
)
from photofinish.adapters.postgres.people.transactions import album_rows, album_transaction, people_transaction
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.face import Embedding
from photofinish.domain.geometry import Box
from photofinish.domain.people import (
    Cover,
    FaceOwner,
    FaceSource,
    PeopleCount,
    Person,
    ShownFace,
    UnknownPerson,
    check_name,
)
from photofinish.domain.photo import PhotoRef
from photofinish.domain.words import name_match, words
from photofinish.ports import IndexedFace, PersonFace

_query = Statements("people")

MAX_FOUND_BY_NAME = 100


class PgPeople:
    """:class:`photofinish.ports.People` in Postgres; threads may share it. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, album: str, *, name: str | None = None, by: str) -> Person:
        checked = None if name is None else check_name(name)
        return create_person(self._database, album, name=checked, user_id=None, by=by)

    def get(self, album: str, person_id: str) -> Person | None:
        with album_transaction(self._database, album) as (conn, album_id):
            return None if album_id is None else find_person(conn, album, album_id, as_uuid(person_id))

    def list_people(
        self, album: str, *, limit: int, after: str | None = None, named: bool | None = None
    ) -> list[Person]:
        values = {"limit": limit, "after": None if after is None else as_uuid(after), "named": named}
        query = _query("list_people", columns=PERSON_COLUMNS)
        return [person_of_row(album, row) for row in album_rows(self._database, album, query, values)]

    def count(self, album: str) -> PeopleCount:
        [row] = album_rows(self._database, album, _query("count_people"), {}) or [(0, 0, 0)]
        people, on_photos, assigned_faces = row
        return PeopleCount(people=people, on_photos=on_photos, assigned_faces=assigned_faces)

    def covers(self, album: str, person_ids: Sequence[str]) -> dict[str, Cover]:
        values = {"person_ids": [as_uuid(person_id) for person_id in person_ids]}
        rows = album_rows(self._database, album, _query("covers"), values)
        return {str(person_id): _cover_of_row(row) for person_id, *row in rows}

    def find_by_name(self, album: str, name: str) -> list[Person]:
        requested = words(name)
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None or not requested:
                return []
            rows = conn.execute(_query("names"), {"album_id": album_id}).fetchall()
            ids = [person_id for person_id, full_name in rows if name_match(requested, full_name)]
            return find_people(conn, album, album_id, ids[:MAX_FOUND_BY_NAME])

    def rename(self, album: str, person_id: str, name: str | None, *, by: str) -> Person:
        person, checked = as_uuid(person_id), None if name is None else check_name(name)
        with people_transaction(self._database, album) as (conn, album_id):
            require_person(conn, album, album_id, person)

            def change() -> None:
                conn.execute(_query("rename_person"), {"person_id": person, "name": checked})
                if checked is not None:
                    keep_faces(conn, [person])

            record_change(conn, album_id, change, kind="rename", by=by, person_ids=[person])
            return require_person(conn, album, album_id, person)

    def embeddings(self, album: str, person_id: str) -> list[Embedding]:
        with album_transaction(self._database, album) as (conn, album_id):
            return [] if album_id is None else person_embeddings(conn, album_id, as_uuid(person_id))

    def faces(self, album: str, person_id: str, *, limit: int, offset: int = 0) -> list[PersonFace]:
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None:
                raise UnknownPerson
            require_person(conn, album, album_id, as_uuid(person_id))
            values = {"album_id": album_id, "person_id": as_uuid(person_id), "limit": limit, "offset": offset}
            return [_face_of_row(row) for row in conn.execute(_query("faces"), values)]

    def rejected_faces(self, album: str, person_id: str) -> set[str]:
        with album_transaction(self._database, album) as (conn, _):
            rows = conn.execute(_query("rejected_faces"), {"person_id": as_uuid(person_id)}).fetchall()
        return {str(row[0]) for row in rows}

    def face_owners(self, album: str, face_ids: Sequence[str]) -> dict[str, FaceOwner]:
        with album_transaction(self._database, album) as (conn, album_id):
            owners = {} if album_id is None else face_owners(conn, album_id, face_ids)
        return {face_id: owner for face_id, owner in owners.items() if owner is not None}


def _cover_of_row(row: Sequence[Any]) -> Cover:
    face_id, bucket, name, generation, pipeline_version, placeholder, *box, quality = row
    photo = PhotoRef(bucket=bucket, name=name, generation=generation)
    face = ShownFace(face_id=str(face_id), photo=photo, box=Box(*box), quality=quality)
    return Cover(face=face, pipeline_version=pipeline_version, placeholder=placeholder)


def _face_of_row(row: TupleRow) -> PersonFace:
    face_id, bucket, name, generation, *box, detection_score, sharpness, quality, source = row
    face = IndexedFace(
        face_id=str(face_id),
        photo=PhotoRef(bucket=bucket, name=name, generation=generation),
        box=Box(*box),
        detection_score=detection_score,
        sharpness=sharpness,
        quality=quality,
    )
    return PersonFace(face=face, source=FaceSource(source))
