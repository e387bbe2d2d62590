"""Rekognition's DeleteFaces: one erasure of all faces against one erasure each, in seconds and as a ratio.

    python tests/bench/erasing/faces.py [--faces 4096]

The faces lie as the Rekognition API indexes them, in two collections of a real Postgres, beside a local Firestore.
Measured is until the request is answered, and then until the sweep has finished. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from google.cloud.firestore import Client

from photofinish.adapters.google.documents import FirestoreDocuments
from photofinish.adapters.google.erasable_documents import FirestoreErasableDocuments
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.application.erasing import Eraser
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.domain.face import face_id
from photofinish.domain.photo import PhotoRef
from photofinish.ports import COLLECTION_BUCKET
from support.faces import embedding, face
from support.firestore_server import FirestoreServer, emulator_environment
from support.index import VERSION, add
from support.postgres import fresh_database

_THREADS = 4


def index_faces(database: Database, collection: str, count: int) -> list[str]:
    index, vectors = PgFaceIndex(database), np.random.default_rng(1).normal(size=(count, 128))
    photos = [PhotoRef(bucket=COLLECTION_BUCKET, name=f"{collection}/{n}", generation=1) for n in range(count)]
    add(index, photos[0], [face(embedding(list(vectors[0])))])  # makes the partition
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda n: add(index, photos[n], [face(embedding(list(vectors[n])))]), range(1, count)))
    return [face_id(photo, VERSION, 0) for photo in photos]


def one_by_one(eraser: Eraser, collection: str, face_ids: list[str]) -> int:
    for one in face_ids:
        eraser.request(ErasureTarget(kind=ErasureKind.FACE, album=collection, id=one), reason=Reason.REQUEST)
    return len(face_ids)


def together(eraser: Eraser, collection: str, face_ids: list[str]) -> int:
    return len(eraser.request_faces(collection, face_ids, reason=Reason.REQUEST))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=4096, help="a request may name 4,096")
    count = parser.parse_args().faces
    ways: dict[str, Callable[[Eraser, str, list[str]], int]] = {"one_by_one": one_by_one, "together": together}
    seconds: dict[str, dict[str, float]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_database() as conninfo,
        FirestoreServer(Path(folder)) as server,
        emulator_environment(server),
    ):
        database, client = Database(conninfo), Client(project="bench")
        eraser = Eraser(
            PgErasures(database),
            FirestoreDocuments(client),
            FirestoreErasableDocuments(client),
            MemoryPhotoStore(),
            publish_people=lambda _: None,
        )
        for way, erase in ways.items():
            face_ids = index_faces(database, way, count)
            began_s = time.perf_counter()
            if erase(eraser, way, face_ids) != count:
                raise SystemExit(f"{way}: not all faces were erased")
            answered_s = time.perf_counter()
            eraser.sweep()
            finished_s = time.perf_counter()
            seconds[way] = {"request_s": round(answered_s - began_s, 3), "sweep_s": round(finished_s - answered_s, 3)}
        database.close()
    ratio = {what: round(seconds["one_by_one"][what] / seconds["together"][what]) for what in seconds["together"]}
    print(json.dumps({"faces": count, **seconds, "ratio": ratio}, indent=2))


if __name__ == "__main__":
    main()
