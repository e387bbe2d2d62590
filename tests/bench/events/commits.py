"""What recording its event adds to the commit of a photo to the index: with and without, in turns."""

from __future__ import annotations

import time
from unittest.mock import patch

import numpy as np

from photofinish.adapters.postgres import faces as adapter
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.faces import PgFaceIndex
from support.faces import bib, face, photo, random_embeddings
from support.index import add

PHOTOS = 300


def commits(conninfo: str) -> list[tuple[str, str, str, str]]:
    """Index `PHOTOS` photos each way, with three faces and a number each."""
    database = Database(conninfo)
    index = PgFaceIndex(database)
    embeddings = random_embeddings(3, 128, seed=1)
    with_events, without = [], []
    for number in range(2 * PHOTOS):
        ref = photo(f"commits/{number}.jpg")
        found = [face(embedding, x=0.1 + 0.2 * place) for place, embedding in enumerate(embeddings)]
        start = time.perf_counter()
        if number % 2:
            add(index, ref, found, [bib("7", face_index=0)])
            with_events.append(time.perf_counter() - start)
        else:
            with patch.object(adapter, "record_events"):
                add(index, ref, found, [bib("7", face_index=0)])
            without.append(time.perf_counter() - start)
    database.close()
    recorded, plain = np.median(with_events) * 1000, np.median(without) * 1000
    return [
        ("index a photo without its event, p50", f"{plain:.2f} ms", "", ""),
        ("index a photo with its event, p50", f"{recorded:.2f} ms ({recorded / plain:.2f} ×)", "", ""),
    ]
