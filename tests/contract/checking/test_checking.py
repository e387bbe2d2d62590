"""A check compares all stores of an album, and names whatever is broken in one of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from photofinish.adapters.postgres.database import Database
from support.checked_album import DAMAGES, CheckedCloud, full_album


@pytest.fixture
def checked_cloud(database: str) -> Iterator[CheckedCloud]:
    opened = Database(database)
    yield CheckedCloud(opened, database)
    opened.close()


def test_nothing_is_found_in_an_undamaged_album(checked_cloud: CheckedCloud) -> None:
    full_album(checked_cloud, of_each=3)
    assert checked_cloud.check() == []


@pytest.mark.parametrize("what", DAMAGES)
def test_what_is_broken_is_named(checked_cloud: CheckedCloud, what: str) -> None:
    damaged, other = full_album(checked_cloud, of_each=2)["good"]
    damage, problem = DAMAGES[what]
    damage(checked_cloud, damaged.ref)
    found = checked_cloud.check()
    assert problem in {finding.problem.value for finding in found}, found
    assert {finding.photo_id for finding in found} <= {damaged.ref.photo_id, None}, "the other photos are whole"
    assert other.ref.photo_id not in {finding.photo_id for finding in found}
