"""Who is on the photos: people, and people as users of the Rekognition API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from photofinish.domain.bib_links import InferredFace, PersonNumber
from photofinish.domain.face import Embedding
from photofinish.domain.people import Changed, ChangedFaces, FaceChanges, FaceSource, Operation, Person, PersonDocument
from photofinish.ports.face_index import IndexedFace


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonMatch:
    """A person and how similar they look to the query: cosine of the centroid of their faces, higher is closer."""

    person: Person
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFace:
    """A face of a person."""

    face: IndexedFace
    source: FaceSource


class People(Protocol):
    """Who is on the photos of an album. `by` is the principal that asks for a change; it is recorded with it."""

    def create(self, album: str, *, name: str | None = None, by: str) -> Person:
        """A new person without faces. The album need not hold a photo yet."""
        ...

    def get(self, album: str, person_id: str) -> Person | None: ...

    def list_people(
        self, album: str, *, limit: int, after: str | None = None, named: bool | None = None
    ) -> list[Person]:
        """People by falling number of faces, then id: those that follow the person `after`, with a name or without."""
        ...

    def find_by_name(self, album: str, name: str) -> list[Person]:
        """Those whose name has every word of `name`; case does not matter. At most 100, by name."""
        ...

    def rename(self, album: str, person_id: str, name: str | None, *, by: str) -> Person:
        """Give the person this name; clustering does not take away the faces they have now. None takes the name away.

        Raises:
            NotFound: there is no such person.
        """
        ...

    def delete(self, album: str, person_id: str, *, by: str) -> bool:
        """Delete the person with everything that is known of them, for good; False where there is none.

        The faces on the album's photos stay, as nobody's. What was done to the person before cannot be undone any more.
        """
        ...

    def embeddings(self, album: str, person_id: str) -> list[Embedding]:
        """What the person looks like, a centroid per embedding space; empty where nothing is known.

        It is the mean, weighted by quality, of the enrolment pictures and of the faces that somebody confirmed or kept;
        where there are none, of the faces that clustering found.
        """
        ...

    def drop_album(self, album: str) -> None:
        """Delete everybody of `album`, for good; twice equals once."""
        ...


class Users(Protocol):
    """People as users of the Rekognition API: each has a user id, unique in the album, and the faces given to it."""

    def create_user(self, album: str, user_id: str, *, by: str) -> Person:
        """Raises Conflict, code `user_exists`, where the album has this user."""
        ...

    def get_user(self, album: str, user_id: str) -> Person | None: ...

    def delete_user(self, album: str, user_id: str, *, by: str) -> bool:
        """Delete the person as :meth:`People.delete` does; False where there is no such user."""
        ...

    def list_users(self, album: str, *, limit: int, after: str | None = None) -> list[Person]:
        """Users in the order of their ids: those that follow the user id `after`."""
        ...

    def associate_faces(
        self, album: str, user_id: str, face_ids: Sequence[str], *, min_similarity: float, by: str
    ) -> FaceChanges:
        """Confirm faces of the album as the user's; those of another user are refused.

        So are those less similar than `min_similarity` to the centroid of the faces that the user had before; a user
        without faces takes all. Raises NotFound where there is no such user.
        """
        ...

    def disassociate_faces(self, album: str, user_id: str, face_ids: Sequence[str], *, by: str) -> FaceChanges:
        """Take confirmed faces from the user again; clustering does not bring them back. Raises NotFound as above."""
        ...

    def user_faces(self, album: str, user_id: str) -> list[str]:
        """The ids of the faces confirmed as the user's that the album has, in order."""
        ...

    def users_of_faces(self, album: str, face_ids: Sequence[str]) -> dict[str, str]:
        """Face id → user id, of those of `face_ids` that are confirmed as some user's."""
        ...

    def search_users(
        self, album: str, query: Embedding, *, limit: int, min_similarity: float, without: str | None = None
    ) -> list[PersonMatch]:
        """The users whose faces look most like `query`, best first, ties by user id; the user id `without` left out."""
        ...


