"""A made-up album of any size in a local cloud, without any analysis: documents, rows, and a few pictures for all."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psycopg
from google.cloud import firestore, storage

from photofinish.analysis.imaging.placeholder import placeholder
from photofinish.analysis.imaging.rendition import PREVIEW_LONGEST_SIDE, preview_jpeg, thumbnail_picture, thumbnail_webp
from photofinish.analysis.imaging.resizing import fit_within
from photofinish.domain.photo import PhotoRef

BATCH, WRITERS = 250, 4
CAMERAS = 8
START = datetime(2026, 5, 3, 9)
A_DAY = timedelta(hours=9)
NOW = datetime(2026, 5, 4, tzinfo=UTC)
Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What photos that look alike share."""

    width: int
    height: int
    preview: str
    """Names in the derived bucket."""
    thumbnail: str
    placeholder: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One photo of the album: 1 in 20 is blurry, 1 in 12 shows no number, 1 in 100 was rejected."""

    ref: PhotoRef
    picture: Picture
    camera: str
    taken_at: datetime
    numbers: tuple[str, ...]
    is_blurry: bool
    is_rejected: bool


def photos_of(album: str, count: int, bucket: str, pictures: list[Picture], seed: int = 7) -> Iterator[Photo]:
    """The photos, always the same for the same seed."""
    rng = random.Random(seed)
    for number in range(count):
        camera = rng.randrange(CAMERAS)
        has_numbers, is_blurry, is_rejected = rng.random() > 1 / 12, rng.random() < 1 / 20, rng.random() < 1 / 100
        yield Photo(
            ref=PhotoRef(bucket=bucket, name=f"{album}/cam{camera}/IMG_{number:06}.jpg", generation=1),
            picture=rng.choice(pictures),
            camera=f"Canon EOS R{camera + 1}",
            taken_at=START + A_DAY * (number / count),
            numbers=tuple({str(rng.randrange(1, 9000)) for _ in range(rng.randrange(1, 4))}) if has_numbers else (),
            is_blurry=is_blurry,
            is_rejected=is_rejected,
        )


def fill(
    environment: Environment,
    album: str,
    count: int,
    pictures: Sequence[Path],
    told: Callable[[str], None] = lambda _: None,
) -> None:
    """Make `album` with `count` photos, which look like these JPEG files, in the local cloud of this environment."""
    project, bucket = environment["GOOGLE_CLOUD_PROJECT"], environment["PHOTOFINISH_PHOTO_BUCKET"]
    derived = storage.Client(project=project).bucket(environment["PHOTOFINISH_DERIVED_BUCKET"])
    stored = [_stored(derived, album, path) for path in pictures]
    client = firestore.Client(project=project)
    client.document(f"albums/{album}").set({"title": album, "created_at": NOW})
    collection = client.collection("albums").document(album).collection("photos")

    def write(some: list[Photo]) -> None:
        batch = client.batch()
        for photo in some:
            batch.set(collection.document(photo.ref.photo_id), document_of(photo))
        batch.commit()

    photos = list(photos_of(album, count, bucket, stored))
    with ThreadPoolExecutor(WRITERS) as writers:
        batches = [photos[start : start + BATCH] for start in range(0, count, BATCH)]
        for at, _ in enumerate(writers.map(write, batches), start=1):
            if at % 40 == 0:
                told(f"{at * BATCH:,} of {count:,} documents")
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        _copy_rows(connection, album, [photo for photo in photos if not photo.is_rejected])


def document_of(photo: Photo) -> dict[str, Any]:
    """Its document in Firestore, with about the fields and the size of a real one."""
    name, photo_id = photo.ref.name, photo.ref.photo_id
    object_fields = {"bucket": photo.ref.bucket, "name": name, "generation": 1, "content_type": "image/jpeg"}
    box = {"x": 0.4, "y": 0.2, "w": 0.1, "h": 0.15}
    fields: dict[str, Any] = {
        "photo": object_fields | {"album": photo.ref.album, "photo_id": photo_id, "size_bytes": 6_400_000},
        "object": object_fields | {"size": 6_400_000},
        "queued_at": NOW,
        "changed_at": NOW,
        "done_at": NOW,
        "stages": dict.fromkeys(("uploaded_at", "event_at", "queued_at", "pulled_at", "done_at"), NOW),
        "trace_id": photo_id,
        "worker": "bench/0",
    }
    if photo.is_rejected:
        error = {"code": "not_a_picture", "message": "The file is not a picture."}
        return fields | {"status": "rejected", "error": error}
    face = {"box": box, "detection_score": 0.9, "quality": 0.7, "sharpness": 0.6, "person_id": None}
    bib = {"ocr_score": 0.9, "partial": False, "candidates": [], "box": box, "face_id": None, "by_hand": False}
    return fields | {
        "status": "done",
        "error": None,
        "image": {
            "width": photo.picture.width,
            "height": photo.picture.height,
            "format": "JPEG",
            "taken_at": photo.taken_at.isoformat(),
            "camera": photo.camera,
        },
        "sharpness": {
            "frame": 0.2 if photo.is_blurry else 0.8,
            "laplacian_variance": 90.0,
            "is_blurry": photo.is_blurry,
        },
        "faces": [face | {"face_id": f"{photo_id[:8]}-{at}"} for at in range(2)],
        "face_areas": [box] * 3,
        "withheld_faces": [],
        "bibs": [bib | {"number": number} for number in photo.numbers],
        "bib_numbers": list(photo.numbers),
        "text": ["SPRING", "10K"],
        "warnings": [],
        "has_warnings": False,
        "sidecar": f"sidecars/{photo.ref.album}/{photo_id}/1.bench-1.json",
        "renditions": {"preview": photo.picture.preview, "thumbnail": photo.picture.thumbnail},
        "placeholder": base64.b64encode(photo.picture.placeholder).decode(),
        "pipeline_version": "bench-1",
        "models": {"face_detection": "scrfd", "face_embedding": "toy"},
        "timings_ms": {"fetch": 40, "decode": 60, "index": 20, "store": 30},
    }


def _stored(derived: storage.Bucket, album: str, path: Path) -> Picture:
    """What the analysis would store of this photo."""
    pixels = cv2.imread(str(path))
    assert pixels is not None, f"{path} is a picture"
    preview = fit_within(np.ascontiguousarray(pixels, np.uint8), PREVIEW_LONGEST_SIDE)
    thumbnail = thumbnail_picture(preview)
    name = f"renditions/{album}/made/{path.stem}"
    derived.blob(f"{name}.preview.jpg").upload_from_string(preview_jpeg(preview), content_type="image/jpeg")
    derived.blob(f"{name}.thumbnail.webp").upload_from_string(thumbnail_webp(thumbnail), content_type="image/webp")
    return Picture(
        width=pixels.shape[1],
        height=pixels.shape[0],
        preview=f"{name}.preview.jpg",
        thumbnail=f"{name}.thumbnail.webp",
        placeholder=placeholder(thumbnail, []),
    )


def _copy_rows(connection: psycopg.Connection, album: str, done: list[Photo]) -> None:
    """What the index has of each photo; no faces: no view that is measured reads them."""
    [album_id] = connection.execute("INSERT INTO album (name) VALUES (%s) RETURNING album_id", [album]).fetchone() or ()
    columns = "photo_id, album_id, bucket, name, generation, folder, pipeline_version, taken_at, corrected_at, camera"
    cursor = connection.cursor()
    with cursor.copy(f"COPY photo ({columns}, sharpness, width, height, placeholder) FROM STDIN") as copy:
        for photo in done:
            ref, folder = photo.ref, photo.ref.name.split("/")[1]
            identity = (ref.photo_id, album_id, ref.bucket, ref.name, 1, folder, "bench-1")
            times = (photo.taken_at, photo.taken_at, photo.camera)
            copy.write_row(
                (*identity, *times, 0.8, photo.picture.width, photo.picture.height, photo.picture.placeholder)
            )
    with cursor.copy(
        "COPY bib (photo_id, bib_index, album_id, number, ocr_score, box_x, box_y, box_w, box_h) FROM STDIN"
    ) as copy:
        for photo in done:
            for at, number in enumerate(photo.numbers):
                copy.write_row((photo.ref.photo_id, at, album_id, number, 0.9, 0.4, 0.2, 0.1, 0.15))
    connection.commit()
    connection.execute("ANALYZE photo, bib")
