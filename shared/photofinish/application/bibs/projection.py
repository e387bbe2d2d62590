"""Write the bibs of photos to their Firestore documents, after a correction or other rules."""

from __future__ import annotations

import logging
from typing import Any

from photofinish.domain.bib_changes import PhotoBibs
from photofinish.domain.geometry import Box
from photofinish.errors import Unavailable
from photofinish.logs import fields
from photofinish.ports import BibProjection, Documents

log = logging.getLogger(__name__)
_PAGE = 100
_DIGITS = 6


def bib_fields(shown: PhotoBibs) -> dict[str, Any]:
    """Build the fields of a photo's document that follow from its bibs."""
    return {
        "bibs": [
            {
                "number": bib.number,
                "ocr_score": round(bib.ocr_score, _DIGITS),
                "partial": bib.partial,
                "candidates": [
                    {"number": one.number, "probability": round(one.probability, _DIGITS)} for one in bib.candidates
                ],
                "box": None if bib.box is None else _rounded(bib.box),
                "face_id": bib.face_id,
                "by_hand": bib.by_hand,
            }
            for bib in shown.bibs
        ],
        "bib_numbers": sorted({bib.number for bib in shown.bibs}),
        "bibs_revision": shown.revision,
    }


class BibProjector:
    """Writes outdated bibs to documents. Several may do so at once: an older revision never replaces a newer one."""

    def __init__(self, projection: BibProjection, documents: Documents) -> None:
        self._projection = projection
        self._documents = documents

    def project(self, album: str) -> None:
        """Write until no document of the album is out of date."""
        while page := self._projection.pending(album, limit=_PAGE):
            self._documents.update_bibs({shown.photo: bib_fields(shown) for shown in page})
            self._projection.done(page)

    def project_soon(self, album: str) -> None:
        """As `project`; while Firestore is unavailable, a later call or the sweep writes the documents."""
        try:
            self.project(album)
        except Unavailable as error:
            log.warning("bibs of documents are not written yet", extra=fields(album=album, reason=str(error)))

    def sweep(self) -> int:
        """Write all outdated bibs of all albums; return the number of albums that had some."""
        albums = self._projection.pending_albums()
        for album in albums:
            self.project(album)
        return len(albums)


def _rounded(box: Box) -> dict[str, float]:
    return {edge: round(value, _DIGITS) for edge, value in box.by_name.items()}
