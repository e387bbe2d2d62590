"""What retention has done, in Postgres; statements in `sql/retention.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.photo import PhotoRef

_query = Statements("retention")


class PgRetentionRecords:
    """:class:`photofinish.ports.RetentionRecords`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note_originals_removed(self, photos: Sequence[PhotoRef]) -> None:
        with self._database.transaction() as conn:
            albums = {album: use_album(conn, album) for album in sorted({photo.album for photo in photos})}
            # In one order, so that no two transactions wait for each other.
            values = [
                {"photo_id": photo.photo_id, "album_id": albums[photo.album], "generation": photo.generation}
                for photo in sorted(photos, key=lambda photo: photo.photo_id)
            ]
            with conn.cursor() as cursor:
                cursor.executemany(_query("note_original_removed"), values)

    def was_original_removed(self, photo: PhotoRef) -> bool:
        values = {"photo_id": photo.photo_id, "generation": photo.generation}
        with self._database.autocommit() as conn:
            return conn.execute(_query("was_original_removed"), values).fetchone() == (True,)

    def note_end_enforced(self, album: str, ends_on: date) -> None:
        with self._database.transaction() as conn:
            album_id = use_album(conn, album)
            row = conn.execute(_query("note_end_enforced"), {"album_id": album_id, "ends_on": ends_on}).fetchone()
            assert row is not None, "an upsert returns its row"
            event = AlbumEvent(
                id=fact_id(EventType.ALBUM_EXPIRED, album_id, ends_on),
                type=EventType.ALBUM_EXPIRED,
                album=album,
                occurred_at=row[0],
                data={"ends_on": ends_on.isoformat()},
            )
            record_events(conn, album_id, [event])

    def end_enforced(self, album: str) -> date | None:
        with self._database.autocommit() as conn:
            row = conn.execute(_query("end_enforced"), {"album": album}).fetchone()
        return None if row is None else row[0]
