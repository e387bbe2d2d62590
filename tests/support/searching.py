"""What tests of the search share: a calibration, people with names and numbers, and what a page has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.people.changes import PgPeopleChanges
from photofinish.adapters.postgres.people.numbers import PgPeopleNumbers
from photofinish.adapters.postgres.people.people import PgPeople
from photofinish.application.search.searcher import Searcher
from photofinish.domain.bib_links import InferredFace
from photofinish.domain.face import Embedding
from photofinish.domain.matching import Calibration
from photofinish.domain.search import Part, SearchQuery
from photofinish.domain.search_results import ScoredPhoto, SearchPage
from support.faces import embedding

EAST, NORTH, UP = embedding([1, 0, 0]), embedding([0, 1, 0]), embedding([0, 0, 1])
NOON = datetime(2026, 5, 3, 12)
CALIBRATION = Calibration(min_similarity=0.5, stranger_similarity=0.6, slope=14.0, offset=-4.5, selfie_min_quality=0.2)


@dataclass(frozen=True)
class NamedPerson:
    person_id: str
    name: str
    embeddings: tuple[Embedding, ...]


@dataclass
class NamedPeople:
    """People that a search finds by name."""

    known: list[NamedPerson] = field(default_factory=list)

    def find_by_name(self, album: str, name: str) -> list[NamedPerson]:
        return [person for person in self.known if name.casefold() in person.name.casefold()]

    def embeddings(self, album: str, person_id: str) -> list[Embedding]:
        return [embedding for person in self.known if person.person_id == person_id for embedding in person.embeddings]


class NumberedPeople(Protocol):
    """People with faces and bib numbers; tests give them ids of their own."""

    def confirm(self, person_id: str, face_ids: Sequence[str]) -> None: ...

    def decide_number(self, person_id: str, number: str, *, confirmed: bool) -> None: ...

    def faces_by_number(self, album: str, number: str, limit: int) -> Sequence[InferredFace]: ...


class NumberedPeopleInPostgres:
    """The people of one album."""

    def __init__(self, connections: Database, album: str = "race") -> None:
        self._people, self._changes, self._album = PgPeople(connections), PgPeopleChanges(connections), album
        self._numbers = PgPeopleNumbers(connections)
        self._ids: dict[str, str] = {}

    def confirm(self, person_id: str, face_ids: Sequence[str]) -> None:
        done = self._changes.confirm(self._album, self._id(person_id), face_ids, by="test")
        assert not done.changes.refused

    def decide_number(self, person_id: str, number: str, *, confirmed: bool) -> None:
        self._changes.decide_number(self._album, self._id(person_id), number, confirmed=confirmed, by="test")

    def faces_by_number(self, album: str, number: str, limit: int) -> list[InferredFace]:
        return self._numbers.faces_by_number(album, number, limit)

    def _id(self, person_id: str) -> str:
        if person_id not in self._ids:
            self._ids[person_id] = self._people.create(self._album, by="test").person_id
        return self._ids[person_id]


def found(page: SearchPage) -> list[str]:
    """The names of the photos inside the album `race`, in order."""
    return [scored.photo.name.removeprefix("race/") for scored in page.photos]


def value(scored: ScoredPhoto, part: Part) -> float:
    """The value of a part of a photo's score."""
    return next(one.value for one in scored.parts if one.part == part)


def all_pages(searcher: Searcher, query: SearchQuery) -> Iterator[SearchPage]:
    """The pages of a search from that of `query` on."""
    page = searcher.search(query)
    yield page
    while page.next_cursor is not None:
        page = searcher.search(replace(query, cursor=page.next_cursor))
        yield page
