"""Preconditions of requests for an object: https://docs.cloud.google.com/storage/docs/request-preconditions

fake-gcs-server checks only those on the generation of uploads in one request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

WORDS = "At least one of the pre-conditions you specified did not hold."
_GENERATION, _METAGENERATION = "generation", "metageneration"


class Outcome(Enum):
    HOLD = 200
    NOT_MODIFIED = 304  # a read with "not match"
    FAILED = 412


@dataclass(frozen=True, slots=True)
class Preconditions:
    """Field of the object → the value that it must have, or must not have; 0 is the generation of no object."""

    match: Mapping[str, int]
    not_match: Mapping[str, int]

    def __bool__(self) -> bool:
        return bool(self.match or self.not_match)

    def outcome(self, stored: Mapping[str, str] | None, *, reads: bool) -> Outcome:
        """Whether they hold for the object ``stored`` (None: there is none)."""
        values = {
            _GENERATION: int(stored["generation"]) if stored is not None else 0,
            _METAGENERATION: int(stored.get("metageneration", 1)) if stored is not None else 0,
        }
        if any(values[field] != value for field, value in self.match.items()):
            return Outcome.FAILED
        if any(values[field] == value for field, value in self.not_match.items()):
            return Outcome.NOT_MODIFIED if reads else Outcome.FAILED
        return Outcome.HOLD


def preconditions_of(query: Mapping[str, str], headers: Mapping[str, str]) -> Preconditions:
    """Those in the query (JSON API) or in the headers (XML API).

    Raises:
        ValueError: a value is no number.
    """
    match: dict[str, int] = {}
    not_match: dict[str, int] = {}
    for field in (_GENERATION, _METAGENERATION):
        for found, middle in ((match, ""), (not_match, "Not")):
            value = query.get(f"if{field.capitalize()}{middle}Match")
            if value is None and not middle:
                value = headers.get(f"x-goog-if-{field}-match")
            if value is not None:
                found[field] = int(value)
    return Preconditions(match, not_match)
