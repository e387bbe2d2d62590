"""People and users of albums in Postgres: layout in `sql/migrations`, statements in `sql/people.sql`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

from pgvector import Vector
from psycopg import sql
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.albums import find_album, use_album
from photofinish.adapters.postgres.database import Connection, Database, is_storable
from photofinish.adapters.postgres.halfvec import unit_vector
from photofinish.adapters.postgres.people.journal import change_people, query
from photofinish.domain.face import Embedding
from photofinish.domain.people import FaceChanges, FaceSource, Person, Weighted, centroids, check_name
from photofinish.domain.photo import is_album_name
from photofinish.domain.search import words
from photofinish.errors import Conflict, NotFound
from photofinish.ports import PersonMatch

MAX_FOUND_BY_NAME = 100
# More faces of one person, the best first, change the centroid by less than half precision does.
MAX_CENTROID_FACES = 500
CANDIDATES_PER_USER = 4


class PgPeople:
    """:class:`photofinish.ports.People` and :class:`photofinish.ports.Users` in a migrated Postgres database.

    Threads may share it. All methods raise what :meth:`Database.transaction` does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, album: str, *, name: str | None = None, by: str) -> Person:
        return self._create(album, name=None if name is None else check_name(name), user_id=None, by=by)

    def get(self, album: str, person_id: str) -> Person | None:
        with self._album(album) as (conn, album_id):
            return None if album_id is None else person_of(conn, album, album_id, as_uuid(person_id))

    def list_people(
        self, album: str, *, limit: int, after: str | None = None, named: bool | None = None
    ) -> list[Person]:
        with self._album(album) as (conn, album_id):
            values = {
                "album_id": album_id,
                "limit": limit,
                "after": None if after is None else as_uuid(after),
                "named": named,
            }
            rows = [] if album_id is None else conn.execute(query("people"), values).fetchall()
        return [person_of_row(album, row) for row in rows]

    def find_by_name(self, album: str, name: str) -> list[Person]:
        wanted = set(words(name))
        with self._album(album) as (conn, album_id):
            if album_id is None or not wanted:
                return []
            rows = conn.execute(query("names"), {"album_id": album_id}).fetchall()
            ids = [person_id for person_id, its_name in rows if wanted <= set(words(its_name))]
            found = [person_of(conn, album, album_id, person_id) for person_id in ids[:MAX_FOUND_BY_NAME]]
        return [person for person in found if person is not None]

    def rename(self, album: str, person_id: str, name: str | None, *, by: str) -> Person:
        person, checked = as_uuid(person_id), None if name is None else check_name(name)

        def change(conn: Connection, album_id: int) -> None:
            renamed = conn.execute(
                query("rename_person"), {"album_id": album_id, "person_id": person, "name": checked}
            ).fetchone()
            if renamed is None:
                raise unknown_person()
            if checked is not None:
                conn.execute(query("keep_faces"), {"person_ids": [person]})

        with changing(self._database, album) as (conn, album_id):
            change_people(conn, album_id, lambda: change(conn, album_id), kind="rename", by=by, person_ids=[person])
            return known_person(conn, album, album_id, person)

    def delete(self, album: str, person_id: str, *, by: str) -> bool:
        with self._album(album) as (conn, album_id):
            return album_id is not None and _delete(conn, album_id, as_uuid(person_id), by)

    def embeddings(self, album: str, person_id: str) -> list[Embedding]:
        with self._album(album) as (conn, album_id):
            return [] if album_id is None else person_embeddings(conn, album_id, as_uuid(person_id))

    def drop_album(self, album: str) -> None:
        with self._album(album) as (conn, album_id):
            if album_id is not None:
                conn.execute(query("project_album"), {"album_id": album_id})
                conn.execute(query("drop_people"), {"album_id": album_id})

    def create_user(self, album: str, user_id: str, *, by: str) -> Person:
        return self._create(album, name=None, user_id=user_id, by=by)

    def get_user(self, album: str, user_id: str) -> Person | None:
        with self._album(album) as (conn, album_id):
            person_id = None if album_id is None else _person_of_user(conn, album_id, user_id)
            if album_id is None or person_id is None:
                return None
            return person_of(conn, album, album_id, person_id)

    def delete_user(self, album: str, user_id: str, *, by: str) -> bool:
        with self._album(album) as (conn, album_id):
            person_id = None if album_id is None else _person_of_user(conn, album_id, user_id)
            return album_id is not None and person_id is not None and _delete(conn, album_id, person_id, by)

    def list_users(self, album: str, *, limit: int, after: str | None = None) -> list[Person]:
        with self._album(album) as (conn, album_id):
            values = {"album_id": album_id, "limit": limit, "after": after}
            rows = [] if album_id is None else conn.execute(query("users"), values).fetchall()
        return [person_of_row(album, row) for row in rows]

    def associate_faces(
        self, album: str, user_id: str, face_ids: Sequence[str], *, min_similarity: float, by: str
    ) -> FaceChanges:
        def change(conn: Connection, album_id: int, person: UUID) -> FaceChanges:
            known = faces_of(conn, album_id, face_ids)
            looks = _centroids(conn, album_id, person, [FaceSource.CONFIRMED], enrolled=False)
            similar = _similar(conn, album_id, list(known), looks, min_similarity)
            refused = {face_id: "unknown_face" for face_id in face_ids if as_uuid(face_id) not in known}
            for face_id, (owner, source, owner_user) in known.items():
                is_theirs = owner == person and source == FaceSource.CONFIRMED
                if owner != person and owner_user is not None and source == FaceSource.CONFIRMED:
                    refused[str(face_id)] = "other_person"
                elif not is_theirs and face_id not in similar:
                    refused[str(face_id)] = "not_similar"
            changed = _without(face_ids, refused)
            confirm_faces(conn, album_id, person, changed)
            return FaceChanges(changed=changed, refused=refused)

        return self._change_faces(album, user_id, face_ids, change, kind="associate", by=by)

    def disassociate_faces(self, album: str, user_id: str, face_ids: Sequence[str], *, by: str) -> FaceChanges:
        def change(conn: Connection, album_id: int, person: UUID) -> FaceChanges:
            known = faces_of(conn, album_id, face_ids)
            refused = {face_id: "unknown_face" for face_id in face_ids if as_uuid(face_id) not in known}
            for face_id, (owner, source, _) in known.items():
                if owner != person or source != FaceSource.CONFIRMED:
                    refused[str(face_id)] = "not_theirs"
            changed = _without(face_ids, refused)
            reject_faces(conn, album_id, person, changed)
            return FaceChanges(changed=changed, refused=refused)

        return self._change_faces(album, user_id, face_ids, change, kind="disassociate", by=by)

    def user_faces(self, album: str, user_id: str) -> list[str]:
        with self._album(album) as (conn, album_id):
            values = {"album_id": album_id, "user_id": user_id}
            rows = [] if album_id is None else conn.execute(query("user_faces"), values).fetchall()
        return [str(row[0]) for row in rows]

    def users_of_faces(self, album: str, face_ids: Sequence[str]) -> dict[str, str]:
        with self._album(album) as (conn, album_id):
            values = {"album_id": album_id, "face_ids": [as_uuid(face_id) for face_id in face_ids]}
            rows = [] if album_id is None else conn.execute(query("users_of_faces"), values).fetchall()
        return {str(face_id): user_id for face_id, user_id in rows}

    def search_users(
        self, album: str, query_: Embedding, *, limit: int, min_similarity: float, without: str | None = None
    ) -> list[PersonMatch]:
        with self._album(album) as (conn, album_id):
            if album_id is None or limit < 1:
                return []
            values = {
                "album_id": album_id,
                "space": query_.space,
                "query": Vector(query_.vector).to_text(),
                "without": without,
                "count": CANDIDATES_PER_USER * limit,
            }
            matches = []
            for (person_id,) in conn.execute(query("nearest_users"), values).fetchall():
                person = known_person(conn, album, album_id, person_id)
                for looks in _centroids(conn, album_id, person_id, [FaceSource.CONFIRMED], enrolled=False):
                    similarity = float(looks.vector @ query_.vector) if looks.space == query_.space else -1.0
                    if similarity >= min_similarity:
                        matches.append(PersonMatch(person=person, similarity=similarity))
        return sorted(matches, key=lambda match: (-match.similarity, match.person.user_id or ""))[:limit]

    def _create(self, album: str, *, name: str | None, user_id: str | None, by: str) -> Person:
        person = uuid.uuid4()

        def change(conn: Connection, album_id: int) -> None:
            values = {"person_id": person, "album_id": album_id, "name": name, "user_id": user_id}
            if conn.execute(query("create_person"), values).fetchone() is None:
                raise Conflict("user_exists", f"The album has a user {user_id!r} already.")

        with changing(self._database, album) as (conn, album_id):
            change_people(conn, album_id, lambda: change(conn, album_id), kind="create", by=by, person_ids=[person])
            return known_person(conn, album, album_id, person)

    def _change_faces(
        self,
        album: str,
        user_id: str,
        face_ids: Sequence[str],
        change: Callable[[Connection, int, UUID], FaceChanges],
        *,
        kind: str,
        by: str,
    ) -> FaceChanges:
        with changing(self._database, album) as (conn, album_id):
            person = _person_of_user(conn, album_id, user_id)
            if person is None:
                raise NotFound("There is no user of this id in this album.")
            changes, _ = change_people(
                conn,
                album_id,
                lambda: change(conn, album_id, person),
                kind=kind,
                by=by,
                person_ids=[person],
                face_ids=[as_uuid(face_id) for face_id in face_ids],
            )
            return changes

    def _album(self, album: str) -> AbstractContextManager[tuple[Connection, int | None]]:
        return reading(self._database, album)


