"""Read one album of the index in Postgres; statements in `sql/album_reading.sql`.

The HNSW index alone returns too few faces: it gives up after some thousand, including those that a filter excludes or
that were deleted. So if a filter matches few photos, their faces are compared one by one, and if the index returns
fewer faces than requested, all faces of the album are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pgvector import HalfVector, Vector
from psycopg import sql
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Connection, is_storable
from photofinish.adapters.postgres.depictions import seen_depictions
from photofinish.adapters.postgres.halfvec import stored_rows
from photofinish.adapters.postgres.hashes import from_bigint
from photofinish.adapters.postgres.spaces import Space
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.burst import LARGE_FACE, Shot
from photofinish.domain.face import Embedding, space_of
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef, is_album_name
from photofinish.domain.search import IndexedPhoto, PhotoFilter, check_query_dimension
from photofinish.domain.word_matching import spellings
from photofinish.domain.words import MIN_NAME_WORD, name_match, words
from photofinish.ports import SeenBib, SeenDepiction, SeenFace

_query = Statements("album_reading")

_PUNCTUATION_CHARS = 2
"""Between two words of a name, as in "Li, Bo"."""

# How many candidates the index scan keeps; docs/benchmarks/search.md has the recall. Every connection starts with
# EF_SEARCH (adapters/postgres/database.py).
EF_SEARCH = 200
EF_SEARCH_IN_LARGE_ALBUMS = 400
LARGE_ALBUM_FACES = 300_000
MAX_EF_SEARCH = 1000  # pgvector's own limit
MIN_EXACT_PHOTOS = 1000


def max_exact_photos(faces: int) -> int:
    """Return up to how many matching photos their faces are compared one by one, in an album of so many faces.

    The time of that grows with the matching photos; the time of an index scan, which goes on until it has found enough,
    grows with the share of faces that do not match. The two meet at about ten times the square root of the faces.
    """
    return max(10 * math.isqrt(faces), MIN_EXACT_PHOTOS)


class PgAlbumReading:
    """:class:`photofinish.ports.AlbumReading` in one transaction, which sees one state of the database."""

    def __init__(self, conn: Connection, album: str) -> None:
        self._conn = conn
        self._album = album
        self._album_id: int | None = None
        self._looked_up = not is_album_name(album)  # no such album can exist

    def nearest(self, queries: Sequence[Embedding], *, limit: int, where: PhotoFilter) -> PgNearFaces:
        space, faces = self._space(queries)
        if self._album_id is None or space is None or limit < 1:
            return PgNearFaces([], queries[0].vector.size)
        photo_ids = None if where.is_empty else self._matching_photos(where, at_most=max_exact_photos(faces))
        if photo_ids == []:
            return PgNearFaces([], space.dimension)
        if photo_ids is None:
            usual = EF_SEARCH if faces < LARGE_ALBUM_FACES else EF_SEARCH_IN_LARGE_ALBUMS
            ef_search = min(max(usual, limit), MAX_EF_SEARCH)
            if ef_search != EF_SEARCH:
                self._conn.execute(_query("set_ef_search", ef_search=sql.Literal(ef_search)))
        rows = [row for query in queries for row in self._nearest(query, space, limit, where, photo_ids)]
        if len(queries) > 1:
            rows = list({row[0]: row for row in rows}.values())
        return PgNearFaces(rows, space.dimension)

    def depictions(self, query: Embedding, *, limit: int, where: PhotoFilter) -> list[SeenDepiction]:
        space, _ = self._space([query])
        if self._album_id is None or space is None or limit < 1:
            return []
        photo_ids = None if where.is_empty else self._matching_photos(where, at_most=MIN_EXACT_PHOTOS)
        if photo_ids == []:
            return []
        if photo_ids is None and limit > EF_SEARCH:
            self._conn.execute(_query("set_ef_search", ef_search=sql.Literal(min(limit, MAX_EF_SEARCH))))
        rows = self._nearest(query, space, limit, where, photo_ids, of="nearest_depictions")
        return seen_depictions(rows, query.vector)

    def with_words(self, words: Sequence[str], *, limit: int, where: PhotoFilter) -> list[str]:
        wanted = [word for word in words if is_storable(word)]
        if not wanted or not self._has_album():
            return []
        forms = sorted({form for word in wanted for form in spellings(word)})
        values = _filter_values(where) | {"wanted": wanted, "spellings": forms, "count": limit}
        return [row[0].hex for row in self._rows("with_words", values)]

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

    def shots(self, where: PhotoFilter, *, photo_ids: Sequence[str] | None = None) -> list[Shot]:
        if photo_ids == [] or not self._has_album():
            return []
        ids = None if photo_ids is None else list(photo_ids)
        values = _filter_values(where) | {"photo_ids": ids, "large_face": LARGE_FACE}
        return [_shot(row) for row in self._rows("shots", values)]

    def entrants(self, name: str, *, limit: int) -> dict[str, str]:
        if not self._has_album():
            return {}
        query_words = words(name)
        # Without a longer word the query must be the whole name: do not read a crowd only to drop it here.
        is_whole = all(len(word) < MIN_NAME_WORD for word in query_words)
        max_chars = sum(len(word) + _PUNCTUATION_CHARS for word in query_words) if is_whole else None
        rows = self._rows("entrants", {"patterns": _patterns(query_words), "max_chars": max_chars})
        found = ((number, known) for number, known in rows if name_match(query_words, known))
        return dict(itertools.islice(found, limit))

    def _nearest(
        self,
        query: Embedding,
        space: Space,
        limit: int,
        where: PhotoFilter,
        photo_ids: list[UUID] | None,
        *,
        of: str = "nearest_faces",
    ) -> list[TupleRow]:
        if photo_ids is not None:
            return self._nearest_rows(of, "of_photos", {"photo_ids": photo_ids}, query, space, limit, exactly=True)
        condition, values = ("of_album", {}) if where.is_empty else ("of_matching_photos", _filter_values(where))
        rows = self._nearest_rows(of, condition, values, query, space, limit, exactly=False)
        if len(rows) < limit:
            # Either no more exist, or the index gave up among deleted or excluded ones: an exact scan settles both.
            rows = self._nearest_rows(of, condition, values, query, space, limit, exactly=True)
        return rows

    def _nearest_rows(
        self,
        of: str,
        condition: str,
        values: dict[str, Any],
        query: Embedding,
        space: Space,
        limit: int,
        *,
        exactly: bool,
    ) -> list[TupleRow]:
        vector = Vector(query.vector) if exactly else HalfVector(query.vector)
        distance = _query("distance" if exactly else "indexed_distance", dimension=sql.Literal(space.dimension))
        return self._rows(
            of,
            values | {"query": vector.to_text(), "count": limit},
            space_id=sql.Literal(space.space_id),
            condition=_query(condition, photo_filter=self._photo_filter()),
            distance=distance,
        )

    def _matching_photos(self, where: PhotoFilter, *, at_most: int) -> list[UUID] | None:
        """Return the ids of the photos that meet `where`; None if there are more than `at_most`."""
        rows = self._rows("matching_photos", _filter_values(where) | {"count": at_most + 1})
        return [row[0] for row in rows] if len(rows) <= at_most else None

    def _rows(self, name: str, values: dict[str, Any], **parts: sql.Composable) -> list[TupleRow]:
        statement = _query(name, album_id=self._literal_id(), photo_filter=self._photo_filter(), **parts)
        return self._conn.execute(statement, values, binary=True).fetchall()

    def _photo_filter(self) -> sql.Composable:
        return _query("photo_filter", album_id=self._literal_id())

    def _literal_id(self) -> sql.Literal:
        assert self._album_id is not None
        return sql.Literal(self._album_id)

    def _has_album(self) -> bool:
        if not self._looked_up:
            self._look_up(space=None)
        return self._album_id is not None

    def _space(self, queries: Sequence[Embedding]) -> tuple[Space | None, int]:
        """Return the queries' space, None if no album has a face of it, and about how many faces the album has."""
        name = space_of(queries)
        if self._looked_up and self._album_id is None:
            return None, 0
        space_id, dimension, faces = self._look_up(name)
        space = None if space_id is None else Space(space_id, dimension)
        if space is not None:
            check_query_dimension(queries, space.dimension)
        return space, max(int(faces), 0)

    def _look_up(self, space: str | None) -> TupleRow:
        """Return space id, dimension and number of faces; set the album's number."""
        row = self._conn.execute(_query("album_and_space"), {"album": self._album, "space": space}).fetchone()
        assert row is not None, "outer joins to one row give one row"
        self._album_id, *of_space = row
        self._looked_up = True
        return tuple(of_space)


