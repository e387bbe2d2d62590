"""Downloads in Postgres; statements in `sql/downloads.sql`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.download import Download, DownloadedPhoto, DownloadSize
from photofinish.domain.photo import PhotoRef

_query = Statements("downloads")


class PgDownloads:
    """:class:`photofinish.ports.KeptDownloads`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, download: Download, token_sha256: bytes) -> None:
        principal, principal_id = download.made_by
        with self._database.transaction() as conn:
            values = {
                "download_id": UUID(download.download_id),
                "token_sha256": token_sha256,
                "album_id": use_album(conn, download.album),
                "photo_ids": [UUID(photo.photo_id) for photo in download.photos],
                "principal": principal,
                "principal_id": principal_id,
                "is_organiser": download.is_organiser,
                "size": download.size.value,
                "with_metadata": download.with_metadata,
                "photos": Jsonb([_as_json(photo) for photo in download.photos]),
                "expires_at": download.expires_at,
            }
            conn.execute(_query("add"), values)

    def find(self, token_sha256: bytes, now: datetime) -> Download | None:
        with self._database.autocommit() as conn:
            row = conn.execute(_query("find"), {"token_sha256": token_sha256, "now": now}).fetchone()
        if row is None:
            return None
        download_id, album, principal, principal_id, is_organiser, size, with_metadata, photos, until, crcs, gone = row
        return Download(
            download_id=download_id,
            album=album,
            made_by=(principal, principal_id),
            is_organiser=is_organiser,
            size=DownloadSize(size),
            with_metadata=with_metadata,
            photos=tuple(_of_json(photo) for photo in photos),
            expires_at=until,
            crc32s={int(number): crc32 for number, crc32 in crcs.items()},
            missing=frozenset(gone),
        )

    def note_read(self, download_id: str, crc32s: Mapping[int, int], missing: Collection[int]) -> None:
        values = {
            "download_id": UUID(download_id),
            "crc32s": Jsonb({str(number): crc32 for number, crc32 in crc32s.items()}),
            "missing": sorted(missing),
        }
        with self._database.autocommit() as conn:
            conn.execute(_query("note_read"), values)

    def expire(self, now: datetime) -> int:
        with self._database.autocommit() as conn:
            return conn.execute(_query("expire"), {"now": now}).rowcount


def _as_json(photo: DownloadedPhoto) -> dict[str, Any]:
    ref = photo.photo
    return {
        "bucket": ref.bucket,
        "name": ref.name,
        "generation": ref.generation,
        "path": photo.path,
        "size_bytes": photo.size_bytes,
        "taken_at": None if photo.taken_at is None else photo.taken_at.isoformat(),
        "own_faces": sorted(photo.own_faces),
    }


def _of_json(fields: Mapping[str, Any]) -> DownloadedPhoto:
    taken_at = fields["taken_at"]
    return DownloadedPhoto(
        photo=PhotoRef(bucket=fields["bucket"], name=fields["name"], generation=fields["generation"]),
        path=fields["path"],
        size_bytes=fields["size_bytes"],
        taken_at=None if taken_at is None else datetime.fromisoformat(taken_at),
        own_faces=frozenset(fields["own_faces"]),
    )
