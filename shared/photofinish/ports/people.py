"""People on the photos of an album, also as users of the Rekognition API, and their documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from photofinish.domain.bib_links import InferredFace, PersonNumber
from photofinish.domain.face import Embedding
from photofinish.domain.people import (
    Changed,
    ChangedFaces,
    Cover,
    FaceChanges,
    FaceOwner,
    FaceSource,
    Operation,
    PeopleCount,
    Person,
    PersonDocument,
)
from photofinish.ports.face_index import IndexedFace


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonMatch:
    """A person and the cosine similarity of the centroid of their faces to the query."""

    person: Person
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFace:
    """A face assigned to a person."""

    face: IndexedFace
    source: FaceSource


class People(Protocol):
    """The people of an album. `by` is the principal that requests a change; it is recorded with the change.

    `rename` and `faces` raise UnknownPerson where the album has no such person.
    """

    def create(self, album: str, *, name: str | None = None, by: str) -> Person:
        """Create a person without faces. The album need not hold a photo yet."""
        ...

    def get(self, album: str, person_id: str) -> Person | None: ...

    def list_people(
        self, album: str, *, limit: int, after: str | None = None, named: bool | None = None
    ) -> list[Person]:
        """List people by falling number of faces, then id: the page after the person `after`.

        `named` selects people with a name (True) or without (False).
        """
        ...

    def count(self, album: str) -> PeopleCount:
        """Count the people of `album` and their faces as they are now; zeros for an unknown album."""
        ...

    def covers(self, album: str, person_ids: Sequence[str]) -> dict[str, Cover]:
        """Person id → their best face, the first one of :meth:`faces`, of those of `person_ids` with a face."""
        ...

    def find_by_name(self, album: str, name: str) -> list[Person]:
        """Find people whom `name` means, in any case; see :func:`name_match`. At most 100, by name."""
        ...

    def rename(self, album: str, person_id: str, name: str | None, *, by: str) -> Person:
        """Set the person's name, so that clustering does not take their current faces away; None removes it."""
        ...

    def embeddings(self, album: str, person_id: str) -> list[Embedding]:
        """The person's centroid in each embedding space; empty for a person without faces and pictures.

        It is the mean, weighted by quality, of the accepted enrolment pictures and the confirmed and kept faces; where
        there are none, of the faces that clustering assigned.
        """
        ...

    def faces(self, album: str, person_id: str, *, limit: int, offset: int = 0) -> list[PersonFace]:
        """The person's faces in the album: confirmed ones first, then by falling quality."""
        ...

    def rejected_faces(self, album: str, person_id: str) -> set[str]:
        """The ids of the faces that were rejected for this person."""
        ...

    def face_owners(self, album: str, face_ids: Sequence[str]) -> dict[str, FaceOwner]:
        """Face id → the person it is assigned to, of those of `face_ids` that are assigned."""
        ...


class Users(Protocol):
    """People as users of the Rekognition API: each has a user id, unique in the album, and faces associated with it."""

    def create_user(self, album: str, user_id: str, *, by: str) -> Person:
        """Raises Conflict, code `user_exists`, where the album already has this user."""
        ...

    def get_user(self, album: str, user_id: str) -> Person | None: ...

    def list_users(self, album: str, *, limit: int, after: str | None = None) -> list[Person]:
        """List users by user id: the page after the user id `after`."""
        ...

    def associate_faces(
        self, album: str, user_id: str, face_ids: Sequence[str], *, min_similarity: float, by: str
    ) -> FaceChanges:
        """Confirm faces of the album as the user's; refuse faces of other users, and dissimilar ones.

        Dissimilar are faces below `min_similarity` to the centroid of the user's confirmed faces; a user without faces
        accepts every face.

        Raises:
            NotFound: the album has no such user.
        """
        ...

    def disassociate_faces(self, album: str, user_id: str, face_ids: Sequence[str], *, by: str) -> FaceChanges:
        """Reject confirmed faces of the user; clustering does not assign them again.

        Raises:
            NotFound: the album has no such user.
        """
        ...

    def user_faces(self, album: str, user_id: str) -> list[str]:
        """The ids of the album's faces that are confirmed as the user's, in order."""
        ...

    def users_of_faces(self, album: str, face_ids: Sequence[str]) -> dict[str, str]:
        """Face id → user id, of those of `face_ids` that are confirmed as a user's."""
        ...

    def search_users(
        self, album: str, query: Embedding, *, limit: int, min_similarity: float, without: str | None = None
    ) -> list[PersonMatch]:
        """The users most similar to `query`, best first, ties by user id; without the user id `without`."""
        ...