@contextmanager
def reading(database: Database, album: str) -> Iterator[tuple[Connection, int | None]]:
    """A transaction, and the album's number; None for an album that there is not."""
    with database.transaction() as conn:
        yield conn, find_album(conn, album) if is_album_name(album) else None


@contextmanager
def exclusively(database: Database, album: str, try_lock: sql.SQL | sql.Composed) -> Iterator[bool]:
    """Whether `try_lock` got the album's lock, which is held while the block runs; False for an unknown album."""
    with reading(database, album) as (conn, album_id):
        yield album_id is not None and conn.execute(try_lock, {"album_id": album_id}).fetchone() == (True,)


@contextmanager
def changing(database: Database, album: str) -> Iterator[tuple[Connection, int]]:
    """A transaction that alone changes the people of an album, which is made where there is none; its number."""
    if not is_album_name(album):
        raise NotFound(f"{album!r} cannot be an album.")
    with database.transaction() as conn:
        album_id = use_album(conn, album)
        conn.execute(query("lock_people"), {"album_id": album_id})
        yield conn, album_id


def as_uuid(text: str) -> UUID:
    """The id that `text` writes; one that nobody has where it writes none."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def unknown_person() -> NotFound:
    return NotFound("There is no such person in this album.")


def person_of(conn: Connection, album: str, album_id: int, person_id: UUID) -> Person | None:
    row = conn.execute(query("person"), {"album_id": album_id, "person_id": person_id}).fetchone()
    return None if row is None else person_of_row(album, row)


def known_person(conn: Connection, album: str, album_id: int, person_id: UUID) -> Person:
    """Raises NotFound where there is none."""
    person = person_of(conn, album, album_id, person_id)
    if person is None:
        raise unknown_person()
    return person


def faces_of(
    conn: Connection, album_id: int, face_ids: Iterable[str]
) -> dict[UUID, tuple[UUID | None, str | None, str | None]]:
    """Of those faces that the album has: whose each is, why, and that person's user id."""
    values = {"album_id": album_id, "face_ids": [as_uuid(face_id) for face_id in face_ids]}
    return {row[0]: (row[6], row[7], row[8]) for row in conn.execute(query("faces"), values)}


