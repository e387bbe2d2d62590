"""How long searches by words take in a large album in Postgres, and what the index of depictions misses.

    python -m bench.label_search.speed [--photos 100000] [--json FILE]

Photos are made up: each shows a mixture of labels that is as uneven as that of real photos, and 1 in 3 has some words.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from bench.search.database import server
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.people.numbers import PgPeopleNumbers
from photofinish.adapters.postgres.people.people import PgPeople
from photofinish.analysis.models.label_space import CLASSES_OF_A_PICTURE, LabelTexts, class_names
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from photofinish.application.search.searcher import Searcher
from photofinish.domain.photo import PhotoRef
from photofinish.domain.search import Description, PhotoFilter, SearchQuery

ALBUM = "words"
SEED = 5
QUERIES = (
    *("dog", "a cat on a sofa", "mountain bike", "coffee", "Fahrrad", "un chien", "Brücke", "runner with sunglasses"),
    *("soccer ball", "helmet", "Zieleinlauf", "flowers", "boat", "food on a table", "bus", "number 1234"),
    *("finish line", "sponsor 77", "Ziel", "marathon 2026"),
)
WORDS = ("finish", "start", "marathon", "zurich", "sponsor", "ziel", "2026", "kilometre", "water", "team")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--photos", type=int, default=100_000)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    texts = LabelTexts.load(ModelSettings(models_dir=default_models_dir(), threads=1))
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as conninfo:
        figures: dict[str, Any] = {"photos": given.photos} | load(conninfo, given.photos, texts)
        database = Database(conninfo)
        try:
            searcher = Searcher(PgFaceIndex(database), PgPeople(database), PgPeopleNumbers(database), {})
            figures |= latencies(searcher, texts) | {"recall": recall(database, texts)}
        finally:
            database.close()
    print(json.dumps(figures, indent=2))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")


def load(conninfo: str, photos: int, texts: LabelTexts) -> dict[str, float]:
    """Fill the album as `faces.py` would, in a few statements."""
    rng = np.random.default_rng(SEED)
    names = texts.of_names(class_names())
    with psycopg.connect(conninfo) as conn:
        register_vector(conn)
        [(album_id,)] = conn.execute("INSERT INTO album (name) VALUES (%s) RETURNING album_id", [ALBUM]).fetchall()
        space = "INSERT INTO embedding_space (name, dimension) VALUES (%s, 512) RETURNING space_id"
        [(space_id,)] = conn.execute(space, [texts.space]).fetchall()
        conn.execute("SELECT create_depiction_partition(%s)", [album_id])
        began = time.perf_counter()
        ids = [UUID(_photo(number).photo_id) for number in range(photos)]
        columns = "photo_id, album_id, bucket, name, generation, folder, pipeline_version"
        columns += ", words, lines, sharpness, width, height"
        with conn.cursor().copy(f"COPY photo ({columns}) FROM STDIN") as copy:
            for number, photo_id in enumerate(ids):
                said = " ".join(rng.choice(WORDS, 3)) + f" {rng.integers(10_000)}" if number % 3 == 0 else ""
                folder = f"cam{number % 8}"
                photo = _photo(number)
                row = (photo_id, album_id, photo.bucket, photo.name, 1, folder, "1", said, [said], 0.5, 600, 400)
                copy.write_row(row)
        with conn.cursor().copy(
            "COPY depiction (album_id, photo_id, space_id, embedding, labels, label_scores) FROM STDIN"
        ) as copy:
            for photo_id, vector in zip(ids, depictions(photos, names, rng), strict=True):
                copy.write_row((album_id, photo_id, space_id, HalfVector(vector).to_text(), [], []))
        loaded = time.perf_counter()
        conn.execute("SELECT create_depiction_space_index(%s, %s::smallint, 512::smallint)", [album_id, space_id])
        indexed = time.perf_counter()
        conn.commit()
        conn.autocommit = True
        conn.execute("ANALYZE")
        size = f"pg_relation_size('depiction_{album_id}_space_{space_id}')"
        [(index_bytes,)] = conn.execute(f"SELECT {size}").fetchall()
    return {
        "copy_s": round(loaded - began, 1),
        "index_s": round(indexed - loaded, 1),
        "index_bytes_a_photo": round(index_bytes / photos),
    }


def depictions(photos: int, names: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """(N, D): means of a few names, of which the first has half of the weight or more."""
    chosen = rng.integers(len(names), size=(photos, CLASSES_OF_A_PICTURE))
    weights = rng.dirichlet(np.full(CLASSES_OF_A_PICTURE, 0.2), size=photos).astype(np.float32)
    vectors = np.einsum("nk,nkd->nd", weights, names[chosen], optimize=True)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def latencies(searcher: Searcher, texts: LabelTexts) -> dict[str, float]:
    """p50 and p95 in ms of one searcher, encoding the text included."""
    kinds = {"whole album": PhotoFilter(), "one camera's folder of 8": PhotoFilter(folder="cam3")}
    figures = {}
    for kind, where in kinds.items():
        times = []
        for repetition in range(4):
            for text in QUERIES:
                began = time.perf_counter()
                about = Description(text=text, place=texts.of_text(text), scale=texts.scale)
                searcher.search(SearchQuery(album=ALBUM, about=about, where=where))
                if repetition:  # the first round warms up
                    times.append((time.perf_counter() - began) * 1000)
        figures |= {f"{kind}, p50 ms": round(float(np.median(times)), 1)}
        figures |= {f"{kind}, p95 ms": round(float(np.percentile(times, 95)), 1)}
    return figures


def recall(database: Database, texts: LabelTexts, *, at: int = 200) -> float:
    """Share of the nearest `at` photos that the index finds."""
    found, expected = 0, 0
    index = PgFaceIndex(database)
    for text in QUERIES:
        query = texts.of_text(text)
        with index.reading(ALBUM) as album:
            near = {one.photo_id for one in album.depictions(query, limit=at, where=PhotoFilter())}
            # A filter that all photos meet, and that the index cannot answer.
            album._conn.execute("SET LOCAL enable_indexscan = off")
            exact = {one.photo_id for one in album.depictions(query, limit=at, where=PhotoFilter())}
        found, expected = found + len(near & exact), expected + len(exact)
    return found / expected


def _photo(number: int) -> PhotoRef:
    return PhotoRef(bucket="photos", name=f"{ALBUM}/cam{number % 8}/IMG_{number:06}.jpg", generation=1)


if __name__ == "__main__":
    main()
