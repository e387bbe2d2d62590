"""Keep what each album's policy promises: erase albums that ended, and originals where only results are kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from photofinish.application.erasing import Eraser
from photofinish.domain.album_policy import AlbumPolicy
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.domain.photo import DEFAULT_ALBUM, PhotoRef, PhotoStatus, album_prefixes
from photofinish.domain.retention import AlbumEnd, original_may_go
from photofinish.errors import PhotofinishError
from photofinish.logs import fields
from photofinish.ports import (
    AlbumPolicies,
    Albums,
    Documents,
    ErasableObjects,
    ObjectVersion,
    People,
    RetentionRecords,
)

log = logging.getLogger(__name__)
_PAGE = 300  # records looked up in one request


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforced:
    """What one run did."""

    albums: int
    """Albums that were erased because their end had come."""
    originals: int
    """Versions of originals that were removed because their album keeps only results."""
    previews: int


class AlbumEnds:
    """The ends of albums that are still ahead, or due."""

    def __init__(
        self, policies: AlbumPolicies, records: RetentionRecords, documents: Documents, albums: Albums, people: People
    ) -> None:
        self._policies = policies
        self._records = records
        self._documents = documents
        self._albums = albums
        self._people = people

    def planned(self) -> list[AlbumEnd]:
        """Return the albums that have an end and are not erased yet, the next one first."""
        ends = [end for album, policy in self._policies.policies().items() if (end := end_of(album, policy))]
        return sorted((end for end in ends if self._has_something(end)), key=lambda end: (end.ends_on, end.album))

    def _has_something(self, end: AlbumEnd) -> bool:
        """Whether there is anything to erase. Settings, such as a start list, are only made before an album ends."""
        if self._records.end_enforced(end.album) != end.ends_on:
            return True
        counts = self._documents.counts(end.album)
        if any(count for status, count in counts.items() if status is not PhotoStatus.ERASED):
            return True
        indexed = self._albums.summaries(names=frozenset({end.album}), limit=1, after=None)
        return bool(indexed) or self._people.count(end.album).people > 0


class Retention:
    """Enforces the policies of all albums."""

    def __init__(
        self,
        ends: AlbumEnds,
        policies: AlbumPolicies,
        records: RetentionRecords,
        documents: Documents,
        objects: ErasableObjects,
        eraser: Eraser,
        *,
        photo_bucket: str,
    ) -> None:
        self._ends = ends
        self._policies = policies
        self._records = records
        self._documents = documents
        self._objects = objects
        self._eraser = eraser
        self._photo_bucket = photo_bucket

    def enforce(self, today: date) -> Enforced:
        """Erase the albums that have ended before `today` (in UTC), and the originals and previews that must not stay.

        An album that cannot be erased does not keep others from it; the error is raised at the end.
        """
        albums = originals = previews = 0
        failed: PhotofinishError | None = None
        for end in self._ends.planned():
            if end.days_left(today) > 0:
                continue
            try:
                self._erase(end)
                albums += 1
            except PhotofinishError as error:
                log.exception("an album that has ended could not be erased", extra=fields(album=end.album))
                failed = error
        for album, policy in sorted(self._policies.policies().items()):
            if not policy.keep_originals:
                originals += self._remove_originals(album)
                previews += self._remove_previews(album)
        if failed is not None:
            raise failed
        return Enforced(albums=albums, originals=originals, previews=previews)

    def _erase(self, end: AlbumEnd) -> None:
        target = ErasureTarget(kind=ErasureKind.ALBUM, album=end.album, id=end.album, with_originals=True)
        self._eraser.erase(target, reason=Reason.RETENTION)
        self._records.note_end_enforced(end.album, end.ends_on)

    def _remove_originals(self, album: str) -> int:
        removed = 0
        for page in _pages(self._originals(album)):
            refs = [PhotoRef(bucket=self._photo_bucket, name=one.name, generation=one.generation) for one in page]
            states = {ref.photo_id: state for ref, state in self._documents.states(_newest(refs)).items()}
            needless = [
                (ref, version)
                for ref, version in zip(refs, page, strict=True)
                if original_may_go(states.get(ref.photo_id), ref)
            ]
            if needless:
                self._records.note_originals_removed([ref for ref, _ in needless])
                self._objects.remove("photo_bucket", [version for _, version in needless])
            removed += len(needless)
        return removed

    def _originals(self, album: str) -> Iterator[ObjectVersion]:
        """Every version of the originals of an album, but for folders' placeholders."""
        # Photos of the default album may be anywhere: at the root, or in a folder whose name cannot be an album's.
        for prefix in ("",) if album == DEFAULT_ALBUM else album_prefixes(album):
            for version in self._objects.versions("photo_bucket", prefix):
                ref = PhotoRef(bucket=self._photo_bucket, name=version.name, generation=version.generation)
                if ref.album == album and not version.name.endswith("/"):
                    yield version

    def _remove_previews(self, album: str) -> int:
        previews = list(self._objects.versions("derived_bucket", f"renditions/{album}/"))
        self._objects.remove("derived_bucket", previews)
        return len(previews)


def end_of(album: str, policy: AlbumPolicy) -> AlbumEnd | None:
    """Return the end of an album; None if it has none."""
    if policy.ends_on is None:
        return None
    return AlbumEnd(album=album, purpose=policy.purpose, ends_on=policy.ends_on)


def _newest(refs: Sequence[PhotoRef]) -> list[PhotoRef]:
    """One reference for each photo: states are those of photos, whatever the generation."""
    return list({ref.photo_id: ref for ref in refs}.values())


def _pages(versions: Iterator[ObjectVersion]) -> Iterator[list[ObjectVersion]]:
    while page := list(islice(versions, _PAGE)):
        yield page