def confirm_faces(conn: Connection, album_id: int, person: UUID, face_ids: Sequence[str]) -> None:
    """Make these faces of the album the person's for good."""
    values = {
        "album_id": album_id,
        "person_id": person,
        "face_ids": [as_uuid(face_id) for face_id in face_ids],
        "source": FaceSource.CONFIRMED.value,
    }
    conn.execute(query("lift_rejection"), values)
    conn.execute(query("give_face"), values)


def reject_faces(conn: Connection, album_id: int, person: UUID, face_ids: Sequence[str]) -> None:
    """Take these faces of the album from the person, for good."""
    values = {"album_id": album_id, "person_id": person, "face_ids": [as_uuid(face_id) for face_id in face_ids]}
    conn.execute(query("take_face"), values)
    conn.execute(query("reject_face"), values)


def person_embeddings(conn: Connection, album_id: int, person: UUID) -> list[Embedding]:
    """As :meth:`photofinish.ports.People.embeddings` promises."""
    decided = _centroids(conn, album_id, person, [FaceSource.CONFIRMED, FaceSource.KEPT], enrolled=True)
    return decided or _centroids(conn, album_id, person, [FaceSource.CLUSTERED], enrolled=False)


def _centroids(
    conn: Connection, album_id: int, person: UUID, sources: Sequence[FaceSource], *, enrolled: bool
) -> list[Embedding]:
    values = {
        "album_id": album_id,
        "person_id": person,
        "sources": [source.value for source in sources],
        "limit": MAX_CENTROID_FACES,
    }
    rows = conn.execute(query("face_embeddings_of_person"), values, binary=True).fetchall()
    if enrolled:
        rows += conn.execute(query("enrolled_embeddings"), values, binary=True).fetchall()
    return centroids([Weighted(Embedding(unit_vector(sent), space), quality) for space, quality, sent in rows])


