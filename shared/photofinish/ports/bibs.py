"""Bib numbers of photos: users' corrections, reading again by other rules, and which documents are out of date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from photofinish.domain.bib_changes import BibOperation, CorrectedPhoto, PhotoBibs, Rescoring
from photofinish.domain.bib_corrections import CorrectionRequest, EffectiveBib
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.errors import NotFound


class UnknownPhoto(NotFound):
    """The album has no such photo."""

    code = "unknown_photo"

    def __init__(self) -> None:
        super().__init__("This album has no photo with this id.")


class BibCorrections(Protocol):
    """Users' corrections. Each is recorded as an operation, applies to every later analysis, and can be undone.

    Corrections belong to one generation of a photo: a newer one may be another picture. `by` is the principal.
    """

    def correct(self, album: str, photo_id: str, request: CorrectionRequest, *, by: str) -> CorrectedPhoto:
        """Record a correction and apply it, in one transaction.

        Raises:
            NotFound: `unknown_photo`, `unknown_bib` or `unknown_face`.
            Conflict: `several_bibs`, or `not_analysed`: the photo has no result yet.
            RejectedInput: `number_not_allowed`.
        """
        ...

    def undo(self, album: str, operation_id: int, *, by: str) -> CorrectedPhoto:
        """Undo a correction, or an undo; the result's operation can be undone in turn.

        Raises:
            NotFound: the album has no such operation.
            Conflict: `already_undone`; `changed_since`, a later correction of the photo is about the same number;
                `photo_replaced`, the photo has another generation since.
        """
        ...

    def operations(
        self, album: str, *, photo_id: str | None = None, limit: int, before: int | None = None
    ) -> list[BibOperation]:
        """The latest operations (on one photo, if given), newest first: the page before the operation `before`."""
        ...

    def expire(self, before: datetime) -> int:
        """Forget operations made before then: delete those that do not apply, and who made those that do.

        Returns how many were deleted.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedVersion:
    """A photo of the index, and the pipeline version that analysed it."""

    photo: PhotoRef
    pipeline_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAgain:
    """What was found in the stored text of one photo."""

    version: AnalyzedVersion
    bibs: tuple[EffectiveBib, ...]
    """Before corrections."""
    faces: Mapping[str, Box]
    """Face id → box, in the order of the analysis."""


class BibRescoring(Protocol):
    """Which photos follow earlier rules than their album has now, and their numbers by the new rules."""

    def exclusively(self, album: str) -> AbstractContextManager[bool]:
        """Take the album's lock for reading photos again; False where another process holds it."""
        ...

    def outdated(self, album: str, fingerprint: str, *, limit: int, after: str | None = None) -> list[AnalyzedVersion]:
        """Photos that follow other rules than those of `fingerprint`: the page after the photo id `after`, by id."""
        ...

    def read_again(
        self, album: str, fingerprint: str, found: Sequence[ReadAgain], *, without_text: Sequence[AnalyzedVersion] = ()
    ) -> bool:
        """Replace what was read in these photos, in one transaction, and count what that changed.

        Corrections stay. A photo that was analysed again since is left alone; so are the numbers of those
        `without_text`. Returns False and changes nothing if the album's rules are not those of `fingerprint` any more.
        """
        ...

    def finish(self, album: str, fingerprint: str) -> None:
        """Record that all photos follow these rules, if they are still the album's."""
        ...

    def state(self, album: str, fingerprint: str) -> Rescoring:
        """What changed since the album's rules, which are those of `fingerprint`, were set."""
        ...

    def waiting(self) -> list[str]:
        """Albums whose rules changed, and that are not finished."""
        ...


class BibProjection(Protocol):
    """Photos whose bibs changed without an analysis, so that their documents are out of date."""

    def pending(self, album: str, *, limit: int) -> list[PhotoBibs]:
        """The current bibs of up to `limit` such photos."""
        ...

    def done(self, written: Sequence[PhotoBibs]) -> None:
        """Record that these revisions were written; photos that changed since stay pending."""
        ...

    def pending_albums(self) -> list[str]:
        """Albums with such photos."""
        ...
