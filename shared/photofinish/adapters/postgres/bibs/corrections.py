"""Users' corrections of bib numbers in Postgres; statements in `sql/bibs.sql`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.bibs.rows import correction_of_json, json_of_correction
from photofinish.adapters.postgres.bibs.writing import (
    StoredPhotoBibs,
    active_corrections,
    bibs_of,
    faces_of,
    lock_photos,
    mark_projections_outdated,
    write_bibs,
)
from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.people.transactions import album_rows, album_transaction
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.bib_changes import BibOperation, CorrectedPhoto, PhotoBibs
from photofinish.domain.bib_corrections import BibCorrection, CorrectionRequest, corrected, correction_of
from photofinish.domain.bib_operations import check_undo, kind_of_undo
from photofinish.domain.people import UnknownOperation
from photofinish.domain.photo import PhotoRef
from photofinish.domain.search import folder_of
from photofinish.errors import Conflict
from photofinish.ports.bibs import UnknownPhoto

_query = Statements("bibs")


class PgBibCorrections:
    """:class:`photofinish.ports.BibCorrections` in Postgres; threads may share it. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def correct(self, album: str, photo_id: str, request: CorrectionRequest, *, by: str) -> CorrectedPhoto:
        with self._photo(album, photo_id) as (conn, album_id, known):
            faces = faces_of(conn, album_id, known.photo, known.pipeline_version)
            earlier = active_corrections(conn, [known.photo])[known.photo]
            before = corrected(known.read, faces, earlier)
            correction = correction_of(request, before, faces)
            if corrected(known.read, faces, [*earlier, correction]) == before:
                unchanged = PhotoBibs(photo=known.photo, bibs=before, revision=known.revision)
                return CorrectedPhoto(photo=unchanged, operation_id=None)
            event = _record(conn, album_id, known.photo, correction, kind=correction.kind.value, by=by, is_active=True)
            after = _rewrite(conn, album_id, known)
            mark_projections_outdated(conn, album_id, before, [after])
            record_events(conn, album_id, [event])
            return CorrectedPhoto(photo=after, operation_id=event.data["operation_id"])

    def undo(self, album: str, operation_id: int, *, by: str) -> CorrectedPhoto:
        with album_transaction(self._database, album) as (conn, album_id):
            values = {"album_id": album_id, "operation_id": operation_id}
            photo_of = conn.execute(_query("photo_of_operation"), values).fetchone()
            if album_id is None or photo_of is None:
                raise UnknownOperation(operation_id)
            known = _lock(conn, album_id, photo_of[0].hex)  # before its operations: as in `correct`
            [generation, kind, stored, corrects, undone_by] = conn.execute(_query("operation"), values).fetchone() or ()
            correction = correction_of_json(stored)
            later = [
                (later_id, correction_of_json(later))
                for later_id, later in conn.execute(
                    _query("later_corrections"), values | {"photo_id": photo_of[0], "generation": generation}
                )
            ]
            check_undo(
                correction,
                later,
                undone_by=undone_by,
                is_replaced=known is None or known.photo.generation != generation,
            )
            assert known is not None, "checked above"
            before = bibs_of(conn, album_id, known)
            target = operation_id if corrects is None else corrects
            is_active = kind == "undo"
            conn.execute(_query("switch_correction"), {"corrects": target, "is_active": is_active})
            event = _record(
                conn,
                album_id,
                known.photo,
                correction,
                kind=kind_of_undo(kind),
                by=by,
                is_active=False,
                corrects=target,
                undoes=operation_id,
            )
            undo_id = event.data["operation_id"]
            conn.execute(_query("mark_undone"), {"operation_id": operation_id, "undone_by": undo_id})
            after = _rewrite(conn, album_id, known)
            mark_projections_outdated(conn, album_id, before, [after])
            record_events(conn, album_id, [event])
            return CorrectedPhoto(photo=after, operation_id=undo_id)

    def operations(
        self, album: str, *, photo_id: str | None = None, limit: int, before: int | None = None
    ) -> list[BibOperation]:
        values = {"photo_id": None if photo_id is None else as_uuid(photo_id), "limit": limit, "before": before}
        return [
            BibOperation(
                operation_id=operation_id,
                photo=PhotoRef(bucket=bucket, name=name, generation=generation),
                kind=kind,
                correction=correction_of_json(correction),
                done_at=done_at,
                done_by=done_by,
                is_active=is_active,
                undoes=undoes,
                undone_by=undone_by,
            )
            for (
                operation_id,
                bucket,
                name,
                generation,
                kind,
                correction,
                done_at,
                done_by,
                undoes,
                undone_by,
                is_active,
            ) in album_rows(self._database, album, _query("operations"), values)
        ]

    def expire(self, before: datetime) -> int:
        with self._database.transaction() as conn:
            deleted = conn.execute(_query("expire_undos"), {"before": before}).rowcount
            deleted += conn.execute(_query("expire_corrections"), {"before": before}).rowcount
            conn.execute(_query("forget_principals"), {"before": before})
            return deleted

    @contextmanager
    def _photo(self, album: str, photo_id: str) -> Iterator[tuple[Connection, int, StoredPhotoBibs]]:
        """Open a transaction with the row of this photo locked."""
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None:
                raise UnknownPhoto
            known = _lock(conn, album_id, photo_id)
            if known is None:
                values = {"album_id": album_id, "photo_id": as_uuid(photo_id)}
                if conn.execute(_query("has_photo"), values).fetchone() == (True,):
                    raise Conflict("not_analysed", "This photo has no result to correct: it was rejected or removed.")
                raise UnknownPhoto
            yield conn, album_id, known


def _lock(conn: Connection, album_id: int, photo_id: str) -> StoredPhotoBibs | None:
    return next(iter(lock_photos(conn, album_id, [str(as_uuid(photo_id))])), None)


def _rewrite(conn: Connection, album_id: int, known: StoredPhotoBibs) -> PhotoBibs:
    """Apply the corrections that are active now to what was read."""
    faces = faces_of(conn, album_id, known.photo, known.pipeline_version)
    [written] = write_bibs(conn, album_id, {known.photo: known.read}, {known.photo: faces}, rules=known.rules)
    return written


def _record(conn: Connection, album_id: int, photo: PhotoRef, correction: BibCorrection, **values: Any) -> AlbumEvent:
    """Record the operation, and return its event, which is to be recorded last."""
    values = {"corrects": None, "undoes": None} | values
    values |= {
        "album_id": album_id,
        "photo_id": UUID(photo.photo_id),
        "generation": photo.generation,
        "correction": Jsonb(json_of_correction(correction)),
    }
    row = conn.execute(_query("record_operation"), values).fetchone()
    assert row is not None, "an INSERT returns its row"
    operation_id, done_at, camera = row
    return AlbumEvent(
        id=fact_id(EventType.BIB_CORRECTED, operation_id),
        type=EventType.BIB_CORRECTED,
        album=photo.album,
        occurred_at=done_at,
        photo_id=photo.photo_id,
        generation=photo.generation,
        folder=folder_of(photo),
        camera=camera,
        data={"operation_id": operation_id, "kind": values["kind"]},
    )
