"""Which changes of an album's people are allowed: of faces, merges, splits and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from photofinish.domain.bib_number import normal_number
from photofinish.domain.face import Embedding
from photofinish.domain.people import FaceChanges, FaceOwner, FaceSource, Person
from photofinish.errors import Conflict, RejectedInput

MAX_NUMBER_CHARS = 20

Owners = Mapping[str, FaceOwner | None]
"""Face id → the person that the face is assigned to, None for none; without unknown faces."""


def faces_to_confirm(face_ids: Sequence[str], owners: Owners, person_id: str) -> FaceChanges:
    """Refuse faces confirmed as another person's: `other_person`."""
    return _allowed(
        face_ids, owners, lambda _, owner: None if _confirmed_as(owner) in (None, person_id) else "other_person"
    )


def faces_to_reject(face_ids: Sequence[str], owners: Owners) -> FaceChanges:
    """Refuse only unknown faces."""
    return _allowed(face_ids, owners, lambda _, __: None)


def faces_to_associate(
    face_ids: Sequence[str],
    owners: Owners,
    person_id: str,
    *,
    embeddings: Mapping[str, Embedding],
    centroids: Sequence[Embedding],
    min_similarity: float,
) -> FaceChanges:
    """Refuse faces confirmed as another user's, `other_person`, and dissimilar ones, `not_similar`.

    A face must be similar to the user's centroid of its embedding space, unless the user has no centroids at all.
    `embeddings` has all known faces.
    """
    centroid_of = {centroid.space: centroid.vector for centroid in centroids}

    def is_similar(embedding: Embedding) -> bool:
        centroid = centroid_of.get(embedding.space)
        return centroid is not None and float(centroid @ embedding.vector) >= min_similarity

    def refusal(face_id: str, owner: FaceOwner | None) -> str | None:
        if _confirmed_as(owner) == person_id:
            return None
        if owner is not None and owner.user_id is not None and _confirmed_as(owner) is not None:
            return "other_person"
        return None if not centroids or is_similar(embeddings[face_id]) else "not_similar"

    return _allowed(face_ids, owners, refusal)


def faces_to_disassociate(face_ids: Sequence[str], owners: Owners, person_id: str) -> FaceChanges:
    """Refuse faces that are not confirmed as the user's: `not_theirs`."""
    return _allowed(face_ids, owners, lambda _, owner: None if _confirmed_as(owner) == person_id else "not_theirs")


def check_merge(into: Person, other: Person, *, contradictions: int) -> None:
    """Check whether `other` may become `into`; `contradictions` counts decided faces of each rejected for the other.

    Raises:
        Conflict: `same_person`, `two_users` or `rejected_faces`.
    """
    if into.person_id == other.person_id:
        raise Conflict("same_person", "A person cannot be merged with themselves.")
    if into.user_id is not None and other.user_id is not None:
        raise Conflict("two_users", "Both are users of the Rekognition API: delete one of the users first.")
    if contradictions:
        raise Conflict(
            "rejected_faces",
            f"{contradictions} faces of one person were rejected for the other: undo that, or reject them for both.",
        )


def check_split(person: Person, face_ids: Sequence[str], owners: Owners) -> None:
    """Check whether these faces may be split off `person`.

    Raises:
        Conflict: `not_theirs` or `nothing_left`.
    """
    owned = [owners.get(face_id) for face_id in face_ids]
    if not all(owner is not None and owner.person_id == person.person_id for owner in owned):
        raise Conflict("not_theirs", "Some of these faces are not this person's; nothing was changed.")
    if not 0 < len(set(face_ids)) < person.face_count:
        raise Conflict("nothing_left", "A split takes some of the person's faces, and leaves some.")


def checked_number(number: str) -> str:
    """Return a number that a user typed in its normal form.

    Raises:
        RejectedInput: `number_not_allowed`: it cannot be a bib number.
    """
    normal = normal_number(number)
    if not 0 < len(normal) <= MAX_NUMBER_CHARS or not normal.isprintable():
        raise RejectedInput("number_not_allowed", f"A number has 1 to {MAX_NUMBER_CHARS} printable characters.")
    return normal


def _allowed(
    face_ids: Sequence[str], owners: Owners, refusal: Callable[[str, FaceOwner | None], str | None]
) -> FaceChanges:
    codes = {
        face_id: refusal(face_id, owners[face_id]) if face_id in owners else "unknown_face" for face_id in face_ids
    }
    return FaceChanges(
        changed=tuple(face_id for face_id, code in codes.items() if code is None),
        refused={face_id: code for face_id, code in codes.items() if code is not None},
    )


def _confirmed_as(owner: FaceOwner | None) -> str | None:
    """The id of the person that a face is confirmed as."""
    return owner.person_id if owner is not None and owner.source is FaceSource.CONFIRMED else None
