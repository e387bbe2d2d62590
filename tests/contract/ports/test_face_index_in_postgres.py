"""What is particular to the face index in Postgres: its use of HNSW indexes, its locks, its errors."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from photofinish.adapters.postgres.album_reading import max_exact_photos
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing import removing
from photofinish.adapters.postgres.faces import INDEXED_FROM_FACES, PgFaceIndex
from photofinish.adapters.postgres.sql import Statements
from photofinish.application.search.similar_faces import most_similar_faces
from photofinish.domain.face import Embedding
from photofinish.domain.search import PhotoFilter
from photofinish.errors import Misconfigured, Unavailable
from support.erasing import erase_rows
from support.faces import bib, embedding, face, photo, random_embeddings
from support.index import add, bibs_of, postgres_index

SECRET = "hunter2"
DIMENSION = 16
# Small tables are read whole, which is exact; production's are not, so the planner is kept from it.
BY_INDEX_ONLY = "-c enable_seqscan=off -c enable_bitmapscan=off"


@pytest.fixture
def index(function_database: str) -> Iterator[PgFaceIndex]:
    with postgres_index(make_conninfo(function_database, options=BY_INDEX_ONLY)) as index:
        yield index


def test_a_large_album_has_an_index_and_searches_use_it(index: PgFaceIndex, database: str) -> None:
    add(index, photo("race/1.jpg"), [face(one) for one in random_embeddings(INDEXED_FROM_FACES, DIMENSION, seed=1)])
    with psycopg.connect(database) as conn:
        assert indexes_of_album(conn) == 2, "one on the faces' ids, one on the photos'"
    for number in (2, 3):
        add(index, photo(f"race/{number}.jpg"), [face(one) for one in random_embeddings(1, DIMENSION, seed=number)])
    query, ids = Statements("album_reading"), {"album_id": sql.Literal(1), "space_id": sql.Literal(1)}
    with psycopg.connect(database, options=BY_INDEX_ONLY) as conn:
        assert indexes_of_album(conn) == 3
        plans = [
            conn.execute(
                sql.SQL("EXPLAIN {}").format(
                    query(
                        "nearest_faces",
                        condition=query("of_album"),
                        distance=query(distance, dimension=sql.Literal(DIMENSION)),
                        **ids,
                    )
                ),
                {"query": str([1.0] * DIMENSION), "count": 10},
            ).fetchall()
            for distance in ("indexed_distance", "distance")
        ]
    assert ["using face_1_space_1" in str(plan) for plan in plans] == [True, False]


def indexes_of_album(conn: psycopg.Connection) -> int:
    [count] = conn.execute("SELECT count(*) FROM pg_indexes WHERE tablename = 'face_1'").fetchone() or [0]
    return int(count)


def test_the_index_has_a_high_recall(index: PgFaceIndex) -> None:
    stored = random_embeddings(INDEXED_FROM_FACES + 1000, DIMENSION, seed=2)
    for start in range(0, len(stored), 100):
        add(index, photo(f"race/{start}.jpg"), [face(one) for one in stored[start : start + 100]])
    table = np.stack([one.vector for one in stored])
    hits = 0
    for query in random_embeddings(50, DIMENSION, seed=3):
        found = most_similar_faces(index, "race", [query], limit=10, min_similarity=-1.1)
        assert len(found) == 10
        tenth_best = np.sort(table @ query.vector)[-10]
        hits += sum(match.similarity >= tenth_best - 1e-3 for match in found)
    assert hits / 500 >= 0.99


def test_deleted_faces_do_not_shorten_a_result(index: PgFaceIndex) -> None:
    """Deleted rows stay in an HNSW graph until vacuum: here they are all that is near the query."""
    near = embedding([1] + [0] * (DIMENSION - 1))
    some = random_embeddings(INDEXED_FROM_FACES, DIMENSION, seed=4)
    add(index, photo("race/crowd.jpg", 1), [face(embedding(near.vector + 0.01 * one.vector)) for one in some])
    far = [face(embedding(one.vector - 3 * near.vector)) for one in random_embeddings(60, DIMENSION, seed=5)]
    add(index, photo("race/far.jpg"), far)
    add(index, photo("race/crowd.jpg", 2))
    assert len(most_similar_faces(index, "race", [near], limit=50, min_similarity=-1.1)) == 50
    assert len(most_similar_faces(index, "race", [near], limit=500, min_similarity=-1.1)) == 60


class TestFiltersNeverReturnTooLittle:
    """The trap: an HNSW scan gives up after 20,000 faces, however many of them a filter left out."""

    NEAR, CROWD = 30, 25_000

    @pytest.fixture
    def album(self, index: PgFaceIndex, database: str) -> Embedding:
        """A crowd around the query by one camera, 30 faces far from it by another; returns the query."""
        query = embedding([1] + [0] * (DIMENSION - 1))
        add(index, photo("race/crowd/0.jpg"), [face(query)], camera="everywhere")
        for number in range(self.NEAR):
            far = embedding(random_embeddings(1, DIMENSION, seed=number)[0].vector - 2 * query.vector)
            add(index, photo(f"race/rare/{number}.jpg"), [face(far)], [bib("7")], ["finish"], camera="rare")
        near = "(ARRAY[1] || ARRAY(SELECT 0.3 * random() FROM generate_series(2, %(dimension)s) WHERE n > 0))::halfvec"
        with psycopg.connect(database) as conn:
            conn.execute(
                f"""
                INSERT INTO face SELECT album_id, gen_random_uuid(), photo_id, space_id, box_x, box_y, box_w, box_h,
                    detection_score, face.sharpness, quality, {near}
                FROM face JOIN photo USING (album_id, photo_id), generate_series(1, %(crowd)s) AS n
                WHERE camera = 'everywhere'
                """,
                {"dimension": DIMENSION, "crowd": self.CROWD},
            )
            conn.execute(
                Statements("face_index")("create_space_index"),
                {"album_id": 1, "space_id": 1, "dimension": DIMENSION},
            )
        return query

    def test_plain_pgvector_shortens_it(self, album: Embedding, database: str) -> None:
        """Otherwise the tests below would show nothing."""
        with psycopg.connect(database, options=BY_INDEX_ONLY) as conn:
            conn.execute("SET hnsw.iterative_scan = relaxed_order")
            rows = conn.execute(
                f"""
                SELECT FROM face JOIN photo USING (photo_id)
                WHERE face.album_id = 1 AND space_id = 1 AND camera = 'rare'
                ORDER BY embedding::halfvec({DIMENSION}) <=> %s::halfvec({DIMENSION}) LIMIT 30
                """,
                [str(album.vector.tolist())],
            ).fetchall()
        assert len(rows) < self.NEAR

    def test_a_filter_that_few_photos_pass_does_not_shorten_a_result(
        self, index: PgFaceIndex, album: Embedding
    ) -> None:
        filters = [
            PhotoFilter(camera="rare"),
            PhotoFilter(folder="rare"),
            PhotoFilter(text="finish"),
            PhotoFilter(text="finish", camera="rare", folder="rare"),
        ]
        with index.reading("race") as reading:
            counts = [len(reading.nearest([album], limit=100, where=where).vectors) for where in filters]
            fewer = [len(reading.nearest([album], limit=10, where=where).vectors) for where in filters]
        assert counts == [self.NEAR] * len(filters)
        assert fewer == [10] * len(filters)

    def test_a_filter_that_many_photos_without_faces_pass_does_not_shorten_a_result(
        self,
        index: PgFaceIndex,
        album: Embedding,
        database: str,
    ) -> None:
        with psycopg.connect(database) as conn:
            conn.execute(
                "INSERT INTO photo (photo_id, album_id, bucket, name, generation, pipeline_version, camera, width)"
                " SELECT gen_random_uuid(), 1, 'photos', 'race/' || n, 1, '1', 'rare', 1"
                " FROM generate_series(1, %s) AS n",
                [max_exact_photos(self.CROWD + self.NEAR) + 1],
            )
            conn.execute("ANALYZE photo")
        with index.reading("race") as reading:
            assert len(reading.nearest([album], limit=100, where=PhotoFilter(camera="rare")).vectors) == self.NEAR

    def test_a_filtered_result_is_not_shortened_by_deleted_faces(self, index: PgFaceIndex, album: Embedding) -> None:
        index.remove(photo("race/crowd/0.jpg"))
        with index.reading("race") as reading:
            assert len(reading.nearest([album], limit=100, where=PhotoFilter()).vectors) == self.NEAR


class TestErasedAlbum:
    def test_its_partition_is_dropped(self, index: PgFaceIndex, database: str, connections: Database) -> None:
        add(index, photo("race/1.jpg"), [face(embedding([1, 0]))])
        erase_rows(connections, "race")
        with psycopg.connect(database) as conn:
            assert conn.execute("SELECT FROM pg_class WHERE relname LIKE 'face\\_1%'").fetchall() == []

    def test_erasing_gives_up_while_a_long_search_runs(
        self,
        index: PgFaceIndex,
        database: str,
        connections: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Waiting for all searches to end would block every search that comes later."""
        monkeypatch.setattr(removing, "LOCK_TIMEOUT_MS", 100)
        add(index, photo("race/1.jpg"), [face(embedding([1, 0]))])
        with psycopg.connect(database) as reading:
            reading.execute("SELECT FROM face").fetchall()
            with pytest.raises(Unavailable, match="LockNotAvailable"):
                erase_rows(connections, "race")
        assert len(most_similar_faces(index, "race", [embedding([1, 0])], limit=5, min_similarity=0)) == 1
        erase_rows(connections, "race")
        assert not index.has_album("race")

    def test_erasing_while_photos_are_indexed(self, index: PgFaceIndex, connections: Database) -> None:
        """Each photo is there whole or not at all, whenever the album goes."""

        def put(number: int) -> bool:
            return add(index, photo(f"race/{number}.jpg"), [face(embedding([1, 0]))], [bib("1")])

        def try_to_put(number: int) -> None:
            with suppress(Unavailable):
                put(number)

        put(0)
        with ThreadPoolExecutor(4) as pool:
            puts = [pool.submit(try_to_put, number) for number in range(60)]
            for _ in range(5):
                erase_rows(connections, "race")
            for one in puts:
                one.result(timeout=30)
        erase_rows(connections, "race")
        assert put(61)
        assert [
            match.face.photo
            for match in most_similar_faces(index, "race", [embedding([1, 0])], limit=99, min_similarity=0)
        ] == [photo("race/61.jpg")]
        assert len(bibs_of(index, "race", "1")) == 1


