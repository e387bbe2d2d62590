"""Correct a bib number of a photo, or undo that, so that everything that reads numbers sees it."""

from __future__ import annotations

from collections.abc import Callable

from photofinish.application.bibs.projection import BibProjector
from photofinish.domain.bib_changes import CorrectedPhoto
from photofinish.domain.bib_corrections import CorrectionRequest
from photofinish.ports import BibCorrections


class BibCorrector:
    """Corrects numbers in the index, then writes the documents of the photo and of the people concerned."""

    def __init__(
        self, corrections: BibCorrections, projector: BibProjector, *, publish_people: Callable[[str], None]
    ) -> None:
        """`publish_people(album)` brings the documents of the album's people up to date."""
        self._corrections = corrections
        self._projector = projector
        self._publish_people = publish_people

    def correct(self, album: str, photo_id: str, request: CorrectionRequest, *, by: str) -> CorrectedPhoto:
        """See :meth:`BibCorrections.correct`."""
        return self._published(album, self._corrections.correct(album, photo_id, request, by=by))

    def undo(self, album: str, operation_id: int, *, by: str) -> CorrectedPhoto:
        """See :meth:`BibCorrections.undo`."""
        return self._published(album, self._corrections.undo(album, operation_id, by=by))

    def _published(self, album: str, done: CorrectedPhoto) -> CorrectedPhoto:
        self._projector.project_soon(album)
        self._publish_people(album)
        return done
