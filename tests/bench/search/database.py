"""A Postgres with albums of made-up faces, kept in a folder so that a later run need not load them again."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg import sql

from photofinish.adapters.postgres.faces import INDEXED_FROM_FACES
from photofinish.adapters.postgres.migrating import migrate
from photofinish.adapters.postgres.sql import Statements
from photofinish.analysis.models.catalogue import model_for
from photofinish.domain.face import Embedding, face_id
from photofinish.domain.photo import PhotoRef
from photofinish_emulators.postgres import READY_LINE, STOP_SIGNAL, Postgres, as_user, ensure_database, system_user
from support.faces import bib, face
from support.index import VERSION, add, postgres_index
from support.synthetic_faces import DIMENSION, FACES_PER_PERSON, Crowd

SPACE = model_for("face_embedding").embedding_space or ""
FACES_PER_PHOTO = 3
START = datetime(2026, 5, 3, 9)
SECONDS_A_PHOTO = 0.5
BIB_SHARE = 0.5  # of faces whose number was read
TIMEOUT_S = 60
MANY_FACES = 10_000  # from which on an album changes the statistics of all photos
# Stands for a database of 4 GB; Cloud SQL gives a third of the memory to shared buffers.
SETTINGS = {
    "shared_buffers": "1GB",
    "maintenance_work_mem": "1500MB",
    "max_parallel_maintenance_workers": "2",
    "max_wal_size": "4GB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One album and what it took."""

    album: str
    faces: int
    seed: int
    copy_s: float
    index_s: float
    bytes_per_face: dict[str, float]
    """Of what grows with the faces: table, HNSW index, other indexes; and of photos with bibs and their indexes."""

    @property
    def crowd(self) -> Crowd:
        return Crowd(max(self.faces // FACES_PER_PERSON, 1), self.seed)

    def vectors(self) -> NDArray[np.float16]:
        """What the index holds, (N, D), in the order of the album."""
        return np.concatenate([seen.astype(np.float16) for _, seen in self.crowd.album(self.faces)])

    def face_ids(self) -> list[str]:
        """Row by row of `vectors`."""
        return [
            face_id(_photo(self.album, number // FACES_PER_PHOTO), VERSION, number % FACES_PER_PHOTO)
            for number in range(self.faces)
        ]


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A Postgres on `folder`, made there at first; yields the connection string of its migrated database."""
    postgres = Postgres(directory=folder, port=free_port())
    postgres.prepare()
    options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    log_file = folder / "log"
    with log_file.open("w") as log:
        process = subprocess.Popen(
            [*postgres.command(), *options], stdout=log, stderr=log, cwd=postgres.data, **as_user(system_user())
        )
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while READY_LINE not in log_file.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Postgres does not start: {log_file.read_text()}")
            time.sleep(0.05)
        conninfo = postgres.url("photofinish")
        ensure_database(conninfo)
        migrate(conninfo)
        yield conninfo
    finally:
        process.send_signal(STOP_SIGNAL)
        process.wait(timeout=TIMEOUT_S)


def postmaster(folder: Path) -> int:
    """The process id of the server on `folder`."""
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def free_port() -> int:
    """A port that is free at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def loaded(conninfo: str, folder: Path, album: str, faces: int, seed: int) -> Loaded:
    """`album` as a run before has loaded it into `folder`, or loaded now."""
    notes = folder / f"{album}.json"
    if not notes.exists():
        notes.write_text(json.dumps(asdict(_load(conninfo, album, faces, seed))))
    found = Loaded(**json.loads(notes.read_text()))
    with psycopg.connect(conninfo) as conn:
        # The model may have a new version by now; made-up faces fit any.
        conn.execute("UPDATE embedding_space SET name = %s", [SPACE])
    assert (found.faces, found.seed) == (faces, seed), f"{folder} holds another {album}: give another folder"
    return found


def many_loaded(conninfo: str, folder: Path, prefix: str, albums: int, faces: int) -> list[Loaded]:
    """The same of many albums, `prefix`-0 and so on, each of people of its own."""
    notes = folder / f"{prefix}.json"
    found = [Loaded(**one) for one in json.loads(notes.read_text())] if notes.exists() else []
    for number in range(len(found), albums):
        found.append(_load(conninfo, f"{prefix}-{number}", faces, number))
        if number % 50 == 49:
            notes.write_text(json.dumps([asdict(one) for one in found]))
    return found[:albums]


def _load(conninfo: str, album: str, faces: int, seed: int) -> Loaded:
    """Photo by photo by COPY, the HNSW index of a large album afterwards by the product's own statement."""
    with postgres_index(conninfo) as index:
        # The product makes the album, the space and the partition.
        unit = np.eye(1, DIMENSION, dtype=np.float32)[0]
        first = _photo(album, 0)
        add(index, first, [face(Embedding(unit, SPACE))], [bib("1")])
        index.remove(first)
    with psycopg.connect(conninfo, autocommit=True) as conn:
        register_vector(conn)
        [album_id] = conn.execute("SELECT album_id FROM album WHERE name = %s", [album]).fetchone() or [0]
        [space_id] = conn.execute("SELECT space_id FROM embedding_space WHERE name = %s", [SPACE]).fetchone() or [0]
        conn.execute("DELETE FROM photo WHERE album_id = %s", [album_id])
        partition, name = f"face_{album_id}", f"face_{album_id}_space_{space_id}"
        began = time.perf_counter()
        _copy(conn, album, album_id, space_id, faces, seed)
        copied = time.perf_counter()
        if faces >= INDEXED_FROM_FACES:
            conn.execute(
                Statements("face_index")("create_space_index"),
                {"album_id": album_id, "space_id": space_id, "dimension": DIMENSION},
            )
        built = time.perf_counter()
        conn.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(partition)))
        if faces > MANY_FACES:
            conn.execute("VACUUM ANALYZE photo, bib")
        return Loaded(
            album=album,
            faces=faces,
            seed=seed,
            copy_s=copied - began,
            index_s=built - copied,
            bytes_per_face=_bytes_per_face(
                conn, album_id, partition, name if faces >= INDEXED_FROM_FACES else None, faces
            ),
        )


def _copy(conn: psycopg.Connection, album: str, album_id: int, space_id: int, faces: int, seed: int) -> None:
    crowd = Crowd(max(faces // FACES_PER_PERSON, 1), seed)
    rng = np.random.default_rng([seed, 3])
    photos, bibs = [], []
    with conn.transaction():
        columns = "album_id, face_id, photo_id, space_id, box_x, box_y, box_w, box_h, detection_score, sharpness"
        with conn.cursor().copy(
            f"COPY face ({columns}, quality, embedding) FROM STDIN WITH (FORMAT binary)"  # type: ignore[arg-type]
        ) as copy:
            copy.set_types(["int4", "uuid", "uuid", "int2", *["float4"] * 7, "halfvec"])
            number = 0
            for people, seen in crowd.album(faces):
                for person, vector in zip(people, seen, strict=True):
                    in_photo = number % FACES_PER_PHOTO
                    if in_photo == 0:
                        photo = _photo(album, number // FACES_PER_PHOTO)
                        photos.append(photo)
                    id_ = face_id(photo, VERSION, in_photo)
                    x, quality = 0.1 + 0.3 * in_photo, float(rng.uniform(0.2, 0.9))
                    keys = (album_id, UUID(id_), UUID(photo.photo_id), space_id)
                    copy.write_row((*keys, x, 0.2, 0.05, 0.1, 0.9, 0.5, quality, HalfVector(vector)))
                    if rng.random() < BIB_SHARE:
                        score = float(rng.uniform(0.8, 1))
                        bibs.append(
                            (photo.photo_id, in_photo, album_id, str(person + 1), score, x, 0.5, 0.08, 0.05, id_)
                        )
                    number += 1
        with conn.cursor().copy(
            "COPY photo (photo_id, album_id, bucket, name, generation, pipeline_version, taken_at, camera, folder,"
            " lines, words, sharpness, width, height) FROM STDIN"
        ) as copy:
            for number, photo in enumerate(photos):
                line = "FINISH" if number % 10 == 0 else "Stadtlauf 2026"
                camera = number % 8
                taken_at = START + timedelta(seconds=SECONDS_A_PHOTO * number)
                keys = (photo.photo_id, album_id, photo.bucket, photo.name, photo.generation, VERSION)
                copy.write_row(
                    (*keys, taken_at, f"Canon EOS R{camera}", f"cam{camera}", [line], line.lower(), 0.6, 6000, 4000)
                )
        with conn.cursor().copy(
            "COPY bib (photo_id, bib_index, album_id, number, ocr_score, box_x, box_y, box_w, box_h, face_id)"
            " FROM STDIN"
        ) as copy:
            for row in bibs:
                copy.write_row(row)


def _photo(album: str, number: int) -> PhotoRef:
    return PhotoRef(
        bucket="photos", name=f"{album}/cam{number % 8}/IMG_{number:06}.jpg", generation=1_760_000_000_000_000
    )


def _bytes_per_face(
    conn: psycopg.Connection, album_id: int, partition: str, hnsw_index: str | None, faces: int
) -> dict[str, float]:
    def size(function: str, name: str) -> float:
        [found] = conn.execute(f"SELECT {function}(%s::regclass)", [name]).fetchone() or [0]  # type: ignore[arg-type]
        return float(found)

    table, hnsw, indexes = (
        size("pg_table_size", partition),
        size("pg_relation_size", hnsw_index) if hnsw_index else 0.0,
        size("pg_indexes_size", partition),
    )
    [everything] = conn.execute("SELECT count(*) FROM photo").fetchone() or [1]
    [own] = conn.execute("SELECT count(*) FROM photo WHERE album_id = %s", [album_id]).fetchone() or [1]
    photos = (size("pg_total_relation_size", "photo") + size("pg_total_relation_size", "bib")) * own / everything
    return {
        "table": table / faces,
        "hnsw index": hnsw / faces,
        "other indexes": (indexes - hnsw) / faces,
        "photos and bibs": photos / faces,
    }
