"""Consent records in Postgres; statements in `sql/consents.sql`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from pgvector import HalfVector
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.opt_outs import take_back, withdraw
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.people.transactions import album_rows, album_transaction
from photofinish.adapters.postgres.spaces import find_space
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.consent import ConsentAction, ConsentRecord, ConsentStatement, counts
from photofinish.domain.face import Embedding
from photofinish.domain.people import UnknownPerson
from photofinish.domain.suppression import Refusal
from photofinish.ports.consents import RecordedStatement

_query = Statements("consents")


class PgConsents:
    """:class:`photofinish.ports.Consents` in Postgres; threads may share it. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, album: str, person_id: str, statement: ConsentStatement, *, by: str) -> ConsentRecord:
        with album_transaction(self._database, album) as (conn, album_id):
            record = _recorded(conn, album_id, person_id, statement, by)
            _record_event(conn, album, album_id, record)
            return record

    def record_about_faces(
        self, album: str, person_id: str, statement: ConsentStatement, *, by: str, refusal: Refusal | None
    ) -> RecordedStatement:
        with album_transaction(self._database, album) as (conn, album_id):
            record = _recorded(conn, album_id, person_id, statement, by)
            assert album_id is not None, "the person was found in it"
            rows = conn.execute(_query("records"), {"album_id": album_id, "person_id": as_uuid(person_id)})
            is_current = counts(record, [_record(row) for row in rows])
            entry = None
            if is_current and refusal is None:
                take_back(conn, album_id, person_id)
            elif is_current and refusal is not None:
                entry = withdraw(conn, album_id, person_id, refusal, by=by)
            _record_event(conn, album, album_id, record)
            return RecordedStatement(record=record, counts=is_current, opt_out=entry)

    def records(self, album: str, person_id: str) -> list[ConsentRecord]:
        rows = album_rows(self._database, album, _query("records"), {"person_id": as_uuid(person_id)})
        return [_record(row) for row in rows]

    def consenting(
        self, album: str, purpose: str, faces: Sequence[Embedding], *, min_similarity: float
    ) -> list[str | None]:
        matched: list[str | None] = [None] * len(faces)
        with album_transaction(self._database, album) as (conn, album_id):
            for space_id, numbers in numbers_by_space(conn, faces).items():
                values = {
                    "album_id": album_id,
                    "purpose": purpose,
                    "space_id": space_id,
                    "min_similarity": min_similarity,
                    "faces": vector_texts(faces, numbers),
                }
                rows = conn.execute(_query("consenting"), values).fetchall()
                for number, (person_id,) in zip(numbers, rows, strict=True):
                    matched[number] = None if person_id is None else str(person_id)
        return matched


def _recorded(
    conn: Connection, album_id: int | None, person_id: str, statement: ConsentStatement, by: str
) -> ConsentRecord:
    values = {
        "consent_id": uuid.uuid4(),
        "person_id": as_uuid(person_id),
        "action": statement.action,
        "purpose": statement.purpose,
        "at": statement.at,
        "method": statement.method,
        "text_version": statement.text_version,
        "is_minor": statement.is_minor,
        "guardian": statement.guardian,
        "recorded_by": by,
    }
    if conn.execute(_query("lock_person"), values | {"album_id": album_id}).fetchone() is None:
        raise UnknownPerson
    conn.execute(_query("record"), values)
    row = conn.execute(_query("same_record"), values).fetchone()
    assert row is not None, "inserted above, or before"
    return _record(row)


def _record_event(conn: Connection, album: str, album_id: int | None, record: ConsentRecord) -> None:
    assert album_id is not None, "the person was found in it"
    event = AlbumEvent(
        id=fact_id(EventType.CONSENT_CHANGED, record.consent_id),
        type=EventType.CONSENT_CHANGED,
        album=album,
        occurred_at=record.recorded_at,
        person_ids=(record.person_id,),
        data={"consent_id": record.consent_id, "action": record.statement.action.value},
    )
    record_events(conn, album_id, [event])


def numbers_by_space(conn: Connection, faces: Sequence[Embedding]) -> dict[int, list[int]]:
    """Return the number of each known embedding space among `faces` → the positions of its faces."""
    spaces = {name: find_space(conn, name) for name in {face.space for face in faces}}
    found: dict[int, list[int]] = {}
    for position, face in enumerate(faces):
        space = spaces[face.space]
        if space is not None:  # nothing is stored in an unknown space
            face.check_dimension(space.dimension)
            found.setdefault(space.space_id, []).append(position)
    return found


def vector_texts(faces: Sequence[Embedding], positions: Sequence[int]) -> list[str]:
    """Return the faces at `positions` in the form that Postgres reads as halfvec."""
    return [HalfVector(faces[position].vector).to_text() for position in positions]


def _record(row: TupleRow) -> ConsentRecord:
    consent_id, person_id, action, purpose, at, method, text_version, is_minor, guardian, recorded_at, by = row
    statement = ConsentStatement(
        action=ConsentAction(action),
        purpose=purpose,
        at=at,
        method=method,
        text_version=text_version,
        is_minor=is_minor,
        guardian=guardian,
    )
    return ConsentRecord(
        consent_id=str(consent_id),
        person_id=str(person_id),
        statement=statement,
        recorded_at=recorded_at,
        recorded_by=by,
    )
