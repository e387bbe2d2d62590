"""Enrolment pictures in Postgres; statements in `sql/people_enrolments.sql`."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from uuid import UUID

from pgvector import HalfVector
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.halfvec import unit_vector
from photofinish.adapters.postgres.people.lookup import as_uuid, find_person, require_person
from photofinish.adapters.postgres.people.projection import mark_outdated
from photofinish.adapters.postgres.people.transactions import album_transaction, people_transaction
from photofinish.adapters.postgres.spaces import use_space
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.face import Embedding
from photofinish.domain.people import Upload, UploadStatus, WeightedEmbedding, fitting

_query = Statements("people_enrolments")
_people = Statements("people")

ANOTHER_PERSON = ("another_person", "The face does not fit those of the other pictures of this person.")


class PgEnrolments:
    """:class:`photofinish.ports.Enrolments` in Postgres; threads may share it. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_uploads(self, album: str, person_id: str, count: int, *, expires_at: datetime) -> list[Upload]:
        person, upload_ids = as_uuid(person_id), [uuid.uuid4() for _ in range(count)]
        with people_transaction(self._database, album) as (conn, album_id):
            require_person(conn, album, album_id, person)
            values = {"upload_ids": upload_ids, "person_id": person, "expires_at": expires_at}
            conn.execute(_query("add_uploads"), values)
            uploads = {upload.upload_id: upload for upload in _uploads(conn, person)}
        return [uploads[str(upload_id)] for upload_id in upload_ids]

    def uploads(self, album: str, person_id: str) -> list[Upload]:
        person = as_uuid(person_id)
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None or find_person(conn, album, album_id, person) is None:
                return []
            return _uploads(conn, person)

    def awaited(self, album: str, upload_id: str) -> Upload | None:
        with album_transaction(self._database, album) as (conn, album_id):
            return None if album_id is None else _awaited(conn, album_id, as_uuid(upload_id))

    def refuse(self, album: str, upload_id: str, code: str, message: str) -> bool:
        with people_transaction(self._database, album) as (conn, album_id):
            upload = _awaited(conn, album_id, as_uuid(upload_id))
            if upload is None:
                return False
            _set_status(conn, as_uuid(upload_id), UploadStatus.REFUSED, code, message)
            _settle(conn, as_uuid(upload.person_id))
            return True

    def accept(self, album: str, upload_id: str, face: WeightedEmbedding, *, min_similarity: float) -> bool:
        embedding = face.embedding
        with people_transaction(self._database, album) as (conn, album_id):
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
            mark_outdated(conn, album_id, [person])
            _record_accepted(conn, album, album_id, person)
            return True

    def remove(self, album: str, person_id: str, upload_id: str, *, min_similarity: float) -> bool:
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None:  # and so is not created
                return False
            conn.execute(_people("lock_people"), {"album_id": album_id})
            person = as_uuid(person_id)
            values = {"album_id": album_id, "person_id": person, "upload_id": as_uuid(upload_id)}
            if conn.execute(_query("remove_upload"), values).fetchone() is None:
                return False
            _decide(conn, person, min_similarity)
            mark_outdated(conn, album_id, [person])
            _record_accepted(conn, album, album_id, person)
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
    """Accept the pictures of the person that fit together, and refuse the others."""
    rows = conn.execute(_query("embeddings"), {"person_id": person}, binary=True).fetchall()
    faces = [WeightedEmbedding(Embedding(unit_vector(sent), space), quality) for _, space, quality, sent in rows]
    for (upload_id, *_), fits in zip(rows, fitting(faces, min_similarity=min_similarity), strict=True):
        if fits:
            _set_status(conn, upload_id, UploadStatus.ACCEPTED, None, None)
        else:
            _set_status(conn, upload_id, UploadStatus.REFUSED, *ANOTHER_PERSON)


def _record_accepted(conn: Connection, album: str, album_id: int, person: UUID) -> None:
    """Record each accepted picture once, also one that was refused until another picture was added or removed."""
    events = [
        AlbumEvent(
            id=fact_id(EventType.PERSON_ENROLLED, upload.upload_id),
            type=EventType.PERSON_ENROLLED,
            album=album,
            occurred_at=datetime.now(UTC),
            person_ids=(upload.person_id,),
            data={"upload_id": upload.upload_id},
        )
        for upload in _uploads(conn, person)
        if upload.status is UploadStatus.ACCEPTED
    ]
    record_events(conn, album_id, events)


def _settle(conn: Connection, person: UUID) -> None:
    """Once no upload is awaited any more, delete the embeddings of refused pictures."""
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
