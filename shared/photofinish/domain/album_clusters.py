"""What a clustering run of an album reads, decides and writes."""

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
    """A face of the album, and the person that it is assigned to so far."""

    face_id: str
    photo: int
    """The same number for all faces of one photo."""
    quality: float
    person_id: str | None = None
    source: FaceSource | None = None

    @property
    def is_decided(self) -> bool:
        """Whether a user decided whose face it is."""
        return self.source in (FaceSource.CONFIRMED, FaceSource.KEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledFace:
    """The face of an enrolment picture."""

    person_id: str
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumSpace:
    """The faces of one album in one embedding space, which are clustered together."""

    faces: Sequence[AlbumFace]
    vectors: NDArray[np.float32] = field(repr=False)
    """(N, D) unit rows, of the faces."""
    enrolled: Sequence[EnrolledFace] = ()
    enrolled_vectors: NDArray[np.float32] | None = field(repr=False, default=None)
    """(E, D) unit rows, of the enrolled faces; None for none."""
    rejected: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Person id → ids of faces that are not theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteringState:
    """The state of an album's clustering; None where it has not run yet."""

    requested: int
    """How often a run was requested."""
    handled: int
    """`requested` when the last finished run began."""
    people_changes: int
    """How often users changed the album's people."""
    ran_at: datetime | None
    full_at: datetime | None
    """When it last ran from scratch."""
    faces: int | None
    summary: Mapping[str, Any] | None
    """What the last run found, and the calibration of similarities in this album."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumContent:
    """All faces of an album at one time."""

    state: ClusteringState
    spaces: Mapping[str, AlbumSpace]
    """By the name of the embedding space."""

    @property
    def face_count(self) -> int:
        return sum(len(space.faces) for space in self.spaces.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The people that a clustering run assigns the faces of one embedding space to."""

    person_of: Mapping[str, str]
    """Face id → person id; undecided faces that are missing here become unassigned."""
    new_people: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassignment:
    """The difference between the current assignment of faces and a new one."""

    new_people: frozenset[str]
    assigned: Mapping[str, str]
    """Face id → new person id."""
    unassigned: frozenset[str]
    """Face ids."""
    changed_people: frozenset[str]
    """People that gain or lose faces, new ones included."""


def reassignment(faces: Sequence[AlbumFace], assignment: Assignment) -> Reassignment:
    """What `assignment` changes; decided faces stay as they are."""
    changed = [
        (face, assignment.person_of.get(face.face_id))
        for face in faces
        if not face.is_decided and assignment.person_of.get(face.face_id) != face.person_id
    ]
    people = {person_id for face, new in changed for person_id in (face.person_id, new) if person_id is not None}
    return Reassignment(
        new_people=assignment.new_people,
        assigned={face.face_id: new for face, new in changed if new is not None},
        unassigned=frozenset(face.face_id for face, new in changed if new is None),
        changed_people=assignment.new_people | people,
    )