def _similar(
    conn: Connection, album_id: int, faces: Sequence[UUID], looks: Sequence[Embedding], min_similarity: float
) -> set[UUID]:
    """Which of the album's faces look like the person; all of them where it is not known how they look."""
    if not looks:
        return set(faces)
    vectors = {look.space: look.vector for look in looks}
    values = {"album_id": album_id, "face_ids": list(faces)}
    rows = conn.execute(query("face_embeddings"), values, binary=True).fetchall()
    return {
        face_id
        for face_id, space, sent in rows
        if space in vectors and float(unit_vector(sent) @ vectors[space]) >= min_similarity
    }


def _delete(conn: Connection, album_id: int, person: UUID, by: str) -> bool:
    conn.execute(query("lock_people"), {"album_id": album_id})
    values = {"album_id": album_id, "person_id": person}
    if conn.execute(query("delete_person"), values).fetchone() is None:
        return False
    conn.execute(query("forget_changes_of"), values)
    operation = {"kind": "delete", "by": by, "person_ids": [person], "changes": None, "undoes": None}
    conn.execute(query("record_operation"), values | operation)
    conn.execute(query("project_people"), {"album_id": album_id, "person_ids": [person]})
    return True


def _person_of_user(conn: Connection, album_id: int, user_id: str) -> UUID | None:
    if not is_storable(user_id):
        return None
    row = conn.execute(query("person_of_user"), {"album_id": album_id, "user_id": user_id}).fetchone()
    return None if row is None else row[0]


def _without(face_ids: Sequence[str], refused: dict[str, str]) -> tuple[str, ...]:
    return tuple(face_id for face_id in dict.fromkeys(face_ids) if face_id not in refused)


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
