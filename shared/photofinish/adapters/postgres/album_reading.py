"""Reading one album from Postgres, with everything that a search asks for; statements in `sql/album_reading.sql`.

The HNSW index alone answers too little: it gives up after some thousand faces, however many a filter left out or a
deletion took away. So where a filter lets few photos pass, their faces are compared one by one, and where the index
comes back with fewer faces than were asked for, all are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pgvector import HalfVector, Vector
from psycopg import sql
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Connection, is_storable
from photofinish.adapters.postgres.halfvec import stored_rows
from photofinish.adapters.postgres.spaces import Space
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.face import Embedding
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef, is_album_name
from photofinish.domain.search import IndexedPhoto, PhotoFilter, check_query_dimension
from photofinish.domain.words import words
from photofinish.ports import SeenBib, SeenFace

_query = Statements("album_reading")

# How many faces the index keeps in view, and what that finds: docs/benchmarks/search.md. Every connection is set to the
# first (adapters/postgres/database.py).
EF_SEARCH = 200
EF_SEARCH_OF_MANY = 400
MANY_FACES = 300_000
MAX_EF_SEARCH = 1000  # pgvector's own limit
MIN_FEW_PHOTOS = 1000


def few_photos(faces: int) -> int:
    """Where a filter lets no more photos of an album pass, their faces are compared one by one.

    The time for that grows with the photos that pass; the time of the index' scan, which goes through all faces until
    it has found enough, with the share that does not. They meet at about the square root of the faces, times ten.
    """
    return max(10 * math.isqrt(faces), MIN_FEW_PHOTOS)


class PgAlbumReading:
    """:class:`photofinish.ports.AlbumReading` by one transaction, which shows one state of the database."""

    def __init__(self, conn: Connection, album: str) -> None:
        self._conn = conn
        self._album = album
        self._album_id: int | None = None
        self._looked_up = not is_album_name(album)  # which is no album then

    def nearest(self, queries: Sequence[Embedding], *, limit: int, where: PhotoFilter) -> PgNearFaces:
        space, faces = self._space(queries)
        if self._album_id is None or space is None or limit < 1:
            return PgNearFaces([], queries[0].vector.size)
        few: list[Any] | None = None
        if not where.is_empty:
            at_most = few_photos(faces)
            few = self._passing(where, at_most + 1)
            if not few:
                return PgNearFaces([], space.dimension)
            if len(few) > at_most:
                few = None
        usual = EF_SEARCH if faces < MANY_FACES else EF_SEARCH_OF_MANY
        ef_search = min(max(usual, limit), MAX_EF_SEARCH)
        if ef_search != EF_SEARCH and few is None:
            self._conn.execute(_query("set_ef_search", ef_search=sql.Literal(ef_search)))
        rows = [row for query in queries for row in self._nearest(query, space, limit, where, few)]
        if len(queries) > 1:
            rows = list({row[0]: row for row in rows}.values())
        return PgNearFaces(rows, space.dimension)

    def bibs(self, numbers: Sequence[str], *, limit: int, where: PhotoFilter) -> list[SeenBib]:
        numbers = [number for number in numbers if is_storable(number)]
        if not numbers or not self._has_album():
            return []
        values = _filter_values(where) | {"numbers": numbers, "count": limit}
        return [_seen_bib(row) for row in self._rows("bibs", values)]

    def photos(self, photo_ids: Sequence[str]) -> dict[str, IndexedPhoto]:
        if not photo_ids or not self._has_album():
            return {}
        return dict(_indexed_photo(row) for row in self._rows("photos", {"photo_ids": list(photo_ids)}))

    def sharpest(self, where: PhotoFilter, *, limit: int) -> dict[str, IndexedPhoto]:
        if not self._has_album():
            return {}
        return dict(_indexed_photo(row) for row in self._rows("sharpest", _filter_values(where) | {"count": limit}))

    def entrants(self, name: str, *, limit: int) -> dict[str, str]:
        if not self._has_album():
            return {}
        return dict(self._rows("entrants", {"patterns": _patterns(words(name)), "count": limit}))

    def _nearest(
        self, query: Embedding, space: Space, limit: int, where: PhotoFilter, few: list[Any] | None
    ) -> list[TupleRow]:
        values: dict[str, Any] = {"query": HalfVector(query.vector).to_text(), "count": limit}
        exact_values = values | {"query": Vector(query.vector).to_text()}
        if few is not None:
            return self._rows("nearest_faces_of_photos", exact_values | {"photo_ids": few}, space)
        name = "nearest_faces"
        if not where.is_empty:
            name = "nearest_faces_of_many_photos"
            values, exact_values = values | _filter_values(where), exact_values | _filter_values(where)
        rows = self._rows(name, values, space)
        if len(rows) < limit:
            # Either there are no more, or the index gave up among deleted or left-out faces: exact answers settle both.
            rows = self._rows(f"{name}_exactly", exact_values, space)
        return rows

    def _passing(self, where: PhotoFilter, count: int) -> list[Any]:
        """The ids of `count` of the photos that meet `where`, or of all where they are fewer."""
        return [row[0] for row in self._rows("photos_passing", _filter_values(where) | {"count": count})]

    def _rows(self, name: str, values: dict[str, Any], space: Space | None = None) -> list[TupleRow]:
        assert self._album_id is not None
        album_id = sql.Literal(self._album_id)
        numbers: dict[str, sql.Composable] = {"album_id": album_id}
        if space is not None:
            numbers |= {"space_id": sql.Literal(space.space_id), "dimension": sql.Literal(space.dimension)}
        photo_filter = _query("photo_filter", album_id=album_id)
        return self._conn.execute(_query(name, photo_filter=photo_filter, **numbers), values, binary=True).fetchall()

    def _has_album(self) -> bool:
        if not self._looked_up:
            self._look_up(space=None)
        return self._album_id is not None

    def _space(self, queries: Sequence[Embedding]) -> tuple[Space | None, int]:
        """The queries' space, None where no face of any album is of it, and about how many faces the album has."""
        names = {query.space for query in queries}
        if len(names) != 1:
            raise ValueError(f"the queries of one search come from one embedding space, not from {sorted(names)}")
        if self._looked_up and self._album_id is None:
            return None, 0
        space_id, dimension, faces = self._look_up(names.pop())
        space = None if space_id is None else Space(space_id, dimension)
        if space is not None:
            check_query_dimension(queries, space.dimension)
        return space, max(int(faces), 0)

    def _look_up(self, space: str | None) -> TupleRow:
        """Space id, dimension and number of faces; sets the album's id."""
        row = self._conn.execute(_query("album_and_space"), {"album": self._album, "space": space}).fetchone()
        assert row is not None, "outer joins to one row give one row"
        self._album_id, *of_space = row
        self._looked_up = True
        return tuple(of_space)