class PgNearFaces:
    """:class:`photofinish.ports.NearFaces` from rows; a row becomes an object only when it is requested."""

    def __init__(self, rows: list[TupleRow], dimension: int) -> None:
        self._rows = rows
        self.vectors = stored_rows([row[-1] for row in rows], dimension)

    def face(self, row: int) -> SeenFace:
        id_, photo_id, *box, detection_score, sharpness, quality, _ = self._rows[row]
        return SeenFace(
            face_id=str(id_),
            photo_id=photo_id.hex,
            box=Box(*box),
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
        "only_photo_ids": None if where.photo_ids is None else list(where.photo_ids),
    }


def _never_if_not_storable(text: str | None) -> str | None:
    """Replace text that Postgres cannot store, and so no photo has, by a storable text that no photo has either."""
    return text if text is None or is_storable(text) else "\ufffd\n"


def _patterns(query_words: Sequence[str]) -> list[str]:
    """A LIKE pattern for each word; words are letters and digits, so nothing in them is a wildcard."""
    return [f"%{word}%" for word in query_words]


def _seen_bib(row: TupleRow) -> SeenBib:
    photo_id, requested, number, ocr_score, partial, by_hand, *boxes = row
    box, face_id, face_box = boxes[:5], boxes[5], boxes[6:]
    return SeenBib(
        photo_id=photo_id.hex,
        requested=requested,
        number=number,
        ocr_score=ocr_score,
        partial=partial,
        box=None if box[0] is None else Box(*box),
        by_hand=by_hand,
        face_id=None if face_id is None else str(face_id),
        face_box=None if face_box[0] is None else Box(*face_box),
    )


def _shot(row: TupleRow) -> Shot:
    photo_id, hash_, corrected_at, camera, folder, sharpness, face = row
    return Shot(
        photo_id=photo_id.hex,
        perceptual_hash=None if hash_ is None else from_bigint(hash_),
        taken_at=corrected_at,
        camera=camera,
        folder=folder,
        sharpness=sharpness,
        face=face,
    )


def _indexed_photo(row: TupleRow) -> tuple[str, IndexedPhoto]:
    photo_id, bucket, name, generation, version, taken_at, corrected_at, camera, lines, sharpness, *others = row
    width, height, placeholder, duration_s, scene_starts = others
    return photo_id.hex, IndexedPhoto(
        photo=PhotoRef(bucket=bucket, name=name, generation=generation),
        pipeline_version=version,
        taken_at=taken_at,
        corrected_at=corrected_at,
        camera=camera,
        lines=tuple(lines),
        sharpness=sharpness,
        width=width,
        height=height,
        placeholder=placeholder,
        duration_s=duration_s,
        scene_starts=tuple(scene_starts or ()),
    )
