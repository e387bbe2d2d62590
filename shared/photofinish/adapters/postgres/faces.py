"""The face index in Postgres with pgvector: tables in `sql/migrations`, statements in `sql/face_index.sql`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pgvector import HalfVector
from psycopg import sql
from psycopg.errors import CheckViolation

from photofinish.adapters.postgres.album_reading import PgAlbumReading
from photofinish.adapters.postgres.albums import find_album, use_album
from photofinish.adapters.postgres.bibs.writing import write_bibs
from photofinish.adapters.postgres.database import Connection, Database, is_storable, storable
from photofinish.adapters.postgres.depictions import prepare_depictions, write_depiction
from photofinish.adapters.postgres.erasing.tombstones import erased_faces, is_photo_erased
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.halfvec import unit_vector
from photofinish.adapters.postgres.hashes import as_bigint
from photofinish.adapters.postgres.spaces import Space, use_space
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib_changes import PhotoBibs
from photofinish.domain.bib_corrections import as_read
from photofinish.domain.face import Embedding, Face, face_id, rules_of
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef, is_album_name
from photofinish.domain.search import folder_of
from photofinish.domain.words import words
from photofinish.errors import RejectedInput, Unavailable
from photofinish.ports import ErasedMeanwhile

_query = Statements("face_index")
_bibs_query = Statements("bibs")

# For fewer faces Postgres compares all of them and does not use an HNSW index, which would only double the album's size
# on disk.
INDEXED_FROM_FACES = 2000


class PgFaceIndex:
    """:class:`photofinish.ports.FaceIndex` in a migrated Postgres database; safe to share between threads.

    Embeddings are stored in half precision, which changes a cosine by less than 0.001. All methods raise what
    :meth:`Database.transaction` does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, photo: PhotoRef, pipeline_version: str, analysis: PhotoAnalysis) -> PhotoBibs | None:
        embeddings = [face.embedding for face in analysis.faces]
        face_ids = [face_id(photo, pipeline_version, number) for number in analysis.face_numbers]
        shown = analysis.depiction
        placed = embeddings if shown is None else [*embeddings, shown.embedding]
        dimensions = {embedding.space: embedding.vector.size for embedding in placed}
        with self._database.transaction() as conn:
            album_id = use_album(conn, photo.album)
            spaces = {space: use_space(conn, space, dimension) for space, dimension in dimensions.items()}
        for embedding in placed:
            embedding.check_dimension(spaces[embedding.space].dimension)
        self._create_partition_and_indexes(album_id, {spaces[embedding.space] for embedding in embeddings})
        if shown is not None:
            prepare_depictions(self._database, album_id, spaces[shown.embedding.space])

        photo_key = {"photo_id": photo.photo_id, "album_id": album_id}
        with self._database.transaction() as conn:
            conn.execute(_bibs_query("rules_in_use"), {"album_id": album_id})
            # Asked under that lock: an erasure that begins now waits, and removes what this transaction writes.
            if is_photo_erased(conn, photo) or not _lock_photo(conn, photo, album_id):
                return None
            erased = erased_faces(conn, [photo]).get(photo)
            if erased and any(erased.has_face(*face.places) for face in analysis.faces):
                raise ErasedMeanwhile
            _delete_findings(conn, photo_key)
            conn.execute(_query("lock_shifts"), {"album_id": album_id})
            conn.execute(
                _query("describe_photo"), photo_key | {"pipeline_version": pipeline_version} | _photo_columns(analysis)
            )
            faces = [
                photo_key
                | _face_columns(id_, face)
                | {
                    "space_id": spaces[embedding.space].space_id,
                    "embedding": HalfVector(embedding.vector).to_text(),
                }
                for id_, face, embedding in zip(face_ids, analysis.faces, embeddings, strict=True)
            ]
            try:
                conn.cursor().executemany(_query("insert_face"), faces)
                if shown is not None:
                    write_depiction(conn, photo_key, shown, spaces[shown.embedding.space])
            except CheckViolation as error:  # the partition created above was dropped again
                raise Unavailable(
                    f"The album {photo.album!r} was deleted while the photo was indexed: index it again."
                ) from error
            withheld = [{"face_number": one.number} | _box_columns(one.box) for one in analysis.withheld_faces]
            conn.cursor().executemany(_query("insert_withheld_face"), [photo_key | one for one in withheld])
            rules = rules_of(pipeline_version)
            [written] = write_bibs(
                conn,
                album_id,
                {photo: as_read(analysis.bibs, face_ids)},
                {photo: {id_: face.box for id_, face in zip(face_ids, analysis.faces, strict=True)}},
                rules=rules,
            )
            conn.execute(_bibs_query("resume_rescoring"), {"album_id": album_id, "rules": rules})
            record_events(conn, album_id, [_indexed(photo, pipeline_version, analysis)])
        return written

    def remove(self, photo: PhotoRef, *, if_still: Callable[[], bool] = lambda: True) -> None:
        with self._database.transaction() as conn:
            album_id = use_album(conn, photo.album)
            conn.execute(_bibs_query("rules_in_use"), {"album_id": album_id})
            if not is_photo_erased(conn, photo) and _lock_photo(conn, photo, album_id) and if_still():
                _delete_findings(conn, {"photo_id": photo.photo_id, "album_id": album_id})

    @contextmanager
    def reading(self, album: str) -> Iterator[PgAlbumReading]:
        with self._database.snapshot() as conn:
            yield PgAlbumReading(conn, album)

    def embeddings(self, album: str, face_ids: Sequence[str]) -> dict[str, Embedding]:
        ids = [id_ for id_ in face_ids if _is_uuid(id_)]
        if not ids or not is_album_name(album):
            return {}
        with self._database.transaction() as conn:
            album_id = find_album(conn, album)
            if album_id is None:
                return {}
            statement_ = _query("embeddings", album_id=sql.Literal(album_id))
            rows = conn.execute(statement_, {"face_ids": ids}, binary=True).fetchall()
        return {str(id_): Embedding(unit_vector(sent), space) for id_, space, sent in rows}

    def has_album(self, album: str) -> bool:
        if not is_album_name(album):
            return False
        with self._database.transaction() as conn:
            return conn.execute(_query("has_album"), {"album": album}).fetchone() == (True,)

    def _create_partition_and_indexes(self, album_id: int, spaces: Iterable[Space]) -> None:
        """Create the album's partition, and in it the index of each of `spaces` with many faces, if they are missing.

        Runs in a transaction of its own, so that its locks are held only briefly: an index of so few faces takes a
        second.
        """
        partition = _partition(album_id)
        indexes = {f"{partition}_space_{space.space_id}": space for space in spaces}
        with self._database.transaction() as conn:
            existing = _existing(conn, {partition, *indexes})
            missing = set()
            if partition in existing:
                missing = {index for index in indexes.keys() - existing if _has_many(conn, album_id, indexes[index])}
                if not missing:
                    return
            conn.execute(_query("lock_partitions"))
            existing = _existing(conn, {partition, *indexes})
            if partition not in existing:
                conn.execute(_query("create_partition"), {"album_id": album_id})
            for index in missing - existing:
                space_id, dimension = indexes[index]
                values = {"album_id": album_id, "space_id": space_id, "dimension": dimension}
                conn.execute(_query("create_space_index"), values)