class PeopleChanges(Protocol):
    """Decisions about people. Each is recorded as an operation and can be undone, until a person it changed is deleted.

    The rules are in :mod:`photofinish.domain.people_rules`. Raises UnknownPerson where the album has no such person.
    """

    def confirm(self, album: str, person_id: str, face_ids: Sequence[str], *, by: str) -> ChangedFaces:
        """Confirm faces as the person's. A face confirmed as another person's is refused: reject it there first."""
        ...

    def reject(self, album: str, person_id: str, face_ids: Sequence[str], *, by: str) -> ChangedFaces:
        """Record that faces are not the person's: only confirming assigns them to the person again."""
        ...

    def merge(self, album: str, into_id: str, other_id: str, *, by: str) -> Changed:
        """Merge `other_id` with all their data into `into_id`, whose name and decided numbers take precedence.

        Raises:
            Conflict: `same_person`; `two_users`; `rejected_faces`, decided faces of one were rejected for the other.
        """
        ...

    def split(
        self, album: str, person_id: str, face_ids: Sequence[str], *, name: str | None = None, by: str
    ) -> Changed:
        """Move these faces of the person to a new person, and return the new person.

        Raises:
            Conflict: `not_theirs`, a face is not the person's; `nothing_left`, all of their faces or none are given.
        """
        ...

    def decide_number(self, album: str, person_id: str, number: str, *, confirmed: bool, by: str) -> Changed:
        """Confirm or reject a bib number for the person. What contradicts it stays as it is, and stays flagged.

        Raises:
            RejectedInput: `number_not_allowed`.
        """
        ...

    def undo(self, album: str, operation_id: int, *, by: str) -> int:
        """Undo a change; return the id of the operation that this is, which can be undone in turn.

        Raises:
            UnknownOperation: the album has no such operation.
            Conflict: `already_undone`, `not_reversible`, or `changed_since`: a later change depends on it.
        """
        ...

    def operations(self, album: str, *, limit: int, before: int | None = None) -> list[Operation]:
        """The latest changes, newest first: the page before the operation `before`."""
        ...

    def expire(self, before: datetime) -> int:
        """Delete operations made before then, which cannot be undone any more; return how many."""
        ...


class PeopleNumbers(Protocol):
    """Bib numbers of people, inferred from the numbers read beside their faces, or decided by users."""

    def numbers(self, album: str, person_id: str) -> list[PersonNumber]:
        """The numbers that the person may wear, best first, with evidence and conflicts; none for an unknown person."""
        ...

    def numbers_of(self, album: str, person_ids: Sequence[str]) -> dict[str, list[PersonNumber]]:
        """As :meth:`numbers`, of several people: person id → numbers."""
        ...

    def faces_by_number(self, album: str, number: str, limit: int) -> list[InferredFace]:
        """Up to `limit` faces of people wearing `number`, likeliest first, as :func:`inferred_faces` defines them.

        Includes faces on photos on which the number itself was read.
        """
        ...


class PeopleProjection(Protocol):
    """Which documents of people are out of date, and what they should contain."""

    def exclusively(self, album: str) -> AbstractContextManager[bool]:
        """Take the album's lock for writing documents, so that an older state never follows a newer one.

        False where another process holds it.
        """
        ...

    def pending(self, album: str) -> dict[str, int]:
        """Person id → revision, of some of the people whose documents are out of date."""
        ...

    def pending_albums(self) -> list[str]:
        """Albums with documents that are out of date."""
        ...

    def documents(self, album: str, person_ids: list[str]) -> dict[str, PersonDocument | None]:
        """The current documents of these people; None for a deleted person."""
        ...

    def done(self, revisions: Mapping[str, int]) -> None:
        """Record that these revisions were written; people who changed since stay pending."""
        ...


class PeopleDocuments(Protocol):
    """The documents of people that apps read."""

    def write(self, album: str, documents: Mapping[str, PersonDocument | None]) -> None:
        """Replace the documents of these people; None deletes one. Twice equals once."""
        ...
