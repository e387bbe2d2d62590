"""Faces, embeddings and links as the API writes and reads them."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from photofinish.domain.face import Embedding, Face
from photofinish.domain.photo import PhotoRef
from photofinish.domain.quality import QualityReason
from photofinish.domain.sidecar import preview_name
from photofinish.ports import PhotoLinks
from photofinish_functions.api.schemas import BoxJson, Input, Output, box_json, example, score_json
from photofinish_functions.refused import Refused

LINK_LIFETIME_S = 900
MAX_DIMENSION = 4000  # what the index of embeddings takes
_MAX_BASE64_CHARS = 4 * -(-MAX_DIMENSION * 4 // 3) + 4

Vector = (
    Annotated[str, Field(max_length=_MAX_BASE64_CHARS, min_length=1)]
    | Annotated[list[float], Field(min_length=1, max_length=MAX_DIMENSION)]
)
"""A vector: Base64 of its float32 numbers, lowest byte first, or the numbers. Any length but zero."""


class Embeddings(Input):
    """Faces that were embedded elsewhere, by the same model: vectors of any length but zero."""

    space: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[!-~]+$")] = Field(
        description="The embedding space, as POST /v1/embeddings names it.",
        json_schema_extra=example("sface-2021dec-2"),
    )
    vectors: list[Vector] = Field(
        min_length=1,
        max_length=5,
        description="Each Base64 of little-endian float32 numbers, or a list of numbers.",
    )


class UsedFace(Output):
    """The face of a picture that was sent."""

    box: BoxJson
    detection_score: float
    quality: float = Field(description="0 to 1: how well the face can be recognised.")
    quality_reasons: list[QualityReason] = Field(description="What makes it hard to recognise.")

    @classmethod
    def of(cls, face: Face) -> UsedFace:
        return cls(
            box=box_json(face.box),
            detection_score=score_json(face.detection_score),
            quality=score_json(face.quality),
            quality_reasons=list(face.quality_reasons),
        )


class Link(Output):
    url: str = Field(description="Signed: whoever has it can fetch the picture until it expires, without a key.")
    expires_at: datetime


class Renditions(Output):
    preview: Link | None = Field(description="A smaller JPEG without metadata; null where the photo has none.")


def rendition_links(links: PhotoLinks, photos: list[tuple[PhotoRef, str]], photo_bucket: str) -> list[Renditions]:
    """Links to the preview of each photo of that pipeline version.

    What was indexed through the Rekognition API lies in no bucket of ours, and has none.
    """
    names = [preview_name(photo, version) for photo, version in photos if photo.bucket == photo_bucket]
    signed = iter(sign_all(links, names))
    return [Renditions(preview=next(signed) if photo.bucket == photo_bucket else None) for photo, _ in photos]


def sign_all(links: PhotoLinks, names: list[str]) -> list[Link]:
    """Links to these objects of the derived bucket."""
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=LINK_LIFETIME_S)
    return [Link(url=url, expires_at=expires_at) for url in links.rendition_urls(names, expires_in_s=LINK_LIFETIME_S)]


def embeddings_in(given: Embeddings) -> tuple[Embedding, ...]:
    """The embeddings that a body gives, brought to unit length."""
    vectors = [unit_vector(vector, f"embeddings.vectors.{index}") for index, vector in enumerate(given.vectors)]
    return tuple(Embedding(vector, given.space) for vector in vectors)


def unit_vector(given: str | list[float], where: str) -> NDArray[np.float32]:
    """A (D,) float32 vector of unit length.

    Raises:
        Refused: 422, it is no Base64 of float32 numbers, or has no direction.
    """
    if isinstance(given, str):
        try:
            content = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError):
            raise _no_vector(where, "it is no Base64") from None
        if not content or len(content) % 4 or len(content) > 4 * MAX_DIMENSION:
            raise _no_vector(where, f"it has {len(content)} bytes, not 4 for each of 1 to {MAX_DIMENSION} numbers")
        vector = np.frombuffer(content, "<f4").astype(np.float64)
    else:
        vector = np.asarray(given, np.float64)
    largest = float(np.max(np.abs(vector)))
    if not np.isfinite(largest) or largest == 0:
        raise _no_vector(where, "its numbers are not all finite, or all are 0")
    scaled = vector / largest  # squares of very large numbers would overflow
    return np.asarray(scaled / np.linalg.norm(scaled), np.float32)


def vector_base64(vector: NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(vector, "<f4").tobytes()).decode("ascii")


def _no_vector(where: str, why: str) -> Refused:
    return Refused(422, "not_a_vector", f"{where} is no vector: {why}.")