def test_a_new_album_neither_waits_for_searches_nor_blocks_them(index: PgFaceIndex, database: str) -> None:
    add(index, photo("old/1.jpg"), [face(embedding([1, 0]))])
    with psycopg.connect(database) as searching:
        searching.execute("SELECT count(*) FROM face").fetchone()  # its transaction, and so its locks, stay open
        assert add(index, photo("new/1.jpg"), [face(embedding([1, 0]))])


def test_connects_on_first_use_only() -> None:
    Database(f"postgresql://user:{SECRET}@127.0.0.1:1/photofinish").close()


def test_an_unreachable_database_is_unavailable_and_no_secret_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = f"postgresql://user:{SECRET}@127.0.0.1:1/photofinish"
    with (
        postgres_index(nowhere, connection_timeout_s=0.3) as index,
        caplog.at_level(logging.DEBUG),
        pytest.raises(Unavailable, match="cannot be reached") as raised,
    ):
        index.has_album("race")
    assert SECRET not in str(raised.value)
    assert SECRET not in caplog.text


def test_an_invalid_connection_string_is_not_shown() -> None:
    with pytest.raises(Misconfigured) as raised:
        Database(f"host=127.0.0.1 password={SECRET} oops")
    assert SECRET not in str(raised.value)
    assert "oops" not in str(raised.value)