def _existing(conn: Connection, names: set[str]) -> set[str]:
    rows = conn.execute(_query("tables_and_indexes"), {"names": list(names)}).fetchall()
    return {row[0] for row in rows}


def _has_many(conn: Connection, album_id: int, space: Space) -> bool:
    at_most = {"count": INDEXED_FROM_FACES}
    literals = {"album_id": sql.Literal(album_id), "space_id": sql.Literal(space.space_id)}
    row = conn.execute(_query("count_faces", **literals), at_most).fetchone()
    assert row is not None, "an aggregate returns one row"
    return int(row[0]) >= INDEXED_FROM_FACES


def _lock_photo(conn: Connection, photo: PhotoRef, album_id: int) -> bool:
    """Lock the photo's row for this generation; return False if a newer one is recorded."""
    if not is_storable(photo.name):
        raise RejectedInput(
            "photo_name_not_allowed",
            f"The name {photo.name!r} has characters that the database cannot store: rename the photo.",
        )
    row = conn.execute(
        _query("lock_photo"),
        {
            "photo_id": photo.photo_id,
            "album_id": album_id,
            "bucket": photo.bucket,
            "name": photo.name,
            "generation": photo.generation,
            "folder": folder_of(photo),
        },
    ).fetchone()
    return row is not None


def _indexed(photo: PhotoRef, pipeline_version: str, analysis: PhotoAnalysis) -> AlbumEvent:
    return AlbumEvent(
        id=fact_id(EventType.FACE_INDEXED, photo.photo_id, photo.generation, pipeline_version),
        type=EventType.FACE_INDEXED,
        album=photo.album,
        occurred_at=datetime.now(UTC),
        photo_id=photo.photo_id,
        generation=photo.generation,
        folder=folder_of(photo),
        camera=_camera(analysis),
        data={"faces": len(analysis.faces)},
    )


def _delete_findings(conn: Connection, photo_key: dict[str, Any]) -> None:
    conn.execute(_query("clear_photo"), photo_key)
    conn.execute(_query("delete_faces"), photo_key)
    conn.execute(_query("delete_withheld_faces"), photo_key)
    conn.execute(_query("delete_depiction"), photo_key)
    conn.execute(_query("delete_bibs"), photo_key)


def _partition(album_id: int) -> str:
    return f"face_{album_id}"


def _photo_columns(analysis: PhotoAnalysis) -> dict[str, Any]:
    image = analysis.image
    lines = [storable(line.text) for line in analysis.text]
    return {
        "taken_at": image.taken_at.replace(tzinfo=None) if image.taken_at else None,
        "camera": _camera(analysis),
        "lines": lines,
        "words": "\n".join(" ".join(words(line)) for line in lines),
        "sharpness": analysis.sharpness.frame,
        "width": image.width,
        "height": image.height,
        "placeholder": analysis.placeholder,
        "duration_s": None if analysis.video is None else analysis.video.duration_s,
        "scene_starts": None if analysis.video is None else [scene.start_s for scene in analysis.video.scenes],
        "perceptual_hash": None if analysis.perceptual_hash is None else as_bigint(analysis.perceptual_hash),
    }


def _camera(analysis: PhotoAnalysis) -> str | None:
    camera = analysis.image.camera
    return storable(camera) if camera else None


def _face_columns(id_: str, face: Face) -> dict[str, Any]:
    return _box_columns(face.box) | {
        "face_id": id_,
        "detection_score": face.detection_score,
        "sharpness": face.sharpness,
        "quality": face.quality,
    }


def _box_columns(box: Box) -> dict[str, Any]:
    return {"box_x": box.x, "box_y": box.y, "box_w": box.w, "box_h": box.h, "box_at_s": box.at_s}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
