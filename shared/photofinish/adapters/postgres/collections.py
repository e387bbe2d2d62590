"""Collections of the Rekognition API in Postgres; statements in `sql/rekognition.sql`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from psycopg import sql
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.errors import NotFound
from photofinish.ports import COLLECTION_BUCKET, Collection, CollectionFace

_query = Statements("rekognition")

# Names that the API allows; albums with other names are not listed as collections.
_NAME_PATTERN: Final = r"^[a-zA-Z0-9_.\-]{1,255}$"


class PgCollections:
    """:class:`photofinish.ports.Collections` in a migrated Postgres database; safe to share between threads.

    All methods raise what :meth:`Database.transaction` does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, album: str, tags: Mapping[str, str]) -> bool:
        with self._database.transaction() as conn:
            query = _query("create_collection", album_id=sql.Literal(use_album(conn, album)))
            row = conn.execute(query, {"tags": Jsonb(dict(tags))}).fetchone()
        return row is not None

    def exists(self, album: str) -> bool:
        with self._database.transaction() as conn:
            return _album_id(conn, album) is not None

    def describe(self, album: str) -> Collection | None:
        with self._database.transaction() as conn:
            album_id = _album_id(conn, album)
            if album_id is None:
                return None
            query = _query("describe_collection", album_id=sql.Literal(album_id))
            row = conn.execute(query, {"picture_bucket": COLLECTION_BUCKET}).fetchone()
        assert row is not None, "a SELECT without FROM returns one row"
        created_at, face_count, user_count, holds_dropped_photos = row
        return Collection(
            created_at=created_at,
            face_count=face_count,
            user_count=user_count,
            holds_dropped_photos=holds_dropped_photos,
        )

    def list_collections(self, *, names: frozenset[str] | None, limit: int, after: int = 0) -> list[tuple[int, str]]:
        values = {
            "names": None if names is None else sorted(names),
            "limit": limit,
            "after": after,
            "pattern": _NAME_PATTERN,
        }
        with self._database.transaction() as conn:
            return [(int(position), str(name)) for position, name in conn.execute(_query("list_collections"), values)]

    def add_tags(self, album: str, tags: Mapping[str, str], *, at_most: int) -> bool:
        with self._in(album) as (conn, album_id):
            row = conn.execute(_query("lock_tags", album_id=album_id)).fetchone()
            assert row is not None, "inserted or updated"
            after = {**row[0], **tags}
            if len(after) > at_most:
                return False
            conn.execute(_query("set_tags", album_id=album_id), {"tags": Jsonb(after)})
        return True

    def remove_tags(self, album: str, keys: Sequence[str]) -> None:
        with self._in(album) as (conn, album_id):
            row = conn.execute(_query("lock_tags", album_id=album_id)).fetchone()
            assert row is not None, "inserted or updated"
            after = {key: value for key, value in row[0].items() if key not in keys}
            conn.execute(_query("set_tags", album_id=album_id), {"tags": Jsonb(after)})

    def tags(self, album: str) -> dict[str, str]:
        with self._in(album) as (conn, album_id):
            row = conn.execute(_query("tags", album_id=album_id)).fetchone()
        return {} if row is None else dict(row[0])

    def name_picture(
        self, album: str, face_ids: Sequence[str], *, image_id: str, external_image_id: str | None
    ) -> None:
        values = {"face_ids": list(face_ids), "image_id": image_id, "external_image_id": external_image_id}
        with self._in(album) as (conn, album_id):
            conn.execute(_query("name_picture", album_id=album_id), values)

    def faces_of_picture(self, album: str, image_id: str) -> list[CollectionFace]:
        with self._in(album) as (conn, album_id):
            rows = conn.execute(_query("faces_of_picture", album_id=album_id), {"image_id": image_id}).fetchall()
        return [_face(row) for row in rows]

    def faces(
        self, album: str, *, limit: int, after: str | None = None, face_ids: Sequence[str] | None = None
    ) -> list[CollectionFace]:
        values = {"limit": limit, "after": after, "face_ids": None if face_ids is None else list(face_ids)}
        with self._in(album) as (conn, album_id):
            rows = conn.execute(_query("faces", album_id=album_id), values).fetchall()
        return [_face(row) for row in rows]

    def delete_faces(self, album: str, face_ids: Sequence[str]) -> list[str]:
        values = {"face_ids": list(face_ids), "picture_bucket": COLLECTION_BUCKET}
        with self._in(album) as (conn, album_id):
            rows = conn.execute(_query("delete_faces", album_id=album_id), values).fetchall()
        return [str(row[0]) for row in rows]

    def recall(self, album: str, token: str) -> tuple[bytes, Mapping[str, Any]] | None:
        with self._in(album) as (conn, album_id):
            row = conn.execute(_query("recall_request", album_id=album_id), {"token": token}).fetchone()
        return None if row is None else (bytes(row[0]), row[1])

    def remember(self, album: str, token: str, request_sha256: bytes, answer: Mapping[str, Any]) -> None:
        values = {"token": token, "request_sha256": request_sha256, "answer": Jsonb(dict(answer))}
        with self._in(album) as (conn, album_id):
            conn.execute(_query("forget_old_requests"))
            conn.execute(_query("remember_request", album_id=album_id), values)

    @contextmanager
    def _in(self, album: str) -> Iterator[tuple[Connection, sql.Literal]]:
        with self._database.transaction() as conn:
            album_id = _album_id(conn, album)
            if album_id is None:
                raise NotFound(f"The collection {album!r} does not exist.")
            yield conn, sql.Literal(album_id)


def _album_id(conn: Connection, album: str) -> int | None:
    row = conn.execute(_query("album_id"), {"album": album}).fetchone()
    return None if row is None else int(row[0])


def _face(row: TupleRow) -> CollectionFace:
    face_id, image_id, external_image_id, *box, detection_score, space, bucket, name, generation = row
    return CollectionFace(
        face_id=str(face_id),
        image_id=str(image_id),
        external_image_id=external_image_id,
        box=Box(*box),
        detection_score=detection_score,
        embedding_space=space,
        photo=PhotoRef(bucket=bucket, name=name, generation=generation),
    )
