"""A gate on a real, empty database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish_functions.access.gate import Gate
from support.access import Clock, pg_access, settings


@pytest.fixture
def store(database: str) -> Iterator[PgAccessStore]:
    with pg_access(database) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(store: PgAccessStore, clock: Clock) -> Gate:
    return Gate(store, settings(), now=clock)
