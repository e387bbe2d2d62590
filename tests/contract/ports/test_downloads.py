"""The promises of KeptDownloads, kept by every implementation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from photofinish.adapters.memory.downloads import MemoryDownloads
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.downloads import PgDownloads
from photofinish.domain.download import Download, DownloadedPhoto, DownloadSize
from photofinish.ports import KeptDownloads
from support.faces import photo

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TOKEN = b"t" * 32
DOWNLOAD = Download(
    download_id="0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f",
    album="race",
    made_by=("key", "abc"),
    is_organiser=False,
    size=DownloadSize.WEB,
    with_metadata=False,
    photos=(
        DownloadedPhoto(
            photo=photo("race/é 1.jpg"),
            path="é 1.jpg",
            size_bytes=5,
            taken_at=datetime(2026, 5, 1, 10, 4),
            own_faces=frozenset({"f1", "f2"}),
        ),
        DownloadedPhoto(photo=photo("race/2.jpg"), path="2.jpg", size_bytes=None, taken_at=None),
    ),
    expires_at=NOW + timedelta(hours=24),
)


@pytest.fixture(params=["memory", "postgres"])
def downloads(request: pytest.FixtureRequest) -> Iterator[KeptDownloads]:
    if request.param == "memory":
        yield MemoryDownloads()
        return
    with closing(Database(request.getfixturevalue("database"))) as connections:
        yield PgDownloads(connections)


def test_is_found_by_its_token_until_it_expires(downloads: KeptDownloads) -> None:
    downloads.add(DOWNLOAD, TOKEN)
    assert downloads.find(TOKEN, NOW) == DOWNLOAD
    assert downloads.find(b"x" * 32, NOW) is None
    assert downloads.find(TOKEN, DOWNLOAD.expires_at) is None


def test_what_was_read_adds_up(downloads: KeptDownloads) -> None:
    downloads.add(DOWNLOAD, TOKEN)
    downloads.note_read(DOWNLOAD.download_id, {0: 2**32 - 1}, [])
    downloads.note_read(DOWNLOAD.download_id, {1: 7}, [1])
    downloads.note_read(DOWNLOAD.download_id, {1: 7}, [1])
    expected = replace(DOWNLOAD, crc32s={0: 2**32 - 1, 1: 7}, missing=frozenset({1}))
    assert downloads.find(TOKEN, NOW) == expected


def test_expired_ones_are_removed(downloads: KeptDownloads) -> None:
    downloads.add(DOWNLOAD, TOKEN)
    assert downloads.expire(NOW) == 0
    assert downloads.expire(DOWNLOAD.expires_at) == 1
    downloads.note_read(DOWNLOAD.download_id, {0: 1}, [])
    assert downloads.find(TOKEN, NOW) is None
