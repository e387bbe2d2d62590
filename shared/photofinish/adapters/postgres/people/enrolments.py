"""Enrolment pictures in Postgres: what is awaited, what became of each; statements in `sql/people_enrolments.sql`."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pgvector import HalfVector
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.halfvec import unit_vector
from photofinish.adapters.postgres.people.journal import query as people_query
from photofinish.adapters.postgres.people.people import as_uuid, changing, known_person, reading
from photofinish.adapters.postgres.spaces import use_space
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.face import Embedding
from photofinish.domain.people import Upload, UploadStatus, Weighted, fitting

_query = Statements("people_enrolments")

ANOTHER_PERSON = ("another_person", "The face does not fit those of the other pictures of this person.")


class PgEnrolments:
    """Enrolment pictures; threads may share it. All methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_uploads(self, album: str, person_id: str, count: int, *, expires_at: datetime) -> list[Upload]:
        person, upload_ids = as_uuid(person_id), [uuid.uuid4() for _ in range(count)]
        with changing(self._database, album) as (conn, album_id):
            known_person(conn, album, album_id, person)
            values = {"upload_ids": upload_ids, "person_id": person, "expires_at": expires_at}
            conn.execute(_query("add_uploads"), values)
            uploads = {upload.upload_id: upload for upload in _uploads(conn, person)}
        return [uploads[str(upload_id)] for upload_id in upload_ids]

    def uploads(self, album: str, person_id: str) -> list[Upload]:
        person = as_uuid(person_id)
        with reading(self._database, album) as (conn, album_id):
            values = {"album_id": album_id, "person_id": person}
            if album_id is None or conn.execute(people_query("person"), values).fetchone() is None:
                return []
            return _uploads(conn, person)

    def awaited(self, album: str, upload_id: str) -> Upload | None:
        with reading(self._database, album) as (conn, album_id):
            return None if album_id is None else _awaited(conn, album_id, as_uuid(upload_id))

    def refuse(self, album: str, upload_id: str, code: str, message: str) -> bool:
        with changing(self._database, album) as (conn, album_id):
            upload = _awaited(conn, album_id, as_uuid(upload_id))
            if upload is None:
                return False
            _set_status(conn, as_uuid(upload_id), UploadStatus.REFUSED, code, message)
            _settle(conn, as_uuid(upload.person_id))
            return True

    def accept(self, album: str, upload_id: str, face: Weighted, *, min_similarity: float) -> bool:
        embedding = face.embedding
        with changing(self._database, album) as (conn, album_id):
            upload = _awaited(conn, album_id, as_uuid(upload_id))
            if upload is None:
                return False
            values = {
                "upload_id": as_uuid(upload_id),
                "space_id": use_space(conn, embedding.space, embedding.vector.size).space_id,
                "quality": face.quality,
                "embedding": HalfVector(embedding.vector).to_text(),
            }
            conn.execute(_query("add_embedding"), values)
            person = as_uuid(upload.person_id)
            _decide(conn, person, min_similarity)
            _settle(conn, person)
            conn.execute(people_query("project_people"), {"album_id": album_id, "person_ids": [person]})
            return True

    def remove(self, album: str, person_id: str, upload_id: str, *, min_similarity: float) -> bool:
        with changing(self._database, album) as (conn, album_id):
            person = as_uuid(person_id)
            values = {"album_id": album_id, "person_id": person, "upload_id": as_uuid(upload_id)}
            if conn.execute(_query("remove_upload"), values).fetchone() is None:
                return False
            _decide(conn, person, min_similarity)
            conn.execute(people_query("project_people"), {"album_id": album_id, "person_ids": [person]})
            return True

    def expire(self, before: datetime) -> int:
        with self._database.transaction() as conn:
            [count] = conn.execute(_query("expire"), {"before": before}).fetchone() or (0,)
            return int(count)


def _uploads(conn: Connection, person: UUID) -> list[Upload]:
    return [_upload(row) for row in conn.execute(_query("uploads"), {"person_id": person})]


def _awaited(conn: Connection, album_id: int, upload_id: UUID) -> Upload | None:
    row = conn.execute(_query("upload"), {"album_id": album_id, "upload_id": upload_id}).fetchone()
    upload = None if row is None else _upload(row)
    return upload if upload is not None and upload.status is UploadStatus.WAITING else None


def _set_status(conn: Connection, upload_id: UUID, status: UploadStatus, code: str | None, message: str | None) -> None:
    values = {"upload_id": upload_id, "status": status.value, "code": code, "message": message}
    conn.execute(_query("set_status"), values)


def _decide(conn: Connection, person: UUID, min_similarity: float) -> None:
    """Accept the pictures that fit together, refuse the others."""
    for fits, ids in _fitting(conn, person, min_similarity):
        for id_, is_fitting in zip(ids, fits, strict=True):
            if is_fitting:
                _set_status(conn, id_, UploadStatus.ACCEPTED, None, None)
            else:
                _set_status(conn, id_, UploadStatus.REFUSED, *ANOTHER_PERSON)


def _fitting(conn: Connection, person: UUID, min_similarity: float) -> list[tuple[Sequence[bool], list[UUID]]]:
    """Per embedding space, which of the person's pictures fit together."""
    spaces: dict[str, list[tuple[UUID, Weighted]]] = defaultdict(list)
    for upload_id, space, quality, sent in conn.execute(_query("embeddings"), {"person_id": person}, binary=True):
        spaces[space].append((upload_id, Weighted(Embedding(unit_vector(sent), space), quality)))
    return [
        (fitting([face for _, face in faces], min_similarity=min_similarity).tolist(), [id_ for id_, _ in faces])
        for faces in spaces.values()
    ]


def _settle(conn: Connection, person: UUID) -> None:
    """Once nothing is awaited any more, what does not fit is not kept."""
    if conn.execute(_query("awaits_more"), {"person_id": person}).fetchone() == (False,):
        conn.execute(_query("drop_refused"), {"person_id": person})


def _upload(row: TupleRow) -> Upload:
    upload_id, person_id, status, code, message, expires_at = row
    return Upload(
        upload_id=str(upload_id),
        person_id=str(person_id),
        status=UploadStatus(status),
        code=code,
        message=message,
        expires_at=expires_at,
    )
