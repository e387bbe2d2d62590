"""Bib numbers of people in Postgres; statements in `sql/people_numbers.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Connection, Database, is_storable
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.people.transactions import album_rows, album_transaction
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.bib_links import (
    FaceOfPerson,
    InferredFace,
    NumberEvidence,
    PersonNumber,
    inferred_faces,
    person_numbers,
)
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef

_query = Statements("people_numbers")

Decisions = dict[tuple[str, str], bool]


class PgPeopleNumbers:
    """:class:`photofinish.ports.PeopleNumbers` in Postgres; threads may share it. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def numbers(self, album: str, person_id: str) -> list[PersonNumber]:
        return self.numbers_of(album, [person_id])[person_id]

    def numbers_of(self, album: str, person_ids: Sequence[str]) -> dict[str, list[PersonNumber]]:
        people = [as_uuid(person_id) for person_id in person_ids]
        with album_transaction(self._database, album) as (conn, album_id):
            found = {} if album_id is None else numbers_of(conn, album_id, people)
        return {person_id: found.get(str(person), []) for person_id, person in zip(person_ids, people, strict=True)}

    def faces_by_number(self, album: str, number: str, limit: int) -> list[InferredFace]:
        if limit < 1 or not is_storable(number):
            return []
        rows = album_rows(self._database, album, _query("people_wearing"), {"number": number})
        faces, evidence, decisions = _split(rows)
        return inferred_faces(number, faces, person_numbers(evidence, decisions))[:limit]


def numbers_of(conn: Connection, album_id: int, people: Sequence[UUID]) -> dict[str, list[PersonNumber]]:
    """Person id → numbers, of each of these people; reads everyone who shares one with them, to find conflicts."""
    evidence, decisions = _claims(conn, people)
    numbers = sorted({one.number for one in evidence} | {number for _, number in decisions})
    values = {"album_id": album_id, "numbers": numbers}
    others = {row[0] for row in conn.execute(_query("people_with_numbers"), values)} - set(people)
    more_evidence, more_decisions = _claims(conn, sorted(others))
    found = person_numbers([*evidence, *more_evidence], decisions | more_decisions)
    return {str(person): found.get(str(person), []) for person in people}


def _claims(conn: Connection, people: Sequence[UUID]) -> tuple[list[NumberEvidence], Decisions]:
    values = {"person_ids": list(people)}
    evidence = [_evidence_of_row(row) for row in conn.execute(_query("evidence_of_people"), values)]
    rows = conn.execute(_query("decided_numbers"), values).fetchall()
    return evidence, {(str(person_id), number): confirmed for person_id, number, confirmed in rows}


def _split(rows: Sequence[TupleRow]) -> tuple[list[FaceOfPerson], list[NumberEvidence], Decisions]:
    """Split rows of the statement `people_wearing` into faces, evidence and decisions."""
    faces: dict[str, FaceOfPerson] = {}
    evidence: list[NumberEvidence] = []
    decisions: Decisions = {}
    for person, numbers, confirmed, face_id, photo_id, *rest in rows:
        person_id = str(person)
        decisions.update(zip(((person_id, one) for one in numbers or ()), confirmed or (), strict=True))
        if face_id is None:
            continue
        box, (number, ocr_score, partial, *seen) = rest[:5], rest[5:]
        faces[str(face_id)] = FaceOfPerson(
            person_id=person_id, face_id=str(face_id), photo_id=photo_id.hex, box=Box(*box)
        )
        if number is not None:
            evidence.append(_evidence_of_row((person, number, ocr_score, partial, face_id, *seen)))
    return list(faces.values()), evidence, decisions


def _evidence_of_row(row: TupleRow) -> NumberEvidence:
    person_id, number, ocr_score, partial, face_id, bucket, name, generation, *box = row
    return NumberEvidence(
        person_id=str(person_id),
        number=number,
        ocr_score=ocr_score,
        partial=partial,
        face_id=str(face_id),
        photo=PhotoRef(bucket=bucket, name=name, generation=generation),
        box=None if box[0] is None else Box(*box),
    )
