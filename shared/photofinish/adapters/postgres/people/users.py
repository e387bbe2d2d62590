"""Users of the Rekognition API in Postgres: people with a user id; statements in `sql/people_users.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from pgvector import Vector

from photofinish.adapters.postgres.database import Connection, Database, is_storable
from photofinish.adapters.postgres.people.embeddings import confirmed_embeddings, face_embeddings
from photofinish.adapters.postgres.people.faces import change_faces, confirm_faces, face_owners, reject_faces
from photofinish.adapters.postgres.people.lifecycle import create_person
from photofinish.adapters.postgres.people.lookup import PERSON_COLUMNS, as_uuid, find_people, find_person, person_of_row
from photofinish.adapters.postgres.people.transactions import album_rows, album_transaction, people_transaction
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.face import Embedding
from photofinish.domain.people import FaceChanges, Person
from photofinish.domain.people_rules import faces_to_associate, faces_to_disassociate
from photofinish.errors import NotFound
from photofinish.ports import PersonMatch

_query = Statements("people_users")

CANDIDATES_PER_USER = 4


class PgUsers:
    """:class:`photofinish.ports.Users` in Postgres; threads may share it. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_user(self, album: str, user_id: str, *, by: str) -> Person:
        return create_person(self._database, album, name=None, user_id=user_id, by=by)

    def get_user(self, album: str, user_id: str) -> Person | None:
        with album_transaction(self._database, album) as (conn, album_id):
            person = None if album_id is None else _person_of_user(conn, album_id, user_id)
            if album_id is None or person is None:
                return None
            return find_person(conn, album, album_id, person)

    def list_users(self, album: str, *, limit: int, after: str | None = None) -> list[Person]:
        query, values = _query("users", columns=PERSON_COLUMNS), {"limit": limit, "after": after}
        return [person_of_row(album, row) for row in album_rows(self._database, album, query, values)]

    def associate_faces(
        self, album: str, user_id: str, face_ids: Sequence[str], *, min_similarity: float, by: str
    ) -> FaceChanges:
        with people_transaction(self._database, album) as (conn, album_id):
            person = _require_user(conn, album_id, user_id)
            changes = faces_to_associate(
                face_ids,
                face_owners(conn, album_id, face_ids),
                str(person),
                embeddings=face_embeddings(conn, album_id, face_ids),
                centroids=confirmed_embeddings(conn, album_id, person),
                min_similarity=min_similarity,
            )
            return change_faces(conn, album_id, person, changes, confirm_faces, kind="associate", by=by).changes

    def disassociate_faces(self, album: str, user_id: str, face_ids: Sequence[str], *, by: str) -> FaceChanges:
        with people_transaction(self._database, album) as (conn, album_id):
            person = _require_user(conn, album_id, user_id)
            changes = faces_to_disassociate(face_ids, face_owners(conn, album_id, face_ids), str(person))
            return change_faces(conn, album_id, person, changes, reject_faces, kind="disassociate", by=by).changes

    def user_faces(self, album: str, user_id: str) -> list[str]:
        rows = album_rows(self._database, album, _query("user_faces"), {"user_id": user_id})
        return [str(row[0]) for row in rows]

    def users_of_faces(self, album: str, face_ids: Sequence[str]) -> dict[str, str]:
        values = {"face_ids": [as_uuid(face_id) for face_id in face_ids]}
        rows = album_rows(self._database, album, _query("users_of_faces"), values)
        return {str(face_id): user_id for face_id, user_id in rows}

    def search_users(
        self, album: str, query: Embedding, *, limit: int, min_similarity: float, without: str | None = None
    ) -> list[PersonMatch]:
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None or limit < 1:
                return []
            values = {
                "album_id": album_id,
                "space": query.space,
                "query": Vector(query.vector).to_text(),
                "without": without,
                "count": CANDIDATES_PER_USER * limit,
            }
            candidates = [row[0] for row in conn.execute(_query("nearest_users"), values)]
            matches = [
                PersonMatch(person=person, similarity=float(centroid.vector @ query.vector))
                for person in find_people(conn, album, album_id, candidates)
                for centroid in confirmed_embeddings(conn, album_id, UUID(person.person_id))
                if centroid.space == query.space
            ]
        similar = [match for match in matches if match.similarity >= min_similarity]
        return sorted(similar, key=lambda match: (-match.similarity, match.person.user_id or ""))[:limit]


def _person_of_user(conn: Connection, album_id: int, user_id: str) -> UUID | None:
    if not is_storable(user_id):
        return None
    row = conn.execute(_query("person_of_user"), {"album_id": album_id, "user_id": user_id}).fetchone()
    return None if row is None else row[0]


def _require_user(conn: Connection, album_id: int, user_id: str) -> UUID:
    person = _person_of_user(conn, album_id, user_id)
    if person is None:
        raise NotFound("There is no user of this id in this album.")
    return person
