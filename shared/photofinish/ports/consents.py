"""Consent records of people, and the suppression list of those who opted out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from photofinish.domain.consent import ConsentRecord, ConsentStatement
from photofinish.domain.face import Embedding
from photofinish.domain.suppression import OptOut, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedStatement:
    """A statement about the purpose for which an album indexes faces."""

    record: ConsentRecord
    counts: bool
    """Whether it is the latest one of its purpose."""
    opt_out: OptOut | None = None
    """The entry of the suppression list of a withdrawal that counts; it is not applied yet."""


class Consents(Protocol):
    """The consent history of each person. Rows are only added; they are deleted with their person."""

    def record(self, album: str, person_id: str, statement: ConsentStatement, *, by: str) -> ConsentRecord:
        """Add a statement to the person's history; the same statement again changes nothing and returns its record.

        Raises:
            UnknownPerson: the album has no such person.
        """
        ...

    def record_about_faces(
        self, album: str, person_id: str, statement: ConsentStatement, *, by: str, refusal: Refusal | None
    ) -> RecordedStatement:
        """As :meth:`record`; if the statement counts, with what follows on the suppression list, in one transaction.

        A withdrawal adds the person by `refusal`, or has an entry that they have already applied again, so that the
        faces that are indexed go even if this process dies now. Consent (`refusal` None) removes the entries that
        withdrawals of the person made.
        """
        ...

    def records(self, album: str, person_id: str) -> list[ConsentRecord]:
        """Return the person's history in the order of the statements' times; empty for an unknown person."""
        ...

    def consenting(
        self, album: str, purpose: str, faces: Sequence[Embedding], *, min_similarity: float
    ) -> list[str | None]:
        """Return for each face the enrolled person it matches best who consents to `purpose` now; None for no such.

        A face matches a person if its similarity to one of their accepted enrolment pictures is `min_similarity` or
        more. Embeddings of different spaces do not match.
        """
        ...


class SuppressionList(Protocol):
    """People who opted out. Templates go in and never come out: only questions about faces are answered."""

    def add(self, album: str | None, templates: Sequence[Embedding], *, min_similarity: float, by: str) -> OptOut:
        """Add a person by 1 or more templates. From now on :meth:`suppressed` refuses their faces.

        `album` None means all albums. Faces whose similarity to one of the templates is `min_similarity` or more are
        the person's. The album need not exist yet.

        Raises:
            RejectedInput: `album_name_not_allowed`.
        """
        ...

    def opt_outs(self, album: str | None, *, limit: int, after: str | None = None) -> list[OptOut]:
        """Return entries of `album` (None: those of all albums), oldest first: the page after the entry `after`."""
        ...

    def of_person(self, album: str, person_id: str) -> list[OptOut]:
        """Return the entries of `album` that a person's withdrawals made."""
        ...

    def remove(self, album: str | None, opt_out_id: str) -> bool:
        """Delete an entry of `album` with its templates, for good; False for an unknown one."""
        ...

    def suppressed(self, album: str, faces: Sequence[Embedding]) -> list[bool]:
        """Return for each face whether it is of a person who opted out of `album`, or of all albums."""
        ...

    def indexed_faces(self, album: str, opt_out_id: str) -> list[str]:
        """Return the ids of the indexed faces of `album` that an entry refuses."""
        ...

    def applied(self, opt_out_id: str) -> None:
        """Record that the faces that were indexed before are gone, or delete an entry without templates.

        Twice equals once.
        """
        ...

    def not_applied(self, *, limit: int) -> list[OptOut]:
        """Return entries whose faces may still be indexed, oldest first."""
        ...
