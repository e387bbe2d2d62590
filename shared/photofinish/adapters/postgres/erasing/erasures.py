"""Erasures in Postgres: tombstones and the removal of rows, in one transaction; statements in `sql/erasing.sql`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from psycopg.rows import TupleRow

from photofinish.adapters.postgres.albums import find_album
from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.erasing import rows
from photofinish.adapters.postgres.erasing.beginning import Beginning
from photofinish.adapters.postgres.erasing.removing import Removal
from photofinish.adapters.postgres.erasing.tombstones import erased_faces, face_of_row, is_photo_erased
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.erasure import ErasedFace, ErasedParts, ErasedPhoto, Erasure, ErasureTarget, Reason
from photofinish.domain.photo import PhotoRef, is_album_name
from photofinish.errors import NotFound
from photofinish.ports import ObjectVersion
from photofinish.ports.erasures import Bucket, Buried

_query = Statements("erasing")


class PgErasures:
    """:class:`photofinish.ports.Erasures` in Postgres; threads may share it. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def erased(self, photo: PhotoRef) -> ErasedParts:
        with self._database.transaction() as conn:
            if is_photo_erased(conn, photo):
                return ErasedParts(is_photo=True)
            return erased_faces(conn, [photo]).get(photo, ErasedParts())

    def note_late_objects(self, photo: PhotoRef, versions: Sequence[ObjectVersion]) -> None:
        values = {"photo_id": photo.photo_id, "generation": photo.generation}
        with self._database.transaction() as conn:
            row = conn.execute(_query("unfinished_of_photo"), values).fetchone()
            if row is not None:
                _note_objects(conn, str(row[0]), "derived_bucket", versions)

    def begin(
        self, target: ErasureTarget, *, reason: Reason, photo: PhotoRef | None = None, buried: Buried | None = None
    ) -> Erasure:
        with self._database.transaction() as conn:
            return _begin(conn, target, reason, photo, buried)

    def preview(self, target: ErasureTarget, *, photo: PhotoRef | None = None) -> Buried:
        with self._database.transaction() as conn:
            erasure = _begin(conn, target, Reason.REQUEST, photo, None)
            values = {"erasure_id": as_uuid(erasure.id)}
            photos = rows.photos_of_rows(conn.execute(_query("photos"), values))
            faces = [face_of_row(row) for row in conn.execute(_query("erased_faces"), values)]
            conn.rollback()
            return Buried(erasure=erasure, photos=tuple(photos), faces=tuple(faces))

    def bury_photos(self, erasure_id: str, photos: Sequence[ErasedPhoto]) -> None:
        with self._database.transaction() as conn:
            album = rows.get(conn, erasure_id).target.album
            album_id = find_album(conn, album)
            if album_id is None:
                rows.bury_photos(conn, erasure_id, photos)
                return
            conn.execute(_query("lock_album"), {"album_id": album_id})
            rows.bury_photos(conn, erasure_id, photos)
            known = conn.execute(_query("known_versions"), rows.versions(photos) | {"album_id": album_id})
            removal = Removal(conn, album_id, album)
            removal.results([as_uuid(photo.photo_id) for photo in photos])
            removal.photos([row[0] for row in known])
            rows.note(conn, erasure_id, "postgres", removal.counts, add=True)

    def photos(self, erasure_id: str) -> list[ErasedPhoto]:
        return rows.photos_of_rows(self._rows("photos", erasure_id))

    def faces(self, erasure_id: str) -> list[ErasedFace]:
        return [face_of_row(row) for row in self._rows("erased_faces", erasure_id)]

    def people(self, album: str) -> set[str]:
        with self._database.transaction() as conn:
            return {str(row[0]) for row in conn.execute(_query("people"), {"album": album})}

    def object_name(self, erasure_id: str) -> str | None:
        [row] = self._rows("object_name", erasure_id) or [(None,)]
        return None if row[0] is None else str(row[0])

    def note_removed(self, erasure_id: str, store: str, counts: Mapping[str, int]) -> None:
        with self._database.transaction() as conn:
            rows.note(conn, erasure_id, store, counts, add=False)

    def note_objects(self, erasure_id: str, bucket: Bucket, versions: Sequence[ObjectVersion]) -> None:
        with self._database.transaction() as conn:
            _note_objects(conn, erasure_id, bucket, versions)

    def finish(self, erasure_id: str, at: datetime) -> None:
        with self._database.transaction() as conn:
            rows.finish(conn, erasure_id, at)

    def get(self, erasure_id: str) -> Erasure | None:
        found = self._rows("get", erasure_id)
        return rows.erasure_of_row(found[0]) if found else None

    def unfinished(self) -> list[str]:
        with self._database.transaction() as conn:
            return [str(row[0]) for row in conn.execute(_query("unfinished"))]

    def all_ids(self) -> list[str]:
        with self._database.transaction() as conn:
            return [str(row[0]) for row in conn.execute(_query("all_ids"))]

    @contextmanager
    def exclusively(self, erasure_id: str) -> Iterator[bool]:
        with self._database.transaction() as conn:
            yield conn.execute(_query("try_lock"), {"erasure_id": erasure_id}).fetchone() == (True,)

    def _rows(self, query: str, erasure_id: str) -> list[TupleRow]:
        with self._database.transaction() as conn:
            return conn.execute(_query(query), {"erasure_id": as_uuid(erasure_id)}).fetchall()


def _begin(
    conn: Connection, target: ErasureTarget, reason: Reason, photo: PhotoRef | None, buried: Buried | None
) -> Erasure:
    if not is_album_name(target.album):
        raise NotFound(f"{target.album!r} cannot be an album.")
    album_id = find_album(conn, target.album)
    if album_id is not None:
        conn.execute(_query("lock_album"), {"album_id": album_id})
    return Beginning(conn, album_id, target, reason, photo, buried).begin()


def _note_objects(conn: Connection, erasure_id: str, bucket: Bucket, versions: Sequence[ObjectVersion]) -> None:
    values = {
        "erasure_id": as_uuid(erasure_id),
        "bucket": bucket,
        "names": [version.name for version in versions],
        "generations": [version.generation for version in versions],
    }
    conn.execute(_query("note_objects"), values)
