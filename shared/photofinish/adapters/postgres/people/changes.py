"""What is decided on an album's people: confirm, reject, merge, split, numbers, undo; see `sql/people_changes.sql`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Connection, Database, is_storable
from photofinish.adapters.postgres.people.journal import change_people, undo
from photofinish.adapters.postgres.people.journal import query as people_query
from photofinish.adapters.postgres.people.people import (
    as_uuid,
    changing,
    confirm_faces,
    faces_of,
    known_person,
    person_of,
    reading,
    reject_faces,
    unknown_person,
)
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
from photofinish.domain.people import (
    MAX_NUMBER_CHARS,
    Changed,
    ChangedFaces,
    FaceChanges,
    FaceSource,
    Operation,
    check_name,
)
from photofinish.domain.photo import PhotoRef
from photofinish.errors import Conflict, RejectedInput
from photofinish.ports import IndexedFace, PersonFace

_query = Statements("people_changes")


class PgPeopleChanges:
    """Decisions on people; threads may share it. All methods raise what :meth:`Database.transaction` does.

    Every change is recorded as an operation and can be undone, until somebody whom it touched is deleted.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def confirm(self, album: str, person_id: str, face_ids: Sequence[str], *, by: str) -> ChangedFaces:
        def change(conn: Connection, album_id: int, person: UUID) -> FaceChanges:
            known = faces_of(conn, album_id, face_ids)
            refused = {face_id: "unknown_face" for face_id in face_ids if as_uuid(face_id) not in known}
            for face_id, (owner, source, _) in known.items():
                if owner not in (None, person) and source == FaceSource.CONFIRMED:
                    refused[str(face_id)] = "other_person"
            changed = tuple(face_id for face_id in dict.fromkeys(face_ids) if face_id not in refused)
            confirm_faces(conn, album_id, person, changed)
            return FaceChanges(changed=changed, refused=refused)

        return self._change_faces(album, person_id, face_ids, change, kind="confirm", by=by)

    def reject(self, album: str, person_id: str, face_ids: Sequence[str], *, by: str) -> ChangedFaces:
        def change(conn: Connection, album_id: int, person: UUID) -> FaceChanges:
            known = faces_of(conn, album_id, face_ids)
            refused = {face_id: "unknown_face" for face_id in face_ids if as_uuid(face_id) not in known}
            changed = tuple(face_id for face_id in dict.fromkeys(face_ids) if face_id not in refused)
            reject_faces(conn, album_id, person, changed)
            conn.execute(_query("keep_if_undecided"), {"person_id": person})
            return FaceChanges(changed=changed, refused=refused)

        return self._change_faces(album, person_id, face_ids, change, kind="reject", by=by)

    def merge(self, album: str, into_id: str, other_id: str, *, by: str) -> Changed:
        into, other = as_uuid(into_id), as_uuid(other_id)
        values = {"into": into, "other": other}
        with changing(self._database, album) as (conn, album_id):
            one, two = (known_person(conn, album, album_id, person) for person in (into, other))
            if into == other:
                raise Conflict("same_person", "A person cannot be merged with themselves.")
            if one.user_id is not None and two.user_id is not None:
                raise Conflict("two_users", "Both are users of the Rekognition API: delete one of the users first.")
            [contradictions] = conn.execute(_query("contradictions"), values | {"album_id": album_id}).fetchone() or (
                0,
            )
            if contradictions:
                raise Conflict(
                    "rejected_faces",
                    f"Somebody rejected {contradictions} of the one's faces for the other: undo that, or reject them.",
                )

            def change() -> None:
                conn.execute(_query("free_refused"), values | {"album_id": album_id})
                conn.execute(people_query("keep_faces"), {"person_ids": [into, other]})
                for step in ("move_faces", "move_rejections", "move_numbers", "move_uploads"):
                    conn.execute(_query(step), values)
                [name, user_id] = conn.execute(_query("take_over"), values).fetchone() or (None, None)
                conn.execute(_query("inherit"), values | {"name": name, "user_id": user_id})

            _, operation_id = change_people(conn, album_id, change, kind="merge", by=by, person_ids=[into, other])
            return Changed(person=known_person(conn, album, album_id, into), operation_id=operation_id)

    def split(
        self, album: str, person_id: str, face_ids: Sequence[str], *, name: str | None = None, by: str
    ) -> Changed:
        person, new = as_uuid(person_id), uuid.uuid4()
        faces = sorted({as_uuid(face_id) for face_id in face_ids})
        checked = None if name is None else check_name(name)
        with changing(self._database, album) as (conn, album_id):
            known = known_person(conn, album, album_id, person)
            owned = faces_of(conn, album_id, face_ids)
            if any(owned.get(face_id, (None,))[0] != person for face_id in faces):
                raise Conflict("not_theirs", "Some of these faces are not this person's; nothing was changed.")
            if not 0 < len(faces) < known.face_count:
                raise Conflict("nothing_left", "A split takes some of the person's faces, and leaves some.")

            def change() -> None:
                conn.execute(people_query("keep_faces"), {"person_ids": [person]})
                values = {"person_id": new, "album_id": album_id, "name": checked, "from": person, "face_ids": faces}
                conn.execute(_query("split_person"), values)
                conn.execute(_query("split_faces"), values)

            _, operation_id = change_people(conn, album_id, change, kind="split", by=by, person_ids=[person, new])
            return Changed(person=known_person(conn, album, album_id, new), operation_id=operation_id)

    def decide_number(self, album: str, person_id: str, number: str, *, confirmed: bool, by: str) -> Changed:
        if not 0 < len(number) <= MAX_NUMBER_CHARS or not number.isprintable() or not is_storable(number):
            raise RejectedInput("number_not_allowed", f"A number has 1 to {MAX_NUMBER_CHARS} printable characters.")
        person = as_uuid(person_id)
        with changing(self._database, album) as (conn, album_id):
            known_person(conn, album, album_id, person)

            def change() -> None:
                conn.execute(_query("decide_number"), {"person_id": person, "number": number, "confirmed": confirmed})

            _, operation_id = change_people(conn, album_id, change, kind="number", by=by, person_ids=[person])
            return Changed(person=known_person(conn, album, album_id, person), operation_id=operation_id)

    def undo(self, album: str, operation_id: int, *, by: str) -> int:
        try:
            with changing(self._database, album) as (conn, album_id):
                return undo(conn, album_id, operation_id, by=by)
        except UniqueViolation:
            raise Conflict(
                "changed_since", "A user of the same user id was made since: delete that one first."
            ) from None

    def operations(self, album: str, *, limit: int, before: int | None = None) -> list[Operation]:
        with reading(self._database, album) as (conn, album_id):
            values = {"album_id": album_id, "limit": limit, "before": before}
            rows = [] if album_id is None else conn.execute(people_query("operations"), values).fetchall()
        return [
            Operation(
                operation_id=row[0],
                kind=row[1],
                done_at=row[2],
                done_by=row[3],
                person_ids=tuple(map(str, row[4])),
                is_reversible=row[5],
                undoes=row[6],
                undone_by=row[7],
            )
            for row in rows
        ]

    def expire(self, before: datetime) -> int:
        with self._database.transaction() as conn:
            return conn.execute(people_query("expire_operations"), {"before": before}).rowcount

    def faces(self, album: str, person_id: str, *, limit: int, offset: int = 0) -> list[PersonFace]:
        with reading(self._database, album) as (conn, album_id):
            if album_id is None or person_of(conn, album, album_id, as_uuid(person_id)) is None:
                raise unknown_person()
            return _person_faces(conn, album_id, as_uuid(person_id), limit=limit, offset=offset)

    def rejected(self, album: str, person_id: str) -> set[str]:
        with reading(self._database, album) as (conn, _):
            rows = conn.execute(_query("rejected"), {"person_id": as_uuid(person_id)}).fetchall()
        return {str(row[0]) for row in rows}

    def owners(self, album: str, face_ids: Sequence[str]) -> dict[str, tuple[str, FaceSource]]:
        with reading(self._database, album) as (conn, album_id):
            values = {"album_id": album_id, "face_ids": [as_uuid(face_id) for face_id in face_ids]}
            rows = [] if album_id is None else conn.execute(_query("owners"), values).fetchall()
        return {str(face_id): (str(person_id), FaceSource(source)) for face_id, person_id, source in rows}

    def numbers(self, album: str, person_id: str) -> list[PersonNumber]:
        with reading(self._database, album) as (conn, album_id):
            if album_id is None:
                return []
            return numbers_of(conn, album_id, [as_uuid(person_id)]).get(str(as_uuid(person_id)), [])

    def faces_by_number(self, album: str, number: str, limit: int) -> list[InferredFace]:
        if limit < 1 or not is_storable(number):
            return []
        with reading(self._database, album) as (conn, album_id):
            if album_id is None:
                return []
            rows = conn.execute(_query("wearers"), {"album_id": album_id, "number": number}).fetchall()
        faces, evidence, decisions = _wearers(rows)
        return inferred_faces(number, faces, person_numbers(evidence, decisions))[:limit]

    def _change_faces(
        self,
        album: str,
        person_id: str,
        face_ids: Sequence[str],
        change: Callable[[Connection, int, UUID], FaceChanges],
        *,
        kind: str,
        by: str,
    ) -> ChangedFaces:
        person = as_uuid(person_id)
        with changing(self._database, album) as (conn, album_id):
            known_person(conn, album, album_id, person)
            changes, operation_id = change_people(
                conn,
                album_id,
                lambda: change(conn, album_id, person),
                kind=kind,
                by=by,
                person_ids=[person],
                face_ids=[as_uuid(face_id) for face_id in face_ids],
            )
            return ChangedFaces(changes=changes, operation_id=operation_id)


