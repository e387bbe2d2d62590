"""Write what signed-in users may do in albums to Firestore, whose security rules read it."""

from __future__ import annotations

from photofinish.ports import AccessDocuments, AccessProjection


class AccessProjector:
    """Writes outdated access documents, one process at a time per album."""

    def __init__(self, projection: AccessProjection, documents: AccessDocuments) -> None:
        self._projection = projection
        self._documents = documents

    def project(self, album: str) -> None:
        """Write until the document is up to date, or another process is writing, which checks again when it is done.

        Raises:
            Unavailable: Firestore does not answer; the document stays pending, and the sweep writes it.
        """
        while True:
            with self._projection.exclusively(album) as alone:
                if not alone:
                    return
                while (pending := self._projection.pending(album)) is not None:
                    self._documents.write(album, pending.access)
                    self._projection.done(album, pending.revision)
            if self._projection.pending(album) is None:
                return

    def sweep(self) -> int:
        """Write all outdated documents; return how many there were."""
        albums = self._projection.pending_albums()
        for album in albums:
            self.project(album)
        return len(albums)
