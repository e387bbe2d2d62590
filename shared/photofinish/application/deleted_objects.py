"""Erase what was found in photos whose original was deleted or overwritten in the bucket."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from photofinish.application.erasing import Eraser
from photofinish.application.reconcile import listed_photos
from photofinish.domain.erasure import Erasure, ErasureKind, ErasureTarget, Reason
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.logs import fields
from photofinish.ports import Documents, PhotoStore, RetentionRecords

log = logging.getLogger(__name__)
_ALBUMS_PAGE = 500


class DeletedObjects:
    """Erases the results of photo versions that the bucket does not have any more as live objects.

    An event, or a difference between the bucket and the records, only makes it ask the bucket about that one object.
    So events may come late, twice and in any order, and an incomplete listing erases nothing.
    """

    def __init__(self, store: PhotoStore, documents: Documents, eraser: Eraser, records: RetentionRecords) -> None:
        self._store = store
        self._documents = documents
        self._eraser = eraser
        self._records = records

    def erase(self, photo: PhotoRef) -> Erasure | None:
        """Erase what was found in this version and in older ones; return None if there is a reason not to."""
        why_not = self._why_not(photo)
        if why_not is not None:
            log.info(why_not, extra=fields(photo_id=photo.photo_id, album=photo.album, generation=photo.generation))
            return None
        target = ErasureTarget(
            kind=ErasureKind.PHOTO, album=photo.album, id=photo.photo_id, generation=photo.generation
        )
        return self._eraser.erase(target, reason=Reason.ORIGINAL_GONE)

    def sweep(self) -> int:
        """Compare all records with the bucket, erase as if each lost event had come, and return how many were."""
        erased = 0
        for album in self._albums():
            # Raises where a page of the listing cannot be read, and where there is no bucket.
            live = {photo.ref.photo_id: photo.ref.generation for photo in listed_photos(self._store, album)}
            for record in self._documents.list_photos(album):
                is_there = live.get(record.ref.photo_id, -1) >= record.ref.generation
                if record.status is not PhotoStatus.ERASED and not is_there:
                    erased += self.erase(record.ref) is not None
        return erased

    def _why_not(self, photo: PhotoRef) -> str | None:
        if self._store.is_live(photo):
            return "not deleted: the object is still there"
        if self._records.was_original_removed(photo):
            return "not erased: the album keeps only results"
        return None

    def _albums(self) -> Iterator[str]:
        after: str | None = None
        while page := self._documents.album_names(names=None, limit=_ALBUMS_PAGE, after=after):
            yield from page
            after = page[-1]
