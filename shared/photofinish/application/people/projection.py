"""Write the changed documents of people to Firestore, where apps read them."""

from __future__ import annotations

import logging

from photofinish.errors import Unavailable
from photofinish.logs import fields
from photofinish.ports import PeopleDocuments, PeopleProjection

log = logging.getLogger(__name__)


class PeopleProjector:
    """Writes outdated documents of people, one process at a time per album."""

    def __init__(self, projection: PeopleProjection, documents: PeopleDocuments) -> None:
        self._projection = projection
        self._documents = documents

    def project(self, album: str) -> None:
        """Write until nothing is out of date, or another process is writing, which checks again when it is done."""
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
        """As `project`; while Firestore is unavailable, a later call or the sweep writes the documents."""
        try:
            self.project(album)
        except Unavailable as error:
            log.warning("documents of people are not written yet", extra=fields(album=album, reason=str(error)))

    def sweep(self) -> int:
        """Write all outdated documents of all albums; return the number of albums that had some."""
        albums = self._projection.pending_albums()
        for album in albums:
            self.project(album)
        return len(albums)
