"""Mend what a check found, by what the system does anyway: queue, index, project, remove, erase, announce."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from itertools import groupby

from photofinish.application.checking.checker import SETTLED_AFTER, AlbumChecker
from photofinish.application.checking.comparison import needless_objects
from photofinish.application.checking.facts import PhotoFacts
from photofinish.application.checking.findings import Checked, Finding, Problem, Repair
from photofinish.application.checking.restoring import ResultRestoring, rows_now
from photofinish.application.deleted_objects import DeletedObjects
from photofinish.application.ingest import ingest, requeue
from photofinish.domain.erasure import ErasedPhoto, sidecar_without_erased
from photofinish.domain.photo import PhotoStatus
from photofinish.domain.sidecar import sidecar_bytes
from photofinish.domain.video_names import MAX_VIDEO_BYTES
from photofinish.ports import (
    AlbumContents,
    AlbumPolicies,
    Documents,
    ErasableDocuments,
    ErasableObjects,
    ResultEvents,
    TaskLeases,
    WorkQueue,
)


class Mended(StrEnum):
    """What became of a finding."""

    MENDED = "mended"
    QUEUED = "queued"
    """The photo is analysed again, which mends it."""
    REMAINS = "remains"


# What is queued needs few of the later ones.
_ORDER = (
    Repair.REPEATED_EVENT,
    Repair.ERASE,
    Repair.OBJECTS,
    Repair.QUEUE,
    Repair.INDEX,
    Repair.DOCUMENT,
    Repair.UNINDEX,
    Repair.EVENT,
    Repair.NOTHING,
)


class Repairer:
    """Mends findings. Every repair may be repeated, and a crash leaves what the next check finds."""

    def __init__(
        self,
        *,
        documents: Documents,
        contents: AlbumContents,
        policies: AlbumPolicies,
        queue: WorkQueue,
        events: ResultEvents,
        objects: ErasableObjects,
        erasable: ErasableDocuments,
        deleted_objects: DeletedObjects,
        leases: TaskLeases,
        restoring: ResultRestoring,
        max_video_bytes: int = MAX_VIDEO_BYTES,
    ) -> None:
        self._documents = documents
        self._contents = contents
        self._policies = policies
        self._queue = queue
        self._events = events
        self._objects = objects
        self._erasable = erasable
        self._deleted_objects = deleted_objects
        self._leases = leases
        self._restoring = restoring
        self._max_video_bytes = max_video_bytes

    def mend_photo(self, findings: Sequence[Finding], facts: PhotoFacts) -> dict[Problem, Mended]:
        """Mend what was found of one photo, by what the stores say of it."""
        mended: dict[Problem, Mended] = {}
        is_queued = False
        for repair in _ORDER:
            found = [one.problem for one in findings if one.repair is repair]
            if not found:
                continue
            outcome = Mended.QUEUED if is_queued and repair is not Repair.NOTHING else self._mend(repair, found, facts)
            is_queued = is_queued or outcome is Mended.QUEUED
            mended |= dict.fromkeys(found, outcome)
        return mended

    def mend_work(self, finding: Finding) -> Mended:
        """Mend a finding that is about no photo."""
        if finding.problem is not Problem.LEASE_LEAKED or finding.name is None:
            return Mended.REMAINS
        self._leases.release([finding.name])
        return Mended.MENDED

    def _mend(self, repair: Repair, problems: Collection[Problem], facts: PhotoFacts) -> Mended:
        match repair:
            case Repair.QUEUE:
                return self.queue(facts)
            case Repair.INDEX:
                return self.index(facts)
            case Repair.DOCUMENT:
                return self.document(facts)
            case Repair.ERASE if Problem.ORIGINAL_GONE in problems:
                return self._erase_results(facts)
            case Repair.ERASE:
                return self.erase_again(facts)
            case Repair.UNINDEX:
                self._contents.remove_result(facts.album, facts.photo_id)
            case Repair.OBJECTS:
                self._remove_objects(facts, needless_objects(facts))
            case Repair.EVENT if facts.record is not None:
                self._events.publish_result(facts.record.ref, facts.record.status)
            case Repair.REPEATED_EVENT:
                self._contents.remove_repeated_events(facts.photo_id)
            case _:
                return Mended.REMAINS
        return Mended.MENDED

    def queue(self, facts: PhotoFacts) -> Mended:
        """Have the photo analysed, if its original is there."""
        original, record = facts.original, facts.record
        if original is None:
            return Mended.REMAINS
        if record is None or record.ref.generation < original.ref.generation:
            before = self._documents.states([original.ref]).get(original.ref)
            ingest(
                original,
                event_at=original.uploaded_at,
                documents=self._documents,
                queue=self._queue,
                events=self._events,
                max_video_bytes=self._max_video_bytes,
            )
            after = self._documents.states([original.ref]).get(original.ref)
            return Mended.REMAINS if after is None or after == before else Mended.QUEUED
        is_queued = requeue(
            record.ref,
            seen_at=record.fields["changed_at"],
            uploaded_at=original.uploaded_at,
            documents=self._documents,
            queue=self._queue,
            events=self._events,
        )
        return Mended.QUEUED if is_queued else Mended.REMAINS

    def index(self, facts: PhotoFacts) -> Mended:
        """Index the photo's sidecar and write its document; queue the photo where the index lacks embeddings."""
        if not self._restoring.index(facts):
            return self.queue(facts)
        return self.document(facts)

    def document(self, facts: PhotoFacts) -> Mended:
        """Write the photo's document; index or queue the photo first where the database does not have its result."""
        record = facts.record
        if record is not None and record.status is not PhotoStatus.DONE:
            self._documents.note_failure([record.ref], "an attempt at this photo ended without a word")
            return Mended.MENDED
        facts = rows_now(facts, self._contents)
        keep_originals = self._policies.policy(facts.album).keep_originals
        if self._restoring.document(facts, keep_originals=keep_originals):
            return Mended.MENDED
        if self._restoring.index(facts):
            again = rows_now(facts, self._contents)
            return (
                Mended.MENDED if self._restoring.document(again, keep_originals=keep_originals) else self.queue(facts)
            )
        return self.queue(facts)

    def _erase_results(self, facts: PhotoFacts) -> Mended:
        is_erased = facts.record is not None and self._deleted_objects.erase(facts.record.ref) is not None
        return Mended.MENDED if is_erased else Mended.REMAINS

    def erase_again(self, facts: PhotoFacts) -> Mended:
        """Remove what is left of an erased photo, or of erased faces of a photo that stays."""
        erased = facts.rows.erased_generation
        newest = max(facts.generations, default=None)
        if erased is not None and newest is not None and facts.rows.is_erased(newest):
            self._erasable.erase_photos(facts.album, [ErasedPhoto(photo_id=facts.photo_id, generation=erased)])
            self._contents.remove_result(facts.album, facts.photo_id)
            self._remove_objects(facts, facts.objects)
            return Mended.MENDED
        if facts.record is None or facts.sidecar is None or facts.sidecar_name is None:
            return Mended.REMAINS
        generation = facts.record.ref.generation
        faces = [face for face in facts.rows.erased_faces if face.generation == generation]
        self._erasable.erase_faces(facts.album, faces)
        document = dict(facts.sidecar)
        clean = sidecar_without_erased(document, facts.rows.erased_parts(generation))
        if clean != document:
            older = list(self._objects.versions("derived_bucket", facts.sidecar_name))
            self._objects.replace_derived(facts.sidecar_name, sidecar_bytes(clean), "application/json")
            left = [one for one in self._objects.versions("derived_bucket", facts.sidecar_name) if one in older]
            self._objects.remove("derived_bucket", left)
        return self.index(facts)

    def _remove_objects(self, facts: PhotoFacts, names: Collection[str]) -> None:
        found = [
            version
            for kind in ("sidecars", "renditions")
            for version in self._objects.versions("derived_bucket", f"{kind}/{facts.album}/{facts.photo_id}/")
            if version.name in names
        ]
        self._objects.remove("derived_bucket", found)


def mend_album(
    checker: AlbumChecker,
    repairer: Repairer,
    album: str,
    *,
    stale_after: timedelta,
    settled_after: timedelta = SETTLED_AFTER,
    on_progress: Callable[[Checked], None] = lambda _: None,
) -> Iterator[tuple[Finding, Mended]]:
    """Check an album and mend what is found, photo by photo; yield every finding with what became of it."""
    examined = checker.examine(album, stale_after=stale_after, settled_after=settled_after, on_progress=on_progress)
    for _, of_photo in groupby(examined, key=lambda one: one[0].photo_id):
        found = list(of_photo)
        mended = repairer.mend_photo([finding for finding, _ in found], found[0][1])
        yield from ((finding, mended.get(finding.problem, Mended.REMAINS)) for finding, _ in found)
    for finding in checker.check_work(album):
        yield finding, repairer.mend_work(finding)
