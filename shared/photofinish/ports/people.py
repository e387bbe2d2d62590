"""Who is on the photos: people, and people as users of the Rekognition API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from photofinish.domain.face import Embedding
from photofinish.domain.person import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonMatch:
    """A person and how similar they look to the query: cosine of the centroid of their faces, higher is closer."""

    person: Person
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceChanges:
    """What became of faces that were to be given to somebody, or taken from them."""

    changed: tuple[str, ...]
    """Face ids for which it holds now, those for which it held before among them; in the order asked for."""
    refused: Mapping[str, str]
    """Face id → `unknown_face`, `other_person` (it is another user's), `not_similar` or `not_theirs`."""


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
