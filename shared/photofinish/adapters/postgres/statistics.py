"""Statistics in Postgres; statements in `sql/statistics.sql`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import TupleRow

from photofinish.adapters.postgres.albums import find_album
from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.events.log import watermark
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import AlbumEvent, EventType
from photofinish.domain.album_statistics import (
    RESULTS,
    AlbumStatistics,
    Changes,
    Counts,
    Grouping,
    PhotosPerPerson,
    Result,
    newest_results,
    photos_per_person,
    result_of,
)
from photofinish.domain.photo import PhotoStatus, is_album_name
from photofinish.ports.statistics import MAX_GROUPS

_query = Statements("statistics")
_TYPES = [event_type.value for event_type in RESULTS]
_RESULT_FIELDS = [field.name for field in fields(Result)]


class PgStatistics:
    """:class:`photofinish.ports.Statistics`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, album: str, *, limit: int) -> bool:
        with self._database.transaction() as conn:
            album_id = _album_id(conn, album)
            if album_id is None:
                return True
            if conn.execute(_query("try_lock"), {"album_id": album_id}).fetchone() != (True,):
                return False
            [after] = conn.execute(_query("position"), {"album_id": album_id}).fetchone() or (0,)
            until = watermark(conn)
            if until <= after:
                return True
            values = {"album_id": album_id, "types": _TYPES, "after": after, "until": until, "limit": limit}
            conn.execute(_query("avoid_sorting"))
            rows = conn.execute(_query("results"), values).fetchall()
            _count(conn, album_id, [_told(album, row) for row in rows])
            is_complete = len(rows) < limit
            position = until if is_complete else rows[-1][0]
            conn.execute(_query("set_position"), {"album_id": album_id, "position": position})
            return is_complete

    def read(self, album: str) -> AlbumStatistics | None:
        with self._database.transaction() as conn:
            album_id = _album_id(conn, album)
            if album_id is None:
                return None
            total = _groups(conn, album_id, [(Grouping.ALBUM, "")])
            if not total:
                return None
            values = {"album_id": album_id, "limit": MAX_GROUPS}
            hours = conn.execute(_query("latest_hours"), values).fetchall()
            found = {Grouping.HOUR: {key: _counts(counts) for key, *counts in reversed(hours)}}
            for kind in (Grouping.CAMERA, Grouping.FOLDER, Grouping.CODE):
                rows = conn.execute(_query("most_photos"), values | {"kind": kind.value})
                found[kind] = {key: _counts(counts) for key, *counts in rows}
        return AlbumStatistics(total=total[Grouping.ALBUM, ""], groups=found)

    def people(self, album: str) -> PhotosPerPerson | None:
        with self._database.transaction() as conn:
            rows = conn.execute(_query("photos_per_person"), {"album_id": _album_id(conn, album)})
            return photos_per_person(dict(rows.fetchall()))

    def failures(self, since: datetime) -> Mapping[str, int]:
        with self._database.transaction() as conn:
            return dict(conn.execute(_query("failures"), {"since": since}).fetchall())


def lock_statistics(conn: Connection, album_id: int) -> None:
    """Wait until no other transaction changes the statistics of the album."""
    conn.execute(_query("lock"), {"album_id": album_id})


def take_back(conn: Connection, album_id: int, photo_ids: Iterable[UUID]) -> int:
    """Take back what erased versions of these photos count as; return of how many photos."""
    lock_statistics(conn, album_id)
    values = {"album_id": album_id, "photo_ids": list(photo_ids)}
    results = [_result(row) for row in conn.execute(_query("take_back"), values)]
    changes = Changes()
    for result in results:
        changes.add(result, -1)
    _apply(conn, album_id, changes)
    return len(results)


def _album_id(conn: Connection, album: str) -> int | None:
    return find_album(conn, album) if is_album_name(album) else None


def _told(album: str, row: TupleRow) -> Result:
    _, event_type, occurred_at, photo_id, generation, folder, camera, data = row
    return result_of(
        AlbumEvent(
            id=photo_id,
            type=EventType(event_type),
            album=album,
            occurred_at=occurred_at,
            photo_id=photo_id.hex,
            generation=generation,
            folder=folder,
            camera=camera,
            data=data,
        )
    )


def _count(conn: Connection, album_id: int, results: Sequence[Result]) -> None:
    photo_ids = [as_uuid(photo_id) for photo_id in sorted({result.photo_id for result in results})]
    rows = conn.execute(_query("counted"), {"album_id": album_id, "photo_ids": photo_ids})
    known = {result.photo_id: result for result in map(_result, rows)}
    newest = newest_results(results, known)
    changes = Changes()
    for photo_id, result in newest.items():
        if photo_id in known:
            changes.add(known[photo_id], -1)
        changes.add(result)
    columns = {name: [getattr(result, name) for result in newest.values()] for name in _RESULT_FIELDS}
    columns["photo_id"] = [as_uuid(photo_id) for photo_id in newest]
    conn.execute(_query("set_counted"), columns | {"album_id": album_id})
    _apply(conn, album_id, changes)


def _apply(conn: Connection, album_id: int, changes: Changes) -> None:
    known = _groups(conn, album_id, changes.groups)
    rows = []
    for kind, key in changes.groups:
        counts = changes.applied((kind, key), known.get((kind, key), Counts()))
        stored = {field.name: getattr(counts, field.name) for field in fields(Counts)}
        rows.append(stored | {"album_id": album_id, "kind": kind.value, "key": key, "durations": [*counts.durations]})
    conn.cursor().executemany(_query("set_group"), rows)
    conn.execute(_query("drop_empty"), {"album_id": album_id})


def _groups(
    conn: Connection, album_id: int, groups: Sequence[tuple[Grouping, str]]
) -> dict[tuple[Grouping, str], Counts]:
    values = {"kinds": [kind.value for kind, _ in groups], "keys": [key for _, key in groups], "album_id": album_id}
    rows = conn.execute(_query("groups"), values)
    return {(Grouping(kind), key): _counts(counts) for kind, key, *counts in rows}


def _counts(row: Sequence[Any]) -> Counts:
    done, rejected, failed, faces, bibs, with_bib, durations = row
    return Counts(
        done=done,
        rejected=rejected,
        failed=failed,
        faces=faces,
        bibs=bibs,
        with_bib=with_bib,
        durations=tuple(durations),
    )


def _result(row: TupleRow) -> Result:
    photo_id, generation, status, *rest = row
    values = dict(zip(_RESULT_FIELDS, (photo_id.hex, generation, PhotoStatus(status), *rest), strict=True))
    return Result(**values)
