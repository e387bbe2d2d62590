"""Consent records and the suppression list, in memory."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.domain.consent import ConsentRecord, ConsentStatement, counts, has_consent
from photofinish.domain.face import Embedding
from photofinish.domain.people import UnknownPerson
from photofinish.domain.photo import is_album_name
from photofinish.domain.suppression import OptOut, OptOutSource, Refusal
from photofinish.errors import RejectedInput
from photofinish.ports.consents import RecordedStatement


class MemoryConsents:
    """:class:`photofinish.ports.Consents`; people are those that :meth:`enrol` made known."""

    def __init__(self, suppression: MemorySuppressionList) -> None:
        self._suppression = suppression
        self._enrolled: dict[tuple[str, str], list[Embedding]] = {}
        self._records: dict[tuple[str, str], list[ConsentRecord]] = {}

    def enrol(self, album: str, person_id: str, *pictures: Embedding) -> None:
        """Add accepted enrolment pictures of a person; in Postgres :class:`Enrolments` does that."""
        self._enrolled.setdefault((album, person_id), []).extend(pictures)

    def record(self, album: str, person_id: str, statement: ConsentStatement, *, by: str) -> ConsentRecord:
        if (album, person_id) not in self._enrolled:
            raise UnknownPerson
        history = self._records.setdefault((album, person_id), [])
        for known in history:
            if _identity(known.statement) == _identity(statement):
                return known
        record = ConsentRecord(
            consent_id=str(uuid.uuid4()),
            person_id=person_id,
            statement=statement,
            recorded_at=datetime.now(UTC),
            recorded_by=by,
        )
        history.append(record)
        return record

    def record_about_faces(
        self, album: str, person_id: str, statement: ConsentStatement, *, by: str, refusal: Refusal | None
    ) -> RecordedStatement:
        record = self.record(album, person_id, statement, by=by)
        if not counts(record, self.records(album, person_id)):
            return RecordedStatement(record=record, counts=False)
        if refusal is None:
            self._suppression.take_back(album, person_id)
            return RecordedStatement(record=record, counts=True)
        entry = self._suppression.withdraw(album, person_id, refusal, by=by)
        return RecordedStatement(record=record, counts=True, opt_out=entry)

    def records(self, album: str, person_id: str) -> list[ConsentRecord]:
        history = self._records.get((album, person_id), [])
        return sorted(history, key=lambda one: (one.statement.at, one.statement.action, one.recorded_at))

    def consenting(
        self, album: str, purpose: str, faces: Sequence[Embedding], *, min_similarity: float
    ) -> list[str | None]:
        pictures = [
            (person_id, picture)
            for (of_album, person_id), enrolled in self._enrolled.items()
            if of_album == album and has_consent(self.records(album, person_id), purpose)
            for picture in enrolled
        ]
        matched: list[str | None] = []
        for face in faces:
            found = [(_similarity(picture, face), person_id) for person_id, picture in pictures]
            best = max((one for one in found if one[0] >= min_similarity), default=None)
            matched.append(None if best is None else best[1])
        return matched


class MemorySuppressionList:
    """:class:`photofinish.ports.SuppressionList` over the faces of a memory index."""

    def __init__(self, index: MemoryFaceIndex) -> None:
        self._index = index
        self._entries: dict[str, tuple[OptOut, float, tuple[Embedding, ...]]] = {}
        self._order: dict[str, int] = {}
        self._numbers = itertools.count()

    def add(self, album: str | None, templates: Sequence[Embedding], *, min_similarity: float, by: str) -> OptOut:
        if album is not None and not is_album_name(album):
            raise RejectedInput("album_name_not_allowed", f"{album[:40]!r} cannot be the name of an album.")
        return self._insert(album, tuple(templates), min_similarity, source=OptOutSource.SELFIE, by=by)

    def withdraw(self, album: str, person_id: str, refusal: Refusal, *, by: str) -> OptOut:
        """Add an entry for a withdrawal; where the person is on the list already, have that entry applied again."""
        for known in self.of_person(album, person_id):
            _, min_similarity, templates = self._entries[known.opt_out_id]
            self._entries[known.opt_out_id] = replace(known, applied_at=None), min_similarity, templates
        if known_again := [one for one in self.of_person(album, person_id) if one.templates]:
            return known_again[0]
        source = OptOutSource.WITHDRAWAL
        return self._insert(album, refusal.templates, refusal.min_similarity, source=source, by=by, person_id=person_id)

    def take_back(self, album: str, person_id: str) -> None:
        """Remove the entries that withdrawals of a person made."""
        for entry in self.of_person(album, person_id):
            del self._entries[entry.opt_out_id]

    def _insert(
        self,
        album: str | None,
        templates: tuple[Embedding, ...],
        min_similarity: float,
        *,
        source: OptOutSource,
        by: str,
        person_id: str | None = None,
    ) -> OptOut:
        entry = OptOut(
            opt_out_id=str(uuid.uuid4()),
            album=album,
            source=source,
            person_id=person_id,
            templates=len(templates),
            added_at=datetime.now(UTC),
            added_by=by,
            applied_at=None,
        )
        self._entries[entry.opt_out_id] = (entry, min_similarity, templates)
        self._order[entry.opt_out_id] = next(self._numbers)
        return entry

    def opt_outs(self, album: str | None, *, limit: int, after: str | None = None) -> list[OptOut]:
        start = -1 if after is None else self._order.get(after, len(self._order))
        return [one for one in self._all() if one.album == album and self._order[one.opt_out_id] > start][:limit]

    def of_person(self, album: str, person_id: str) -> list[OptOut]:
        return [one for one in self._all() if (one.album, one.person_id) == (album, person_id)]

    def remove(self, album: str | None, opt_out_id: str) -> bool:
        entry = self._entries.get(opt_out_id)
        if entry is None or entry[0].album != album:
            return False
        del self._entries[opt_out_id]
        return True

    def suppressed(self, album: str, faces: Sequence[Embedding]) -> list[bool]:
        return [
            any(
                _refuses(templates, min_similarity, face)
                for entry, min_similarity, templates in self._entries.values()
                if entry.album in (None, album)
            )
            for face in faces
        ]

    def indexed_faces(self, album: str, opt_out_id: str) -> list[str]:
        _, min_similarity, templates = self._entries[opt_out_id]
        return sorted(
            id_
            for id_, face in self._index.album_embeddings(album).items()
            if _refuses(templates, min_similarity, face)
        )

    def applied(self, opt_out_id: str) -> None:
        if opt_out_id not in self._entries:
            return
        entry, min_similarity, templates = self._entries[opt_out_id]
        if not templates:
            del self._entries[opt_out_id]
        elif entry.applied_at is None:
            self._entries[opt_out_id] = replace(entry, applied_at=datetime.now(UTC)), min_similarity, templates

    def not_applied(self, *, limit: int) -> list[OptOut]:
        return [one for one in self._all() if one.applied_at is None][:limit]

    def _all(self) -> list[OptOut]:
        return sorted((entry for entry, *_ in self._entries.values()), key=lambda one: self._order[one.opt_out_id])


def _identity(statement: ConsentStatement) -> tuple[object, ...]:
    return statement.purpose, statement.at, statement.action


def _similarity(one: Embedding, other: Embedding) -> float:
    return float(one.vector @ other.vector) if one.space == other.space else -1.0


def _refuses(templates: Sequence[Embedding], min_similarity: float, face: Embedding) -> bool:
    return any(_similarity(template, face) >= min_similarity for template in templates)
