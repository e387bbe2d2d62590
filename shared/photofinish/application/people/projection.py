"""Brings what changed of people to where apps see it."""

from __future__ import annotations

import logging

from photofinish.errors import Unavailable
from photofinish.logs import fields
from photofinish.ports import PeopleDocuments, PeopleProjection

log = logging.getLogger(__name__)


class PeopleProjector:
    """Writes the documents of an album's people that are out of date; one process at a time per album does."""

    def __init__(self, projection: PeopleProjection, documents: PeopleDocuments) -> None:
        self._projection = projection
        self._documents = documents

    def project(self, album: str) -> None:
        """Write until nothing is out of date, or another process writes already, which looks again when it is done."""
        while True:
            with self._projection.exclusively(album) as alone:
                if not alone:
                    return
                while revisions := self._projection.pending(album):
                    self._documents.write(album, self._projection.documents(album, list(revisions)))
                    self._projection.done(revisions)
            if not self._projection.pending(album):
                return

    def project_soon(self, album: str) -> None:
        """As `project`; where Firestore is away, what was changed stays changed and a later call or sweep writes it."""
        try:
            self.project(album)
        except Unavailable as error:
            log.warning("people are not shown yet", extra=fields(album=album, reason=str(error)))

    def sweep(self) -> int:
        """Write whatever is out of date in any album; how many albums had something."""
        albums = self._projection.pending_albums()
        for album in albums:
            self.project(album)
        return len(albums)
