"""Erasures in Postgres: tombstones and the removal of rows, in one transaction; statements in `sql/erasing.sql`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.albums import find_album
from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.erasing.removing import Removal
from photofinish.adapters.postgres.erasing.tombstones import erased_faces, face_of_row, is_photo_erased
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.erasure import (
    ErasedFace,
    ErasedParts,
    ErasedPhoto,
    Erasure,
    ErasureKind,
    ErasureTarget,
    Reason,
    Removed,
)
from photofinish.domain.photo import PhotoRef, is_album_name
from photofinish.errors import NotFound
from photofinish.ports.erasures import Buried

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

    def begin(
        self, target: ErasureTarget, *, reason: Reason, photo: PhotoRef | None = None, buried: Buried | None = None
    ) -> Erasure:
        with self._database.transaction() as conn:
            return self._begin(conn, target, reason, photo, buried)

    def preview(self, target: ErasureTarget, *, photo: PhotoRef | None = None) -> Buried:
        with self._database.transaction() as conn:
            erasure = self._begin(conn, target, Reason.REQUEST, photo, None)
            values = {"erasure_id": as_uuid(erasure.id)}
            photos = _photos_of_rows(conn.execute(_query("photos"), values).fetchall())
            faces = [face_of_row(row) for row in conn.execute(_query("erased_faces"), values)]
            conn.rollback()
            return Buried(erasure=erasure, photos=tuple(photos), faces=tuple(faces))

    def _begin(
        self,
        conn: Connection,
        target: ErasureTarget,
        reason: Reason,
        photo: PhotoRef | None,
        buried: Buried | None,
    ) -> Erasure:
        if not is_album_name(target.album):
            raise NotFound(f"{target.album!r} cannot be an album.")
        album_id = find_album(conn, target.album)
        if album_id is not None:
            conn.execute(_query("lock_album"), {"album_id": album_id})
        if buried is None and target.kind is not ErasureKind.PHOTO and (known := _unfinished(conn, target)):
            return _get(conn, known)
        begin = {
            ErasureKind.PHOTO: self._photo,
            ErasureKind.FACE: self._face,
            ErasureKind.PERSON: self._person,
            ErasureKind.ALBUM: self._album,
        }[target.kind]
        return begin(conn, album_id, target, reason, photo, buried)

    def bury_photos(self, erasure_id: str, photos: Sequence[ErasedPhoto]) -> None:
        with self._database.transaction() as conn:
            erasure = _get(conn, erasure_id)
            album_id = find_album(conn, erasure.target.album)
            if album_id is None:
                _bury_photos(conn, erasure_id, photos)
                return
            conn.execute(_query("lock_album"), {"album_id": album_id})
            _bury_photos(conn, erasure_id, photos)
            removal = Removal(conn, album_id, erasure.target.album)
            removal.photos(_known_versions(conn, album_id, photos))
            _note(conn, erasure_id, "postgres", removal.counts, add=True)

    def photos(self, erasure_id: str) -> list[ErasedPhoto]:
        return _photos_of_rows(self._rows("photos", erasure_id))

    def faces(self, erasure_id: str) -> list[ErasedFace]:
        return [face_of_row(row) for row in self._rows("erased_faces", erasure_id)]

    def object_name(self, erasure_id: str) -> str | None:
        [row] = self._rows("object_name", erasure_id) or [(None,)]
        return None if row[0] is None else str(row[0])

    def note_removed(self, erasure_id: str, store: str, counts: Mapping[str, int]) -> None:
        with self._database.transaction() as conn:
            _note(conn, erasure_id, store, counts, add=False)

    def finish(self, erasure_id: str, at: datetime) -> None:
        with self._database.transaction() as conn:
            conn.execute(_query("finish"), {"erasure_id": as_uuid(erasure_id), "at": at})

    def get(self, erasure_id: str) -> Erasure | None:
        rows = self._rows("get", erasure_id)
        return _erasure_of_row(rows[0]) if rows else None

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

    def _photo(
        self,
        conn: Connection,
        album_id: int | None,
        target: ErasureTarget,
        reason: Reason,
        photo: PhotoRef | None,
        buried: Buried | None,
    ) -> Erasure:
        stored = None
        if album_id is not None:
            values = {"album_id": album_id, "photo_id": as_uuid(target.id)}
            stored = conn.execute(_query("lock_photo"), values).fetchone()
        generations = [photo.generation] if photo else []
        generations += [stored[0]] if stored else []
        generations += [one.generation for one in buried.photos] if buried else []
        generation = target.generation if target.generation is not None else max(generations, default=None)
        if buried is None and (known := _unfinished(conn, replace(target, generation=generation))):
            return _get(conn, known)
        if generation is None:
            raise NotFound(f"The album has no photo {target.id!r}.")
        has_rows = stored is not None and stored[0] <= generation
        if buried is None and not has_rows and (earlier := _covering(conn, target, generation)):
            return _get(conn, earlier)  # such as by the event about the original that an erasure deleted
        name = photo.name if photo else stored[1] if stored else None
        erasure_id = _insert(conn, target, reason, buried, generation=generation, name=name)
        _bury_photos(conn, erasure_id, [ErasedPhoto(photo_id=target.id, generation=generation)])
        if album_id is not None and has_rows:
            removal = Removal(conn, album_id, target.album)
            removal.photos([as_uuid(target.id)])
            _note(conn, erasure_id, "postgres", removal.counts, add=True)
        return _get(conn, erasure_id)

    def _face(
        self,
        conn: Connection,
        album_id: int | None,
        target: ErasureTarget,
        reason: Reason,
        _: PhotoRef | None,
        buried: Buried | None,
    ) -> Erasure:
        removal = None if album_id is None else Removal(conn, album_id, target.album)
        if buried is None and (removal is None or not removal.has_face(as_uuid(target.id))):
            raise NotFound(f"The album has no face {target.id!r}.")
        erasure_id = _insert(conn, target, reason, buried)
        if buried is not None:
            _bury_faces(conn, erasure_id, buried.faces)
        if removal is not None:
            _bury_faces(conn, erasure_id, removal.faces([as_uuid(target.id)]))
            _note(conn, erasure_id, "postgres", removal.counts, add=True)
        return _get(conn, erasure_id)

    def _person(
        self,
        conn: Connection,
        album_id: int | None,
        target: ErasureTarget,
        reason: Reason,
        _: PhotoRef | None,
        buried: Buried | None,
    ) -> Erasure:
        removal = None if album_id is None else Removal(conn, album_id, target.album)
        if buried is None and (removal is None or not removal.has_person(as_uuid(target.id))):
            raise NotFound(f"The album has no person {target.id!r}.")
        erasure_id = _insert(conn, target, reason, buried)
        restored = [] if buried is None else list(buried.faces)
        _bury_faces(conn, erasure_id, restored)
        if removal is not None:
            with_ids = [as_uuid(face.face_id) for face in restored]
            _bury_faces(
                conn, erasure_id, removal.person(as_uuid(target.id), with_faces=target.with_faces, and_faces=with_ids)
            )
            _note(conn, erasure_id, "postgres", removal.counts, add=True)
        return _get(conn, erasure_id)

    def _album(
        self,
        conn: Connection,
        album_id: int | None,
        target: ErasureTarget,
        reason: Reason,
        _: PhotoRef | None,
        buried: Buried | None,
    ) -> Erasure:
        erasure_id = _insert(conn, target, reason, buried)
        removal = Removal(conn, album_id, target.album)
        if album_id is not None:
            removal.bury_album(erasure_id)
        removal.album()
        _note(conn, erasure_id, "postgres", removal.counts, add=True)
        return _get(conn, erasure_id)


def _photos_of_rows(rows: Sequence[TupleRow]) -> list[ErasedPhoto]:
    return [ErasedPhoto(photo_id=photo_id.hex, generation=generation) for photo_id, generation in rows]


def _unfinished(conn: Connection, target: ErasureTarget) -> str | None:
    row = conn.execute(_query("unfinished_of"), _target_values(target)).fetchone()
    return None if row is None else str(row[0])


def _covering(conn: Connection, target: ErasureTarget, generation: int) -> str | None:
    row = conn.execute(_query("covering"), _target_values(target) | {"generation": generation}).fetchone()
    return None if row is None else str(row[0])


def _target_values(target: ErasureTarget) -> dict[str, Any]:
    return {
        "kind": target.kind.value,
        "album": target.album,
        "target_id": target.id,
        "generation": target.generation,
        "with_originals": target.with_originals,
        "with_faces": target.with_faces,
    }


def _insert(
    conn: Connection,
    target: ErasureTarget,
    reason: Reason,
    buried: Buried | None,
    *,
    generation: int | None = None,
    name: str | None = None,
) -> str:
    erasure_id = str(uuid.uuid4()) if buried is None else buried.erasure.id
    values = _target_values(target) | {
        "erasure_id": as_uuid(erasure_id),
        "generation": generation,
        "reason": reason.value,
        "object_name": name if target.with_originals else None,
        "started_at": None if buried is None else buried.erasure.started_at,
    }
    conn.execute(_query("begin"), values)
    return erasure_id


def _bury_photos(conn: Connection, erasure_id: str, photos: Sequence[ErasedPhoto]) -> None:
    values = _versions(photos) | {"erasure_id": as_uuid(erasure_id)}
    conn.execute(_query("bury_photos"), values)
    conn.execute(_query("drop_places"), values)


def _bury_faces(conn: Connection, erasure_id: str, faces: Sequence[ErasedFace]) -> None:
    conn.cursor().executemany(
        _query("bury_faces"),
        [
            {
                "erasure_id": as_uuid(erasure_id),
                "face_id": face.face_id,
                "photo_id": face.photo_id,
                "generation": face.generation,
                "box_x": face.box.x,
                "box_y": face.box.y,
                "box_w": face.box.w,
                "box_h": face.box.h,
                "bibs": Jsonb([[box.x, box.y, box.w, box.h] for box in face.bibs]),
            }
            for face in faces
        ],
    )


def _known_versions(conn: Connection, album_id: int, photos: Sequence[ErasedPhoto]) -> list[uuid.UUID]:
    rows = conn.execute(_query("known_versions"), _versions(photos) | {"album_id": album_id})
    return [row[0] for row in rows]


def _versions(photos: Sequence[ErasedPhoto]) -> dict[str, Any]:
    return {
        "photo_ids": [as_uuid(photo.photo_id) for photo in photos],
        "generations": [photo.generation for photo in photos],
    }


def _note(conn: Connection, erasure_id: str, store: str, counts: Mapping[str, int], *, add: bool) -> None:
    values = {"erasure_id": as_uuid(erasure_id)}
    row = conn.execute(_query("lock_removed"), values).fetchone()
    assert row is not None, "inserted by begin"
    removed: dict[str, dict[str, int]] = row[0]
    known = removed.setdefault(store, {})
    for what, count in counts.items():
        if count:
            known[what] = known.get(what, 0) + count if add else max(known.get(what, 0), count)
    if known:
        conn.execute(_query("set_removed"), values | {"removed": Jsonb(removed)})


def _get(conn: Connection, erasure_id: str) -> Erasure:
    row = conn.execute(_query("get"), {"erasure_id": as_uuid(erasure_id)}).fetchone()
    if row is None:
        raise NotFound(f"There is no erasure {erasure_id!r}.")
    return _erasure_of_row(row)


def _erasure_of_row(row: TupleRow) -> Erasure:
    erasure_id, kind, album, target_id, generation, originals, faces, reason, started_at, finished_at, removed = row
    stores: Removed = removed
    return Erasure(
        id=str(erasure_id),
        target=ErasureTarget(
            kind=ErasureKind(kind),
            album=album,
            id=target_id,
            generation=generation,
            with_originals=originals,
            with_faces=faces,
        ),
        reason=Reason(reason),
        started_at=started_at,
        finished_at=finished_at,
        removed=stores,
    )
