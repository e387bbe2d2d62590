"""People of an album: enrolled, or found as a cluster of faces; with or without a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.bib_links import PersonNumber
from photofinish.domain.face import Embedding
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.errors import NotFound, RejectedInput

MAX_NAME_CHARS = 200


class UnknownPerson(NotFound):
    """The album has no such person."""

    code = "unknown_person"

    def __init__(self) -> None:
        super().__init__("This album has no such person.")


class UnknownOperation(NotFound):
    """The album has no such operation."""

    code = "unknown_operation"

    def __init__(self, operation_id: int) -> None:
        super().__init__(f"There is no operation {operation_id} in this album.")


class FaceSource(StrEnum):
    """Why a face is assigned to a person."""

    CONFIRMED = "confirmed"
    """A user confirmed this face."""
    KEPT = "kept"
    """It was assigned to the person when a user named, merged or split them: clustering does not take it away."""
    CLUSTERED = "clustered"
    """It is similar; the next clustering may assign it differently."""


class UploadStatus(StrEnum):
    """The state of an enrolment picture."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One enrolment picture of a person."""

    upload_id: str
    person_id: str
    status: UploadStatus
    code: str | None
    """Why it was refused, for programs."""
    message: str | None
    """Why it was refused, for people."""
    expires_at: datetime
    """When the signed upload URL expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person of an album; without a name a cluster of faces."""

    person_id: str
    """Lower-case 8-4-4-4-12 hexadecimal; stays the same over clustering runs."""
    album: str
    name: str | None
    user_id: str | None
    """Of the Rekognition API, unique in the album."""
    created_at: datetime
    face_count: int
    """Faces on the album's photos."""
    confirmed_count: int
    """Those of these faces that a user confirmed."""
    enrolled_count: int
    """Accepted enrolment pictures."""


@dataclass(frozen=True, slots=True)
class FaceOwner:
    """The person that a face is assigned to."""

    person_id: str
    source: FaceSource
    user_id: str | None
    """The person's, of the Rekognition API."""


@dataclass(frozen=True, slots=True)
class WeightedEmbedding:
    """An embedding and its weight: the quality of its face, 0 to 1."""

    embedding: Embedding
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceChanges:
    """Which of the requested faces are changed, and which are refused; see :mod:`photofinish.domain.people_rules`."""

    changed: tuple[str, ...]
    """Face ids in the requested order, including those that were in the requested state before."""
    refused: Mapping[str, str]
    """Face id → `unknown_face`, `other_person`, `not_similar` or `not_theirs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The result of a change of a person."""

    person: Person
    operation_id: int | None
    """The operation to undo it with; None where nothing changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFaces:
    """The result of a change of a person's faces."""

    changes: FaceChanges
    operation_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A recorded change of an album's people."""

    operation_id: int
    kind: str
    """`create`, `rename`, `delete`, `associate`, `disassociate`, `confirm`, `reject`, `merge`, `split`, `number`, …"""
    done_at: datetime
    done_by: str
    person_ids: tuple[str, ...]
    is_reversible: bool
    """False where a person that it changed was deleted since."""
    undoes: int | None
    undone_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFace:
    """A face of a person in their document."""

    face_id: str
    photo: PhotoRef
    box: Box
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The face that stands for a person."""

    face: ShownFace
    pipeline_version: str
    """Of the face's photo, which names its renditions."""
    placeholder: bytes | None
    """The face's photo has a thumbnail where it has this, see :class:`IndexedPhoto`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleCount:
    """How many people an album has now."""

    people: int
    """All of them, as they are listed."""
    on_photos: int
    """Those with a face on a photo; the others were only enrolled or created."""
    assigned_faces: int
    """Faces on photos that are assigned to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDocument:
    """The Firestore document of a person: nothing biometric."""

    person: Person
    faces: tuple[ShownFace, ...]
    """The best faces, confirmed ones first; not all where a person has very many."""
    numbers: tuple[PersonNumber, ...]


def check_name(name: str) -> str:
    """Return the name without surrounding spaces.

    Raises:
        RejectedInput: `person_name_not_allowed`, for a name that is empty, too long or has unprintable characters.
    """
    stripped = name.strip()
    if not 0 < len(stripped) <= MAX_NAME_CHARS or not stripped.isprintable():
        raise RejectedInput(
            "person_name_not_allowed", f"A name has 1 to {MAX_NAME_CHARS} printable characters; this one does not."
        )
    return stripped


def centroids(faces: Sequence[WeightedEmbedding]) -> list[Embedding]:
    """Per embedding space, in the order of their names: the mean weighted by quality, scaled to unit length.

    A space whose mean is 0 (opposite faces) has no centroid.
    """
    spaces: dict[str, list[WeightedEmbedding]] = {}
    for face in faces:
        spaces.setdefault(face.embedding.space, []).append(face)
    found = []
    for space, members in sorted(spaces.items()):
        weights = np.array([max(face.quality, 1e-3) for face in members], np.float32)
        mean = np.average(np.stack([face.embedding.vector for face in members]), axis=0, weights=weights)
        length = float(np.linalg.norm(mean))
        if length > 1e-6:
            found.append(Embedding((mean / length).astype(np.float32), space))
    return found


def resembles(face: Embedding, centroids: Sequence[Embedding], *, min_similarity: float) -> bool:
    """Whether a face is similar to the person with these centroids; True where they have none in its space."""
    return all(
        float(centroid.vector @ face.vector) >= min_similarity for centroid in centroids if centroid.space == face.space
    )


def fitting(faces: Sequence[WeightedEmbedding], *, min_similarity: float) -> NDArray[np.bool_]:
    """Which of these faces, said to be one person's, fit together: (N,), N may be 0.

    In each embedding space: the largest set of faces that are all similar enough to the set's best face; among equally
    large sets that of the highest total quality. The result does not depend on the order of the faces (exact ties
    apart).
    """
    fits = np.zeros(len(faces), bool)
    spaces = np.array([face.embedding.space for face in faces])
    for space in set(spaces.tolist()):
        rows = np.flatnonzero(spaces == space).tolist()
        vectors = np.stack([faces[row].embedding.vector for row in rows])
        qualities = np.array([faces[row].quality for row in rows])
        similar = (vectors @ vectors.T >= min_similarity) | np.eye(len(rows), dtype=bool)
        best = max(range(len(rows)), key=lambda i: (similar[i].sum(), qualities[similar[i]].sum(), qualities[i]))
        fits[rows] = similar[best]
    return fits
