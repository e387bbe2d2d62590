"""People of an album: somebody enrolled, or a cluster of faces, with a name or without."""

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
from photofinish.errors import RejectedInput

MAX_NAME_CHARS = 200
MAX_NUMBER_CHARS = 20


class FaceSource(StrEnum):
    """Why a face counts as a person's."""

    CONFIRMED = "confirmed"
    """Somebody said so of this face."""
    KEPT = "kept"
    """It was the person's when somebody named, merged or split it: clustering does not take it away."""
    CLUSTERED = "clustered"
    """It is similar; the next clustering may decide otherwise."""


class UploadStatus(StrEnum):
    """Where an enrolment picture is on its way."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One picture to enrol somebody with."""

    upload_id: str
    person_id: str
    status: UploadStatus
    code: str | None
    """Why it was refused, for programs."""
    message: str | None
    """The same for people."""
    expires_at: datetime
    """Until when the signed address takes the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of an album; without a name it is a cluster."""

    person_id: str
    """Lower-case 8-4-4-4-12 hexadecimal; stays the same from run to run of the clustering."""
    album: str
    name: str | None
    user_id: str | None
    """Of the Rekognition API, unique in the album."""
    created_at: datetime
    face_count: int
    """Faces of the album's photos."""
    confirmed_count: int
    """Those of them that somebody confirmed."""
    enrolled_count: int
    """Enrolment pictures that were accepted."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """An embedding and how much it counts: its face's quality, 0 to 1."""

    embedding: Embedding
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceChanges:
    """What became of faces that were to be given to somebody, or taken from them."""

    changed: tuple[str, ...]
    """Face ids for which it holds now, those for which it held before among them; in the order asked for."""
    refused: Mapping[str, str]
    """Face id → `unknown_face`, `other_person` (it is another user's), `not_similar` or `not_theirs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A change that was made."""

    person: Person
    operation_id: int | None
    """By which it can be undone; None where nothing changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFaces:
    """A change of faces that was made."""

    changes: FaceChanges
    operation_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A change as it was recorded."""

    operation_id: int
    kind: str
    """`create`, `rename`, `delete`, `associate`, `disassociate`, `confirm`, `reject`, `merge`, `split`, `number`, …"""
    done_at: datetime
    done_by: str
    person_ids: tuple[str, ...]
    is_reversible: bool
    """False where somebody whom it touched was deleted since."""
    undoes: int | None
    undone_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFace:
    """A face of a person as apps see it."""

    face_id: str
    photo: PhotoRef
    box: Box
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDocument:
    """What apps see of a person: nothing biometric."""

    person: Person
    faces: tuple[ShownFace, ...]
    """The best `MAX_FACES`, the best first."""
    numbers: tuple[PersonNumber, ...]


def check_name(name: str) -> str:
    """The name without spaces around it.

    Raises:
        RejectedInput: `person_name_not_allowed`, for one that is empty, too long or holds control characters.
    """
    stripped = name.strip()
    if not 0 < len(stripped) <= MAX_NAME_CHARS or not stripped.isprintable():
        raise RejectedInput(
            "person_name_not_allowed", f"A name has 1 to {MAX_NAME_CHARS} printable characters; this one does not."
        )
    return stripped


def centroids(faces: Sequence[Weighted]) -> list[Embedding]:
    """The mean of the embeddings, weighted by quality and brought to unit length, per embedding space, by its name.

    A space whose mean is 0 (opposite faces) has none.
    """
    spaces: dict[str, list[Weighted]] = {}
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


def fitting(faces: Sequence[Weighted], *, min_similarity: float) -> NDArray[np.bool_]:
    """Which of these faces, said to be one person's, fit together: (N,).

    The largest set of faces of which each is similar enough to the set's best one; among sets of one size that of the
    highest total quality. The answer does not depend on the order of the faces (exact ties apart).
    """
    if not faces:
        return np.zeros(0, bool)
    rows = np.stack([face.embedding.vector for face in faces])
    qualities = np.array([face.quality for face in faces])
    similar = (rows @ rows.T >= min_similarity) | np.eye(len(faces), dtype=bool)
    best = max(range(len(faces)), key=lambda i: (similar[i].sum(), qualities[similar[i]].sum(), qualities[i]))
    fits: NDArray[np.bool_] = similar[best]
    return fits
