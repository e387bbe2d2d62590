"""The promises of RetentionRecords, kept by every implementation."""

from __future__ import annotations

from datetime import date

import pytest

from photofinish.adapters.memory.retention import MemoryRetentionRecords
from photofinish.adapters.postgres.retention import PgRetentionRecords
from photofinish.domain.photo import PhotoRef
from photofinish.ports import RetentionRecords


@pytest.fixture(params=["memory", "postgres"])
def records(request: pytest.FixtureRequest) -> RetentionRecords:
    if request.param == "memory":
        return MemoryRetentionRecords()
    return PgRetentionRecords(request.getfixturevalue("connections"))


def photo(name: str, generation: int) -> PhotoRef:
    return PhotoRef(bucket="photos", name=name, generation=generation)


def test_a_removed_version_and_older_ones_are_known(records: RetentionRecords) -> None:
    records.note_originals_removed([photo("race/2.jpg", 5), photo("race/1.jpg", 7), photo("other/1.jpg", 1)])
    records.note_originals_removed([photo("race/1.jpg", 6)])
    assert [records.was_original_removed(photo("race/1.jpg", generation)) for generation in (6, 7, 8)] == [
        True,
        True,
        False,
    ]
    assert not records.was_original_removed(photo("race/3.jpg", 1))
    records.note_originals_removed([])


def test_the_latest_end_of_an_album_is_known(records: RetentionRecords) -> None:
    assert records.end_enforced("race") is None
    records.note_end_enforced("race", date(2026, 8, 1))
    records.note_end_enforced("race", date(2026, 9, 1))
    records.note_end_enforced("race", date(2026, 8, 1))
    assert records.end_enforced("race") == date(2026, 9, 1)
    assert records.end_enforced("other") is None
