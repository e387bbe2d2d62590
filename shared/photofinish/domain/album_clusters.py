"""What a clustering run of an album reads and decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.people import FaceSource


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumFace:
    """A face of the album, and whose it is so far."""

    face_id: str
    photo: int
    """The same number for all faces of one photo."""
    quality: float
    person_id: str | None = None
    source: FaceSource | None = None

    @property
    def is_decided(self) -> bool:
        """Whether somebody decided whose it is."""
        return self.source in (FaceSource.CONFIRMED, FaceSource.KEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledFace:
    """The face of an enrolment picture."""

    person_id: str
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumSpace:
    """Everything that is clustered together: one album's faces in one embedding space."""

    faces: Sequence[AlbumFace]
    vectors: NDArray[np.float32] = field(repr=False)
    """(N, D), of the faces."""
    enrolled: Sequence[EnrolledFace] = ()
    enrolled_vectors: NDArray[np.float32] | None = field(repr=False, default=None)
    """(E, D), of the enrolled faces; None where there are none."""
    rejected: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Person → ids of faces that are not theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteringState:
    """Where an album's clustering stands."""

    requested: int
    """How often it was asked for."""
    handled: int
    """How much of that the last run had seen."""
    people_changes: int
    """How often somebody changed the album's people."""
    ran_at: datetime | None
    full_at: datetime | None
    """When it last began from scratch."""
    faces: int | None
    summary: Mapping[str, Any] | None
    """What the last run found, and how sure similarities are in this album."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumContent:
    """All faces of an album at one moment."""

    state: ClusteringState
    spaces: Mapping[str, AlbumSpace]
    """By the name of the embedding space."""

    @property
    def face_count(self) -> int:
        return sum(len(space.faces) for space in self.spaces.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Whose each face is after the run."""

    person_of: Mapping[str, str]
    """Face id → person id, of the faces that nobody decided on; the others of them are nobody's."""
    new_people: frozenset[str]
