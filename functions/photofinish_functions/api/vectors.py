"""Embeddings and plain vectors in requests and answers."""

from __future__ import annotations

import base64
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from photofinish.domain.face import Embedding
from photofinish_functions.api.patterns import PRINTABLE_ASCII
from photofinish_functions.api.schemas import Input, example
from photofinish_functions.refused import Refused

MAX_DIMENSION = 4000  # the most that the index of embeddings supports
_MAX_BASE64_CHARS = 4 * -(-MAX_DIMENSION * 4 // 3) + 4

Vector = (
    Annotated[str, Field(max_length=_MAX_BASE64_CHARS, min_length=1)]
    | Annotated[list[float], Field(min_length=1, max_length=MAX_DIMENSION)]
)
"""A vector of any length but 0: its numbers, or Base64 of them as little-endian float32."""


class Embeddings(Input):
    """Faces of one person that were embedded before, by the same model; only for keys that may use vectors."""

    space: Annotated[str, Field(min_length=1, max_length=100, pattern=PRINTABLE_ASCII)] = Field(
        description="The `embedding_space` of the answer that the vectors are from.",
        json_schema_extra=example("sface-2021dec-2"),
    )
    vectors: list[Vector] = Field(
        min_length=1,
        max_length=5,
        description="Each as a list of numbers, or as Base64 of little-endian float32 numbers. Need not be normalised.",
    )


def embeddings_in(given: Embeddings) -> tuple[Embedding, ...]:
    """The embeddings of a body, normalised to unit length."""
    vectors = [unit_vector(vector, f"embeddings.vectors.{index}") for index, vector in enumerate(given.vectors)]
    return tuple(Embedding(vector, given.space) for vector in vectors)


def unit_vector(given: str | list[float], where: str) -> NDArray[np.float32]:
    """Normalise a vector of a request to unit length: (D,) float32. `where` names its field.

    Raises:
        Refused: 422, it is not Base64 of float32 numbers, not finite, or has length 0.
    """
    if isinstance(given, str):
        try:
            content = base64.b64decode(given, validate=True)
        except ValueError:
            raise _not_a_vector(where, "it is not valid Base64") from None
        if not content or len(content) % 4 or len(content) > 4 * MAX_DIMENSION:
            raise _not_a_vector(where, f"it must have 4 bytes for each of 1 to {MAX_DIMENSION} numbers")
        vector = np.frombuffer(content, "<f4").astype(np.float64)
    else:
        vector = np.asarray(given, np.float64)
    largest = float(np.max(np.abs(vector)))
    if not np.isfinite(largest) or largest == 0:
        raise _not_a_vector(where, "its numbers must be finite, and at least one must not be 0")
    scaled = vector / largest  # squares of very large numbers would overflow
    return np.asarray(scaled / np.linalg.norm(scaled), np.float32)


def vector_base64(vector: NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(vector, "<f4").tobytes()).decode("ascii")


def _not_a_vector(where: str, why: str) -> Refused:
    return Refused(422, "not_a_vector", f"{where} is not a vector: {why}.")
