"""Users' corrections of bib numbers, and reading them again, in memory: doubles of ``adapters/postgres/bibs``."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from photofinish.adapters.memory.album_reading import IndexedAnalysis
from photofinish.adapters.memory.album_rules import MemoryAlbumRules
from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.domain.bib_changes import (
    BibOperation,
    CorrectedPhoto,
    NumberChanges,
    PhotoBibs,
    Rescoring,
    is_same_reading,
    number_changes,
)
from photofinish.domain.bib_corrections import CorrectionRequest, corrected, correction_of
from photofinish.domain.bib_operations import check_undo, kind_of_undo
from photofinish.domain.people import UnknownOperation
from photofinish.errors import Conflict
from photofinish.ports import AnalyzedVersion, ReadAgain, UnknownPhoto

_NOTHING_YET = Rescoring(photos=0, numbers=NumberChanges(), skipped=0, remaining=0)


class MemoryBibs:
    """`BibCorrections`, `BibRescoring` and `BibProjection` over the photos of `index`; threads may share it."""

    def __init__(self, index: MemoryFaceIndex, rules: MemoryAlbumRules) -> None:
        self._index = index
        self._rules = rules
        self._numbers = itertools.count(1)
        self._pending: dict[str, int] = {}
        """Photo id → revision."""
        self._states: dict[tuple[str, str], Rescoring] = {}
        """By album and the fingerprint of its rules."""
        self._locks: dict[str, threading.Lock] = {}

    def correct(self, album: str, photo_id: str, request: CorrectionRequest, *, by: str) -> CorrectedPhoto:
        with self._index.locked():
            known = self._analysed(album, photo_id)
            correction = correction_of(request, known.bibs, known.faces)
            earlier = self._index.corrections_of(known.photo)
            if corrected(known.read, known.faces, [*earlier, correction]) == known.bibs:
                unchanged = PhotoBibs(photo=known.photo, bibs=known.bibs, revision=known.revision)
                return CorrectedPhoto(photo=unchanged, operation_id=None)
            operation = BibOperation(
                operation_id=next(self._numbers),
                photo=known.photo,
                kind=correction.kind.value,
                correction=correction,
                done_at=datetime.now(UTC),
                done_by=by,
                is_active=True,
                undoes=None,
                undone_by=None,
            )
            self._index.bib_operations.append(operation)
            return self._rewritten(known, operation.operation_id)

    def undo(self, album: str, operation_id: int, *, by: str) -> CorrectedPhoto:
        with self._index.locked():
            found = self._operation(album, operation_id)
            known = self._index.indexed(found.photo.photo_id)
            later = [
                (one.operation_id, one.correction)
                for one in self._index.bib_operations
                if one.photo == found.photo and one.is_active and one.operation_id > operation_id
            ]
            is_replaced = known is None or known.photo != found.photo
            check_undo(found.correction, later, undone_by=found.undone_by, is_replaced=is_replaced)
            assert known is not None, "checked above"
            undo = replace(
                found,
                operation_id=next(self._numbers),
                kind=kind_of_undo(found.kind),
                done_at=datetime.now(UTC),
                done_by=by,
                is_active=False,
                undoes=operation_id,
            )
            target = self._target(album, found).operation_id
            self._index.bib_operations = [
                replace(
                    one,
                    is_active=found.kind == "undo" if one.operation_id == target else one.is_active,
                    undone_by=undo.operation_id if one.operation_id == operation_id else one.undone_by,
                )
                for one in self._index.bib_operations
            ] + [undo]
            return self._rewritten(known, undo.operation_id)

    def operations(
        self, album: str, *, photo_id: str | None = None, limit: int, before: int | None = None
    ) -> list[BibOperation]:
        with self._index.locked():
            found = [
                one
                for one in reversed(self._index.bib_operations)
                if one.photo.album == album
                and photo_id in (None, one.photo.photo_id)
                and (before is None or one.operation_id < before)
            ]
        return found[:limit]

    def expire(self, before: datetime) -> int:
        with self._index.locked():
            operations = self._index.bib_operations
            undos = {one.operation_id for one in operations if one.undoes is not None and one.done_at < before}
            left = [
                replace(
                    one,
                    undone_by=None if one.undone_by in undos else one.undone_by,
                    done_by=None if one.done_at < before else one.done_by,
                )
                for one in operations
                if one.operation_id not in undos
            ]
            kept = [one for one in left if one.is_active or one.done_at >= before or one.undone_by is not None]
            self._index.bib_operations = kept
            return len(operations) - len(kept)

    @contextmanager
    def exclusively(self, album: str) -> Iterator[bool]:
        lock = self._locks.setdefault(album, threading.Lock())
        alone = lock.acquire(blocking=False)
        try:
            yield alone
        finally:
            if alone:
                lock.release()

    def outdated(self, album: str, fingerprint: str, *, limit: int, after: str | None = None) -> list[AnalyzedVersion]:
        found = sorted(self._outdated(album, fingerprint), key=lambda one: one.photo.photo_id)
        return [
            AnalyzedVersion(photo=one.photo, pipeline_version=one.pipeline_version)
            for one in found
            if after is None or one.photo.photo_id > after
        ][:limit]

    def read_again(
        self, album: str, fingerprint: str, found: Sequence[ReadAgain], *, without_text: Sequence[AnalyzedVersion] = ()
    ) -> bool:
        with self._index.locked():
            if self._rules.bib_rules(album).fingerprint != fingerprint:
                return False
            photos = skipped = 0
            numbers = NumberChanges()
            for one in found:
                if (known := self._same_version(one.version)) is None:
                    continue
                photos += 1
                if is_same_reading(known.read, one.bibs):
                    self._index.write_bibs(known, known.read, rules=fingerprint)
                    continue
                after = self._index.write_bibs(known, one.bibs, rules=fingerprint)
                numbers += number_changes(known.bibs, after.bibs)
                self._pending[after.photo.photo_id] = after.revision
            for version in without_text:
                if (known := self._same_version(version)) is not None:
                    skipped += 1
                    self._index.write_bibs(known, known.read, rules=fingerprint)
            was = self._states.get((album, fingerprint), _NOTHING_YET)
            self._states[album, fingerprint] = replace(
                was, photos=was.photos + photos, skipped=was.skipped + skipped, numbers=was.numbers + numbers
            )
            return True

    def finish(self, album: str, fingerprint: str) -> None:
        """Nothing to record: whether an album is finished follows from its photos."""

    def state(self, album: str, fingerprint: str) -> Rescoring:
        was = self._states.get((album, fingerprint), _NOTHING_YET)
        return replace(was, remaining=len(self._outdated(album, fingerprint)))

    def waiting(self) -> list[str]:
        albums = {one.photo.album for one in self._index.all_photos()}
        return sorted(album for album in albums if self._outdated(album, self._rules.bib_rules(album).fingerprint))

    def pending(self, album: str, *, limit: int) -> list[PhotoBibs]:
        with self._index.locked():
            known = [self._index.indexed(photo_id) for photo_id in sorted(self._pending)]
            return [
                PhotoBibs(photo=one.photo, bibs=one.bibs, revision=one.revision)
                for one in known
                if one is not None and one.photo.album == album
            ][:limit]

    def done(self, written: Sequence[PhotoBibs]) -> None:
        with self._index.locked():
            for one in written:
                if self._pending.get(one.photo.photo_id, one.revision + 1) <= one.revision:
                    del self._pending[one.photo.photo_id]

    def pending_albums(self) -> list[str]:
        with self._index.locked():
            known = [self._index.indexed(photo_id) for photo_id in self._pending]
        return sorted({one.photo.album for one in known if one is not None})

    def _analysed(self, album: str, photo_id: str) -> IndexedAnalysis:
        known = self._index.indexed(photo_id)
        if known is not None and known.photo.album == album:
            return known
        if self._index.has_photo(album, photo_id):
            raise Conflict("not_analysed", "This photo has no result to correct: it was rejected or removed.")
        raise UnknownPhoto

    def _rewritten(self, known: IndexedAnalysis, operation_id: int) -> CorrectedPhoto:
        after = self._index.write_bibs(known, known.read, rules=known.rules)
        self._pending[known.photo.photo_id] = after.revision
        return CorrectedPhoto(photo=after, operation_id=operation_id)

    def _operation(self, album: str, operation_id: int) -> BibOperation:
        for one in self._index.bib_operations:
            if one.operation_id == operation_id and one.photo.album == album:
                return one
        raise UnknownOperation(operation_id)

    def _target(self, album: str, operation: BibOperation) -> BibOperation:
        """The correction that an operation is, or switches off or on."""
        while operation.undoes is not None:
            operation = self._operation(album, operation.undoes)
        return operation

    def _same_version(self, version: AnalyzedVersion) -> IndexedAnalysis | None:
        known = self._index.indexed(version.photo.photo_id)
        same = known is not None and (known.photo, known.pipeline_version) == (version.photo, version.pipeline_version)
        return known if same else None

    def _outdated(self, album: str, fingerprint: str) -> list[IndexedAnalysis]:
        return [one for one in self._index.analyses(album) if one.rules != fingerprint]
