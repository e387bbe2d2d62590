"""The promises of VideoParts, kept by every implementation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from photofinish.adapters.memory.video_parts import MemoryVideoParts
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.adapters.postgres.video_parts import PgVideoParts
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.errors import Misconfigured
from photofinish.ports import VideoParts
from support.faces import photo

VIDEO = photo("race/clip.mp4")
NEWER = replace(VIDEO, generation=2)


@pytest.fixture
def of_owner(database: str) -> Iterator[Database]:
    """As tasks are, which own the tables."""
    opened = Database(database)
    yield opened
    opened.close()


@pytest.fixture(params=["memory", "postgres"])
def parts(request: pytest.FixtureRequest) -> VideoParts:
    if request.param == "memory":
        return MemoryVideoParts()
    return PgVideoParts(request.getfixturevalue("of_owner"))


def test_a_part_is_kept_as_it_was_first_written(parts: VideoParts) -> None:
    parts.put(VIDEO, "1", 0, b"\0first")
    parts.put(VIDEO, "1", 0, b"second")
    parts.put(VIDEO, "1", 3, b"")
    assert sorted(parts.known(VIDEO, "1")) == [0, 3]
    assert [parts.get(VIDEO, "1", number) for number in (0, 1, 3)] == [b"\0first", None, b""]


def test_versions_of_video_and_pipeline_have_parts_of_their_own(parts: VideoParts) -> None:
    parts.put(VIDEO, "1", 0, b"a")
    assert (list(parts.known(NEWER, "1")), list(parts.known(VIDEO, "2"))) == ([], [])
    parts.put(NEWER, "2", 0, b"b")
    parts.remove(VIDEO)
    parts.remove(VIDEO)
    assert (parts.get(VIDEO, "1", 0), parts.get(NEWER, "2", 0)) == (None, b"b")
    parts.remove(NEWER)
    assert list(parts.known(NEWER, "2")) == []


def test_old_parts_expire(parts: VideoParts) -> None:
    parts.put(VIDEO, "1", 0, b"a")
    assert parts.expire(datetime.now(UTC) - timedelta(minutes=5)) == 0
    assert parts.expire(datetime.now(UTC) + timedelta(minutes=5)) == 1
    assert list(parts.known(VIDEO, "1")) == []


def test_functions_may_delete_parts_and_not_read_them(connections: Database, of_owner: Database) -> None:
    PgVideoParts(of_owner).put(VIDEO, "1", 0, b"a")
    with pytest.raises(Misconfigured):
        PgVideoParts(connections).get(VIDEO, "1", 0)
    assert PgVideoParts(connections).expire(datetime.now(UTC) + timedelta(minutes=5)) == 1


@pytest.mark.parametrize("kind", [ErasureKind.PHOTO, ErasureKind.ALBUM])
def test_parts_go_with_their_photo_and_their_album(
    of_owner: Database, connections: Database, kind: ErasureKind
) -> None:
    parts, other = PgVideoParts(of_owner), photo("other/clip.mp4")
    for one in (VIDEO, other):
        parts.put(one, "1", 0, b"a")
    target = ErasureTarget(kind=kind, album="race", id=VIDEO.photo_id if kind is ErasureKind.PHOTO else "race")
    PgErasures(connections).begin(target, reason=Reason.REQUEST, photo=VIDEO if kind is ErasureKind.PHOTO else None)
    assert list(parts.known(VIDEO, "1")) == []
    assert list(parts.known(other, "1")) == [0]
    if kind is ErasureKind.PHOTO:
        parts.put(VIDEO, "1", 1, b"late")
        parts.put(NEWER, "1", 1, b"a new video")
        assert (list(parts.known(VIDEO, "1")), list(parts.known(NEWER, "1"))) == ([], [1])