def _person_faces(conn: Connection, album_id: int, person: UUID, *, limit: int, offset: int) -> list[PersonFace]:
    values = {"album_id": album_id, "person_id": person, "limit": limit, "offset": offset}
    return [_person_face(row) for row in conn.execute(_query("person_faces"), values)]


def numbers_of(conn: Connection, album_id: int, people: Sequence[UUID]) -> dict[str, list[PersonNumber]]:
    """The numbers of these people; everybody who shares one with them is looked at, because of conflicts."""
    evidence, decisions = _claims(conn, people)
    numbers = sorted({one.number for one in evidence} | {number for _, number in decisions})
    values = {"album_id": album_id, "numbers": numbers}
    others = {row[0] for row in conn.execute(_query("people_with_numbers"), values)} - set(people)
    more_evidence, more_decisions = _claims(conn, sorted(others))
    found = person_numbers([*evidence, *more_evidence], decisions | more_decisions)
    return {str(person): found.get(str(person), []) for person in people}


def _claims(conn: Connection, people: Sequence[UUID]) -> tuple[list[NumberEvidence], dict[tuple[str, str], bool]]:
    values = {"person_ids": list(people)}
    evidence = [_evidence(row) for row in conn.execute(_query("evidence_of_people"), values)]
    rows = conn.execute(_query("decided_numbers"), values).fetchall()
    return evidence, {(str(person_id), number): confirmed for person_id, number, confirmed in rows}


