"""What a picture shows, as searches by words need it: a place in an embedding space that texts share, and labels."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from photofinish.domain.face import Embedding

_STORED = np.dtype("<f2")
_SCORE_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One thing that a picture seems to show."""

    name: str
    """In English."""
    score: float
    """Probability, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depiction:
    """What one picture shows."""

    embedding: Embedding
    labels: tuple[Label, ...] = ()
    """The likeliest first; empty in spaces without labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarityScale:
    """What cosines between texts and pictures mean in one embedding space."""

    unrelated: float
    """Up to here a picture has nothing to do with a text."""
    related: float
    """From here it surely has."""

    def __post_init__(self) -> None:
        if not -1 <= self.unrelated < self.related <= 1:
            raise ValueError(f"a scale rises from -1 to 1, not from {self.unrelated} to {self.related}")

    def value(self, similarity: float) -> float:
        """0 for unrelated, 1 for surely related, even steps between."""
        return min(max((similarity - self.unrelated) / (self.related - self.unrelated), 0.0), 1.0)


def stored_depiction(depiction: Depiction) -> dict[str, Any]:
    """The depiction in a sidecar: the vector in half precision, as the index has it, little-endian, in base64."""
    return {
        "space": depiction.embedding.space,
        "vector": base64.b64encode(depiction.embedding.vector.astype(_STORED).tobytes()).decode("ascii"),
        "labels": [{"name": label.name, "score": round(label.score, _SCORE_DIGITS)} for label in depiction.labels],
    }


def depiction_of(stored: Mapping[str, Any]) -> Depiction:
    """The depiction that :func:`stored_depiction` made this of."""
    vector = np.frombuffer(base64.b64decode(stored["vector"]), _STORED).astype(np.float32)
    return Depiction(
        embedding=Embedding(vector / np.linalg.norm(vector), stored["space"]),
        labels=tuple(Label(name=one["name"], score=one["score"]) for one in stored["labels"]),
    )
