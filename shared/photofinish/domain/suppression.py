"""The suppression list: people who opted out, each known by templates that are kept only for refusing their faces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from photofinish.domain.face import Embedding
from photofinish.domain.matching import Calibration

# Below the threshold of a search: a face that is withheld in error is one face less to find; a face that is indexed in
# error breaks a promise. docs/consent.md has the measured rates of both.
BELOW_MIN_SIMILARITY = 0.12


class OptOutSource(StrEnum):
    """How a person came on the suppression list."""

    SELFIE = "selfie"
    """A picture of them was sent for this."""
    WITHDRAWAL = "withdrawal"
    """They withdrew their consent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Which faces are refused: those whose similarity to one of the templates is `min_similarity` or more."""

    templates: tuple[Embedding, ...]
    min_similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """An entry of the suppression list, without its templates."""

    opt_out_id: str
    """Lower-case 8-4-4-4-12 hexadecimal; what a person needs to be removed from the list again."""
    album: str | None
    """None: all albums, also future ones."""
    source: OptOutSource
    person_id: str | None
    """Of a withdrawal: the person, until they are deleted."""
    templates: int
    """How many pictures or faces of the person the entry was made of.

    0 for a withdrawal by a person of whom there is none: such an entry refuses nothing, and goes once it is applied.
    """
    added_at: datetime
    added_by: str
    applied_at: datetime | None
    """When the faces that were indexed before were gone; None until then."""


def suppression_similarity(calibration: Calibration) -> float:
    """Return the similarity to a template from which on a face is refused."""
    return calibration.min_similarity - BELOW_MIN_SIMILARITY
