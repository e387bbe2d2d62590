"""The face index in memory and in Postgres, and a search over each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.memory.people import MemoryPeopleNumbers
from photofinish.adapters.postgres.database import Database
from photofinish.application.search.searcher import Searcher
from photofinish.ports import FaceIndex
from support.faces import SPACE
from support.index import postgres_index
from support.searching import CALIBRATION, NamedPeople, NumberedPeople, NumberedPeopleInPostgres


@pytest.fixture
def memory_index() -> MemoryFaceIndex:
    return MemoryFaceIndex()


@pytest.fixture
def index_in_postgres(function_database: str) -> Iterator[FaceIndex]:
    with postgres_index(function_database) as index:
        yield index


@pytest.fixture(params=["memory_index", "index_in_postgres"])
def index(request: pytest.FixtureRequest) -> FaceIndex:
    """Each implementation in turn."""
    index: FaceIndex = request.getfixturevalue(request.param)
    return index


@pytest.fixture
def connections(function_database: str) -> Iterator[Database]:
    made = Database(function_database)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def named_people() -> NamedPeople:
    return NamedPeople()


@pytest.fixture
def numbered_people(index: FaceIndex, request: pytest.FixtureRequest) -> NumberedPeople:
    if isinstance(index, MemoryFaceIndex):
        return MemoryPeopleNumbers(index)
    return NumberedPeopleInPostgres(request.getfixturevalue("connections"))


@pytest.fixture
def searcher(index: FaceIndex, named_people: NamedPeople, numbered_people: NumberedPeople) -> Searcher:
    return Searcher(index, named_people, numbered_people, {SPACE: CALIBRATION})
