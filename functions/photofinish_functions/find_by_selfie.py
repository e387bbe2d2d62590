"""``POST /?album=A&limit=K`` with 1 to 5 pictures in the multipart field `selfie`: the photos that show this person.

A selfie is in memory for as long as its request takes: it is never written to disk, to a log or to a database.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from flask import Request, Response
from numpy.typing import NDArray
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from photofinish.domain.face import Embedding, Face
from photofinish.errors import RejectedInput
from photofinish.imaging.decoding import Limits, decode
from photofinish.ports import FaceIndex, FaceMatch
from photofinish_functions.api_keys import ApiKeys
from photofinish_functions.http_answers import (
    Refused,
    bad_request,
    box_json,
    photo_json,
    respond,
    score_json,
    too_large,
    unknown_album,
)
from photofinish_functions.http_parameters import Fields, album_in, limit_in

MAX_SELFIES = 5
MAX_BODY_BYTES = 32 * 2**20  # what Cloud Run takes over HTTP/1
MAX_SELFIE_BYTES = 16 * 2**20
MAX_FIELD_BYTES = 256 * 2**10  # above the 64 KiB in which the parser reads
MAX_PARTS = 20
SELFIE_LIMITS = Limits(max_file_bytes=MAX_SELFIE_BYTES, max_pixels=64_000_000, max_decoded_pixels=12_000_000)

# A person who holds the camera is at least twice as wide and twice as high as whoever stands behind.
DOMINANT_AREA_RATIO = 4.0
# Profiles, faces of a dozen pixels and blurred ones lie below: whoever is found with those is somebody else.
MIN_QUALITY = 0.2


class FaceEncoder(Protocol):
    """What is needed of :class:`photofinish.models.face_encoder.FaceEncoder`."""

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """The faces of each upright (H, W, 3) BGR image, each with its embedding."""
        ...


def find_by_selfie(
    request: Request, *, index: FaceIndex, encoder: FaceEncoder, api_keys: ApiKeys, min_similarity: float
) -> Response:
    """Answer ``{"album", "matches": [{"photo", "face_id", "box", "similarity"}]}``, one entry per photo, best first.

    `min_similarity` belongs to the encoder's embedding space: faces below it are of other people.
    """

    def answer() -> dict[str, Any]:
        form, selfies = read_body(request)
        album, limit = album_in(request.args, form), limit_in(request.args, form)
        if not index.has_album(album):
            raise unknown_album()
        queries = [_embedding(content, position, encoder) for position, content in enumerate(selfies, 1)]
        matches = best_per_photo(index, album, queries, limit=limit, min_similarity=min_similarity)
        return {
            "album": album,
            "matches": [
                {
                    "photo": photo_json(match.face.photo),
                    "face_id": match.face.face_id,
                    "box": box_json(match.face.box),
                    "similarity": score_json(match.similarity),
                }
                for match in matches
            ],
        }

    return respond(request, method="POST", api_keys=api_keys, answer=answer)


def read_body(request: Request) -> tuple[Fields, list[bytes]]:
    """The form's fields and the contents of its 1 to 5 files called `selfie`.

    Flask's own parser would write larger files to disk.
    """
    if request.mimetype != "multipart/form-data":
        raise bad_request("Send the pictures as multipart/form-data, in the field 'selfie'.")
    request.max_content_length = MAX_BODY_BYTES
    parser = FormDataParser(
        stream_factory=lambda *_, **__: io.BytesIO(),
        max_form_memory_size=MAX_FIELD_BYTES,
        max_form_parts=MAX_PARTS,
        silent=False,
    )
    try:
        _, form, files = parser.parse(
            request.stream, request.mimetype, request.content_length, dict(request.mimetype_params)
        )
    except RequestEntityTooLarge:
        raise too_large(
            f"The request (its body, one of its texts, or more than {MAX_PARTS} parts)", MAX_BODY_BYTES
        ) from None
    except ValueError:
        raise bad_request(
            "The body is no multipart/form-data: its boundary is missing or its end was cut off."
        ) from None
    selfies = [file.stream.read() for file in files.getlist("selfie")]
    if not selfies:
        raise bad_request(f"'selfie' is missing: send 1 to {MAX_SELFIES} pictures as files in this field.")
    if len(selfies) > MAX_SELFIES:
        raise Refused(400, "too_many_selfies", f"{len(selfies)} pictures were sent; at most {MAX_SELFIES} are taken.")
    for position, content in enumerate(selfies, 1):
        if len(content) > MAX_SELFIE_BYTES:
            raise too_large(f"Picture {position}", MAX_SELFIE_BYTES)
    return form, selfies


def person_in(faces: Sequence[Face]) -> Face:
    """The face that a selfie is of: the only one, or one of at least four times the area of any other.

    Raises:
        RejectedInput: `no_face`, `several_faces` or `unclear_face`, with a hint.
    """
    largest_first = sorted(faces, key=_area, reverse=True)
    if not largest_first:
        raise RejectedInput("no_face", "No face was found. Take a picture from the front, in good light.")
    person, *others = largest_first
    if others and _area(person) < DOMINANT_AREA_RATIO * _area(others[0]):
        raise RejectedInput(
            "several_faces", f"{len(faces)} faces were found, and none stands out. Cut the picture to the one you want."
        )
    if person.quality < MIN_QUALITY:
        raise RejectedInput(
            "unclear_face", "The face is too small, too blurred or turned away. Come closer and look into the camera."
        )
    return person


def best_per_photo(
    index: FaceIndex, album: str, queries: Sequence[Embedding], *, limit: int, min_similarity: float
) -> list[FaceMatch]:
    """The `limit` photos with the most similar faces, each with its best face.

    A photo may hold several faces that are similar enough, so more faces are asked for until there are enough photos.
    """
    count = limit
    while True:
        faces = index.search(album, queries, limit=count, min_similarity=min_similarity)
        best: dict[str, FaceMatch] = {}
        for match in faces:  # best first, so the first of a photo is its best
            best.setdefault(match.face.photo.photo_id, match)
        if len(best) >= limit or len(faces) < count:
            return list(best.values())[:limit]
        count *= 2


def _embedding(content: bytes, position: int, encoder: FaceEncoder) -> Embedding:
    """One picture at a time is decoded, which bounds the memory that a request takes."""
    try:
        [faces] = encoder.encode([decode(content, limits=SELFIE_LIMITS).image])
        person = person_in(faces)
    except RejectedInput as rejection:
        raise RejectedInput(rejection.code, f"Picture {position}: {rejection.message}") from None
    assert person.embedding is not None, "an encoder gives every face its embedding"
    return person.embedding


def _area(face: Face) -> float:
    return face.box.w * face.box.h
