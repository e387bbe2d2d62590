"""What the database holds of each photo of an album; statements in `sql/album_contents.sql`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import TupleRow

from photofinish.adapters.postgres.albums import find_album
from photofinish.adapters.postgres.bibs.rows import bibs_of_json, correction_of_json
from photofinish.adapters.postgres.database import Connection, Database, is_storable
from photofinish.adapters.postgres.erasing.tombstones import face_of_row
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import EventType
from photofinish.domain.bib_corrections import EffectiveBib
from photofinish.domain.erasure import ErasedFace
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.ports import COLLECTION_BUCKET, PhotoRows, ToldEvent

_query = Statements("album_contents")
_index_query = Statements("face_index")
_bibs_query = Statements("bibs")
_people_query = Statements("people")
_PAGE = 1000


class PgAlbumContents:
    """:class:`photofinish.ports.AlbumContents`; all methods raise what :meth:`Database.transaction` does.

    Removing events takes the rights of the database's owner: functions cannot change a row of the log.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def knows(self, album: str) -> bool:
        with self._database.transaction() as conn:
            return _album_id(conn, album) is not None

    def photo_ids(self, album: str) -> Iterator[str]:
        values: dict[str, Any] = {"collection_bucket": COLLECTION_BUCKET, "limit": _PAGE, "after": None}
        while True:
            with self._database.snapshot() as conn:
                album_id = _album_id(conn, album)
                page = [row[0] for row in conn.execute(_query("photo_ids"), values | {"album_id": album_id})]
            yield from (photo_id.hex for photo_id in page)
            if len(page) < _PAGE:
                return
            values["after"] = page[-1]

    def rows(self, album: str, photo_ids: Collection[str]) -> dict[str, PhotoRows]:
        if not photo_ids:
            return {}
        with self._database.snapshot() as conn:
            values = {"album_id": _album_id(conn, album), "photo_ids": [UUID(photo_id) for photo_id in photo_ids]}
            photos = {row[0].hex: row[1:] for row in conn.execute(_query("photos"), values)}
            faces = _grouped(conn, "faces", values, lambda row: (str(row[0]), Box(*row[1:])))
            withheld = _grouped(conn, "withheld_faces", values, lambda row: (row[0], Box(*row[1:])))
            spaces = {photo_id.hex: space for photo_id, space in conn.execute(_query("depictions"), values)}
            bibs = _grouped(conn, "bibs", values, _bib)
            erased_photos = dict(_pairs(conn, "erased_photos", values))
            erased_faces: dict[str, list[ErasedFace]] = defaultdict(list)
            for row in conn.execute(_query("erased_faces"), values):
                erased_faces[row[1].hex].append(face_of_row(row))
            removed = dict(_pairs(conn, "removed_originals", values))
            events = _grouped(conn, "events", values, _event)
            corrections = defaultdict(list)
            for photo_id, generation, stored in conn.execute(_bibs_query("active_corrections"), values):
                corrections[photo_id.hex, generation].append(correction_of_json(stored))
        found = {}
        for photo_id in photo_ids:
            described = {} if photo_id not in photos else _described(photos[photo_id])
            ref = described.get("ref")
            found[photo_id] = PhotoRows(
                photo_id=photo_id,
                **described,
                faces=dict(faces[photo_id]),
                withheld=dict(withheld[photo_id]),
                depicted_in=spaces.get(photo_id),
                bibs=tuple(bibs[photo_id]),
                corrections=() if ref is None else tuple(corrections[photo_id, ref.generation]),
                erased_generation=erased_photos.get(photo_id),
                erased_faces=tuple(erased_faces[photo_id]),
                removed_original=removed.get(photo_id),
                events=tuple(events[photo_id]),
            )
        return found

    def events_begin(self) -> datetime | None:
        with self._database.transaction() as conn:
            row = conn.execute(_query("oldest_event")).fetchone()
        return None if row is None else row[0]

    def remove_result(self, album: str, photo_id: str, *, generation: int | None = None) -> None:
        with self._database.transaction() as conn:
            values = {"photo_id": UUID(photo_id), "album_id": _album_id(conn, album), "generation": generation}
            conn.execute(_bibs_query("rules_in_use"), values)
            if generation is not None:
                conn.execute(_query("set_generation"), values)
            for statement in ("clear_photo", "delete_faces", "delete_withheld_faces", "delete_depiction"):
                conn.execute(_index_query(statement), values)
            conn.execute(_bibs_query("delete_bibs"), {"photo_ids": [UUID(photo_id)]})

    def remove_repeated_events(self, photo_id: str) -> int:
        with self._database.transaction() as conn:
            return conn.execute(_query("remove_repeated_events"), {"photo_id": UUID(photo_id)}).rowcount

    def outdate_people(self, album: str) -> int:
        with self._database.transaction() as conn:
            return conn.execute(_people_query("project_album"), {"album_id": _album_id(conn, album)}).rowcount


def _album_id(conn: Connection, album: str) -> int | None:
    return find_album(conn, album) if is_storable(album) else None


def _grouped(
    conn: Connection, query: str, values: dict[str, Any], read: Callable[[TupleRow], Any]
) -> dict[str, list[Any]]:
    """What `read` makes of the columns after the photo's id, by photo."""
    found: dict[str, list[Any]] = defaultdict(list)
    for row in conn.execute(_query(query), values):
        found[row[0].hex].append(read(row[1:]))
    return found


def _pairs(conn: Connection, query: str, values: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for photo_id, number in conn.execute(_query(query), values):
        yield photo_id.hex, number


def _described(row: TupleRow) -> dict[str, Any]:
    bucket, name, generation, pipeline_version, read, rules, revision = row
    return {
        "ref": PhotoRef(bucket=bucket, name=name, generation=generation),
        "pipeline_version": pipeline_version,
        "read": bibs_of_json(read),
        "rules": rules,
        "revision": revision,
    }


def _bib(row: TupleRow) -> EffectiveBib:
    number, ocr_score, partial, *box, face_id, by_hand = row
    return EffectiveBib(
        number=number,
        ocr_score=ocr_score,
        box=None if box[0] is None else Box(*box),
        face_id=None if face_id is None else str(face_id),
        partial=partial,
        by_hand=by_hand,
    )


def _event(row: TupleRow) -> ToldEvent:
    event_id, type_, generation, position, occurred_at = row
    return ToldEvent(
        id=event_id, type=EventType(type_), generation=generation, position=position, occurred_at=occurred_at
    )
