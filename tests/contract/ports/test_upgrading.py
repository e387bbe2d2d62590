"""An index that an earlier version filled, brought to this version's schema in a real Postgres."""

from __future__ import annotations

import psycopg
import pytest
from typer.testing import CliRunner

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.migrating import migrate, migrations, unsearchable_photos
from photofinish.domain.bib_corrections import CorrectionKind, CorrectionRequest
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.search import PhotoFilter
from photofinish_cli.main import app
from support.bibs import BibStores
from support.faces import bib, embedding, face, photo
from support.index import add, postgres_index

EMBEDDING = [1.0, 0.0, 0.0]
WITH_A_FACE = photo("race/face.jpg")
WITH_A_BIB = photo("race/bib.jpg")
REMOVED = photo("race/removed.jpg")
"""Indexed once, then removed: nothing of it is to be found, and nothing is missing."""
ELSEWHERE = photo("elsewhere/face.jpg")


@pytest.fixture
def conninfo(empty_database: str) -> str:
    """Migrated, after a version that knew nothing but the first migration had indexed photos."""
    migrate(empty_database, migrations()[:1])
    with psycopg.connect(empty_database) as conn:
        conn.execute("INSERT INTO embedding_space (name, dimension) VALUES ('earlier', 3)")
        for album_id, album in enumerate(["elsewhere", "race"], start=1):
            partition = f"face_{album_id}"
            conn.execute("INSERT INTO album (name) VALUES (%s)", [album])
            conn.execute(f"CREATE TABLE {partition} (LIKE face INCLUDING ALL)")
            conn.execute(f"ALTER TABLE face ATTACH PARTITION {partition} FOR VALUES IN ({album_id})")
            conn.execute(
                f"CREATE INDEX {partition}_space_1 ON {partition}"
                " USING hnsw ((embedding::halfvec(3)) halfvec_cosine_ops) WHERE space_id = 1"
            )
        for ref in (WITH_A_FACE, WITH_A_BIB, REMOVED, ELSEWHERE):
            conn.execute(
                "INSERT INTO photo SELECT %s, album_id, %s, %s, %s, 'earlier' FROM album WHERE name = %s",
                [ref.photo_id, ref.bucket, ref.name, ref.generation, ref.album],
            )
        for ref in (WITH_A_FACE, ELSEWHERE):
            conn.execute(
                "INSERT INTO face SELECT album_id, gen_random_uuid(), photo_id, 1, 0, 0, .1, .1, .9, .5, .5, '[1,0,0]'"
                " FROM photo WHERE photo_id = %s",
                [ref.photo_id],
            )
        conn.execute(
            "INSERT INTO bib SELECT photo_id, 0, album_id, '7', .9, 0, 0, .1, .1, NULL FROM photo WHERE photo_id = %s",
            [WITH_A_BIB.photo_id],
        )
    migrate(empty_database)
    return empty_database


def found(conninfo: str, *photos: PhotoRef) -> set[PhotoRef]:
    """Those of `photos`, of one album, that a search comes across by face or bib."""
    (album,) = {ref.album for ref in photos}
    with postgres_index(conninfo) as index, index.reading(album) as reading:
        faces = reading.nearest([embedding(EMBEDDING)], limit=9, where=PhotoFilter())
        ids = {faces.face(row).photo_id for row in range(len(faces.vectors))}
        ids |= {seen.photo_id for seen in reading.bibs(["7"], limit=9, where=PhotoFilter())}
        return {ref for ref in photos if ref.photo_id in reading.photos(sorted(ids))}


def test_what_an_earlier_version_indexed_is_counted_until_it_is_analysed_again(conninfo: str) -> None:
    assert unsearchable_photos(conninfo) == {"elsewhere": 1, "race": 2}
    assert found(conninfo, WITH_A_FACE, WITH_A_BIB) == set()
    with postgres_index(conninfo) as index:
        assert add(index, WITH_A_FACE, [face(embedding(EMBEDDING))])
        assert add(index, WITH_A_BIB, bibs=[bib("7")])
    assert unsearchable_photos(conninfo) == {"elsewhere": 1}
    assert found(conninfo, WITH_A_FACE, WITH_A_BIB) == {WITH_A_FACE, WITH_A_BIB}


def test_a_photo_that_was_removed_is_not_counted(conninfo: str) -> None:
    with postgres_index(conninfo) as index:
        index.remove(WITH_A_FACE)
        add(index, WITH_A_BIB, [face(embedding(EMBEDDING))])
        index.remove(WITH_A_BIB)
    assert unsearchable_photos(conninfo) == {"elsewhere": 1}


def test_migrate_says_what_to_do(conninfo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", conninfo)
    monkeypatch.setenv("PHOTOFINISH_PHOTO_BUCKET", "photos")  # the environment names a deployment
    monkeypatch.delenv("PHOTOFINISH_STATE_DIR", raising=False)
    said = CliRunner().invoke(app, ["migrate"], catch_exceptions=False).stdout.splitlines()
    assert said[0] == "nothing to apply"
    assert said[1].startswith("elsewhere: no search finds 1 photo ")
    assert said[2].startswith("race: no search finds 2 photos")
    assert said[2].endswith(" photofinish reconcile --album race --again")


def test_numbers_that_an_earlier_version_indexed_can_be_corrected(empty_database: str) -> None:
    """The version before corrections left bibs and candidates; what was read is restored from them."""
    migrate(empty_database, migrations()[:8])
    ref = photo("race/1.jpg")
    with psycopg.connect(empty_database) as conn:
        conn.execute("INSERT INTO album (name) VALUES ('race')")
        conn.execute(
            "INSERT INTO photo (photo_id, album_id, bucket, name, generation, pipeline_version, width, height)"
            " VALUES (%s, 1, %s, %s, %s, '4-models+abcdef12', 640, 480)",
            [ref.photo_id, ref.bucket, ref.name, ref.generation],
        )
        for index, (number, score) in enumerate([("14951", 0.9), ("2906", 0.6)]):
            conn.execute(
                "INSERT INTO bib (photo_id, bib_index, album_id, number, ocr_score, box_x, box_y, box_w, box_h)"
                " VALUES (%s, %s, 1, %s, %s, %s, .4, .1, .05)",
                [ref.photo_id, index, number, score, 0.25 + 0.3 * index],
            )
        conn.execute("INSERT INTO bib_candidate VALUES (%s, 1, 1, '2908', 0.3)", [ref.photo_id])
    migrate(empty_database)
    database = Database(empty_database)
    try:
        stores = BibStores.in_postgres(database)
        request = CorrectionRequest(kind=CorrectionKind.REPLACE, number="14951", new_number="1495")
        done = stores.corrections.correct("race", ref.photo_id, request, by="test")
        other, corrected = sorted(done.photo.bibs, key=lambda bib: bib.by_hand)
        assert (corrected.number, corrected.box) == ("1495", Box(0.25, 0.4, 0.1, 0.05))
        assert other.number == "2906"
        assert {one.number: round(one.probability, 3) for one in other.candidates} == {"2906": 0.667, "2908": 0.333}
        with stores.index.reading("race") as reading:
            scores = {
                bib.requested: bib.ocr_score for bib in reading.bibs(["2906", "2908"], limit=9, where=PhotoFilter())
            }
        assert scores == pytest.approx({"2906": 0.6, "2908": 0.3})
        outdated = stores.rescoring.outdated("race", "abcdef12", limit=9)
        assert outdated == [], "the rules of an earlier analysis are known by its pipeline version"
    finally:
        database.close()