def _wearers(
    rows: Sequence[TupleRow],
) -> tuple[list[FaceOfPerson], list[NumberEvidence], dict[tuple[str, str], bool]]:
    """Faces, evidence and decisions out of rows of the statement `wearers`."""
    faces: dict[str, FaceOfPerson] = {}
    evidence: list[NumberEvidence] = []
    decisions: dict[tuple[str, str], bool] = {}
    for person, decided, confirmed, face_id, photo_id, x, y, w, h, number, ocr_score, partial, *seen in rows:
        person_id = str(person)
        decisions.update(((person_id, one), said) for one, said in zip(decided or (), confirmed or (), strict=True))
        if face_id is None:
            continue
        faces[str(face_id)] = FaceOfPerson(
            person_id=person_id, face_id=str(face_id), photo_id=photo_id.hex, box=Box(x, y, w, h)
        )
        if number is not None:
            evidence.append(_evidence((person, number, ocr_score, partial, face_id, *seen)))
    return list(faces.values()), evidence, decisions


def _evidence(row: TupleRow) -> NumberEvidence:
    person_id, number, ocr_score, partial, face_id, bucket, name, generation, x, y, w, h = row
    return NumberEvidence(
        person_id=str(person_id),
        number=number,
        ocr_score=ocr_score,
        partial=partial,
        face_id=str(face_id),
        photo=PhotoRef(bucket=bucket, name=name, generation=generation),
        box=Box(x, y, w, h),
    )


def _person_face(row: TupleRow) -> PersonFace:
    face_id, bucket, name, generation, x, y, w, h, detection_score, sharpness, quality, source = row
    face = IndexedFace(
        face_id=str(face_id),
        photo=PhotoRef(bucket=bucket, name=name, generation=generation),
        box=Box(x, y, w, h),
        detection_score=detection_score,
        sharpness=sharpness,
        quality=quality,
    )
    return PersonFace(face=face, source=FaceSource(source))