class PgNearFaces:
    """:class:`photofinish.ports.NearFaces` out of rows, of which only those asked for become objects."""

    def __init__(self, rows: list[TupleRow], dimension: int) -> None:
        self._rows = rows
        self.vectors = stored_rows([row[-1] for row in rows], dimension)

    def face(self, row: int) -> SeenFace:
        id_, photo_id, x, y, w, h, detection_score, sharpness, quality, _ = self._rows[row]
        return SeenFace(
            face_id=str(id_),
            photo_id=photo_id.hex,
            box=Box(x, y, w, h),
            detection_score=detection_score,
            sharpness=sharpness,
            quality=quality,
        )


def _filter_values(where: PhotoFilter) -> dict[str, Any]:
    return {
        "taken_from": where.taken_from,
        "taken_until": where.taken_until,
        "camera": _never_if_not_storable(where.camera),
        "folder": _never_if_not_storable(where.folder),
        "patterns": _patterns(where.words),
    }


def _never_if_not_storable(text: str | None) -> str | None:
    """What Postgres cannot store it has not stored: such a text becomes one that no photo has."""
    return text if text is None or is_storable(text) else "\ufffd\n"


def _patterns(query_words: Sequence[str]) -> list[str]:
    """A LIKE pattern for each word; words are letters and digits, so nothing in them is a wildcard."""
    return [f"%{word}%" for word in query_words]


def _seen_bib(row: TupleRow) -> SeenBib:
    photo_id, asked, number, ocr_score, partial, x, y, w, h, face_id, *face_box = row
    return SeenBib(
        photo_id=photo_id.hex,
        asked=asked,
        number=number,
        ocr_score=ocr_score,
        partial=partial,
        box=Box(x, y, w, h),
        face_id=None if face_id is None else str(face_id),
        face_box=None if face_box[0] is None else Box(*face_box),
    )


def _indexed_photo(row: TupleRow) -> tuple[str, IndexedPhoto]:
    photo_id, bucket, name, generation, pipeline_version, taken_at, camera, lines, sharpness, width, height = row
    return photo_id.hex, IndexedPhoto(
        photo=PhotoRef(bucket=bucket, name=name, generation=generation),
        pipeline_version=pipeline_version,
        taken_at=taken_at,
        camera=camera,
        lines=tuple(lines),
        sharpness=sharpness,
        width=width,
        height=height,
    )