class PeopleChanges(Protocol):
    """Decisions on people.

    Every change is recorded as an operation and can be undone, until a person it touched is deleted.
    """

    def confirm(self, album: str, person_id: str, face_ids: Sequence[str], *, by: str) -> ChangedFaces:
        """These faces are the person's. One that is confirmed as another's is refused: reject it there first.

        Raises:
            NotFound: there is no such person.
        """
        ...

    def reject(self, album: str, person_id: str, face_ids: Sequence[str], *, by: str) -> ChangedFaces:
        """These faces are not the person's, and never become theirs again unless somebody confirms them.

        Raises:
            NotFound: there is no such person.
        """
        ...

    def merge(self, album: str, into_id: str, other_id: str, *, by: str) -> Changed:
        """The two are one: everything of `other_id` becomes `into_id`'s, whose name and numbers win.

        Raises:
            NotFound: one of them does not exist.
            Conflict: `same_person`; `two_users`; `rejected_faces`, one of them refuses faces decided as the other's.
        """
        ...

    def split(
        self, album: str, person_id: str, face_ids: Sequence[str], *, name: str | None = None, by: str
    ) -> Changed:
        """These faces of the person are somebody else's: the new person is returned.

        Raises:
            NotFound: there is no such person.
            Conflict: `not_theirs`, a face is not the person's; `nothing_left`, or nothing to take.
        """
        ...

    def decide_number(self, album: str, person_id: str, number: str, *, confirmed: bool, by: str) -> Changed:
        """The number is this person's, or is not. What contradicts it stays as it is, and stays flagged.

        Raises:
            NotFound: there is no such person.
            RejectedInput: `number_not_allowed`.
        """
        ...

    def undo(self, album: str, operation_id: int, *, by: str) -> int:
        """Take a change back; the number of the operation that did, which can be undone in turn.

        Raises:
            NotFound: the album has no such operation.
            Conflict: `already_undone`, `not_reversible`, or `changed_since`: something newer depends on it.
        """
        ...

    def operations(self, album: str, *, limit: int, before: int | None = None) -> list[Operation]:
        """The latest changes, newest first: those before the operation `before`."""
        ...

    def expire(self, before: datetime) -> int:
        """Forget changes made before then, which cannot be undone any more; how many these were."""
        ...

    def faces(self, album: str, person_id: str, *, limit: int, offset: int = 0) -> list[PersonFace]:
        """The person's faces in the album: confirmed ones first, then the best."""
        ...

    def rejected(self, album: str, person_id: str) -> set[str]:
        """The ids of the faces that somebody said are not this person's."""
        ...

    def owners(self, album: str, face_ids: Sequence[str]) -> dict[str, tuple[str, FaceSource]]:
        """Face id → person and why, of those of `face_ids` that are somebody's."""
        ...

    def numbers(self, album: str, person_id: str) -> list[PersonNumber]:
        """The numbers that may be the person's, best first, with their evidence and what contradicts them."""
        ...

    def faces_by_number(self, album: str, number: str, limit: int) -> list[InferredFace]:
        """Up to `limit` faces of people wearing `number`, likeliest first, as :func:`inferred_faces` defines them.

        Includes faces on photos on which the number itself was read.
        """
        ...


class PeopleProjection(Protocol):
    """Which people's documents are out of date, and what they should contain."""

    def exclusively(self, album: str) -> AbstractContextManager[bool]:
        """Whether nobody else writes the album's documents, so that an older state never follows a newer one."""
        ...

    def pending(self, album: str) -> dict[str, int]:
        """Some of the people whose documents are out of date, and at which revision they are."""
        ...

    def pending_albums(self) -> list[str]:
        """Albums with documents that are out of date."""
        ...

    def documents(self, album: str, person_ids: list[str]) -> dict[str, PersonDocument | None]:
        """What the documents of these people are to be now; None for somebody who is gone."""
        ...

    def done(self, revisions: Mapping[str, int]) -> None:
        """The documents were written at these revisions; whoever changed since stays pending."""
        ...


class PeopleDocuments(Protocol):
    """Where apps see people."""

    def write(self, album: str, documents: Mapping[str, PersonDocument | None]) -> None:
        """Make these the documents of these people; None removes one. Twice equals once."""
        ...
