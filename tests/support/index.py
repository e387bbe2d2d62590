"""What fills a face index in tests, and an index in Postgres that closes its connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.application.search.similar_faces import FaceMatch, most_similar_faces
from photofinish.domain.analysis import ImageInfo, PhotoAnalysis
from photofinish.domain.bib import Bib, TextLine
from photofinish.domain.depiction import Depiction
from photofinish.domain.face import Embedding, Face
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.search import PhotoFilter
from photofinish.domain.sharpness import Sharpness
from photofinish.ports import FaceIndex, SeenBib

VERSION = "1.test"


def analysis(
    faces: Sequence[Face] = (),
    bibs: Sequence[Bib] = (),
    text: Sequence[str] = (),
    *,
    taken_at: datetime | None = None,
    camera: str | None = None,
    sharpness: float = 0.5,
    perceptual_hash: int | None = None,
    depiction: Depiction | None = None,
) -> PhotoAnalysis:
    """What a job found in a photo."""
    return PhotoAnalysis(
        image=ImageInfo(width=640, height=480, format="JPEG", taken_at=taken_at, camera=camera),
        faces=tuple(faces),
        bibs=tuple(bibs),
        text=tuple(TextLine(text=line, ocr_score=0.9, box=Box(0.1, 0.1, 0.2, 0.05)) for line in text),
        sharpness=Sharpness(frame=sharpness, laplacian_variance=100.0, is_blurry=False),
        models={},
        timings_ms={},
        perceptual_hash=perceptual_hash,
        depiction=depiction,
    )


def add(
    index: FaceIndex,
    photo: PhotoRef,
    faces: Sequence[Face] = (),
    bibs: Sequence[Bib] = (),
    text: Sequence[str] = (),
    *,
    version: str = VERSION,
    **details: Any,
) -> bool:
    """Index `photo` with these findings; returns whether it applied."""
    return index.replace(photo, version, analysis(faces, bibs, text, **details)) is not None


def bibs_of(index: FaceIndex, album: str, number: str) -> list[tuple[PhotoRef, SeenBib]]:
    """What was read as exactly this number, best first, each with its photo."""
    with index.reading(album) as reading:
        seen = [bib for bib in reading.bibs([number], limit=1000, where=PhotoFilter()) if bib.number == number]
        photos = reading.photos([bib.photo_id for bib in seen])
    return [(photos[bib.photo_id].photo, bib) for bib in seen]


def photos_with_bib(index: FaceIndex, album: str, number: str) -> list[PhotoRef]:
    return [photo for photo, _ in bibs_of(index, album, number)]


def everything(index: FaceIndex, album: str, query: Embedding) -> list[FaceMatch]:
    """All faces of the album in the embedding space of `query`, most similar first."""
    return most_similar_faces(index, album, [query], limit=10_000, min_similarity=-1.1)


def photos_of(matches: list[FaceMatch]) -> list[PhotoRef]:
    return [match.face.photo for match in matches]


@contextmanager
def postgres_index(conninfo: str, **options: Any) -> Iterator[PgFaceIndex]:
    """An index in the database of `conninfo`, whose connections (made with `options`) are closed at the end."""
    database = Database(conninfo, **options)
    try:
        yield PgFaceIndex(database)
    finally:
        database.close()