def test_a_database_without_migrations_is_misconfigured(empty_database: str) -> None:
    with postgres_index(empty_database) as index, pytest.raises(Misconfigured, match="photofinish migrate"):
        add(index, photo("race/1.jpg"), [], [bib("1")])


def test_a_statement_that_hangs_is_unavailable(database: str) -> None:
    with postgres_index(database, statement_timeout_s=0.2) as index:
        with psycopg.connect(database) as locking:
            locking.execute("LOCK TABLE photo")
            began = time.monotonic()
            with pytest.raises(Unavailable, match="QueryCanceled"):
                add(index, photo("race/1.jpg"))
            assert time.monotonic() - began < 5
        assert add(index, photo("race/1.jpg"))


def test_the_pool_recovers_after_the_server_closed_its_connections(index: PgFaceIndex, database: str) -> None:
    add(index, photo("race/1.jpg"))
    with psycopg.connect(database) as conn:
        [cut] = conn.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone() or [0]
    assert cut
    assert index.has_album("race")


def test_the_pool_has_no_more_connections_than_configured(database: str) -> None:
    with postgres_index(database, max_connections=2) as index:
        with ThreadPoolExecutor(12) as pool:
            assert all(pool.map(lambda n: add(index, photo(f"race/{n}.jpg")), range(60)))
        with psycopg.connect(database) as conn:
            [count] = conn.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone() or [0]
    assert 1 <= count <= 2
