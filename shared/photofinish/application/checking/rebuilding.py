"""Rebuild all documents of an album, or its rows in the index, from what the other stores have.

First every erasure of the album is carried out again, so that nothing comes back that a lost store knew to be erased.
Then the photos follow one by one. Each photo is one write, and one that is right stays as it is: what is interrupted
goes on where it was, and twice equals once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from photofinish.application.access_projection import AccessProjector
from photofinish.application.checking.checker import AlbumChecker
from photofinish.application.checking.comparison import compare
from photofinish.application.checking.facts import PhotoFacts
from photofinish.application.checking.findings import Problem
from photofinish.application.checking.repairing import Mended, Repairer
from photofinish.application.checking.restoring import ResultRestoring
from photofinish.application.erasing import Eraser
from photofinish.application.reconcile import Reconciled
from photofinish.errors import Conflict
from photofinish.ports import AccessStore, AlbumCards, AlbumContents, AlbumDocuments, AlbumPolicies

_NEVER_STUCK = timedelta(days=36500)
_MISSING = frozenset({Problem.NOT_RECORDED, Problem.OLDER_GENERATION})
_OF_DOCUMENTS = frozenset(
    {Problem.DOCUMENT_MISSING, Problem.DOCUMENT_DIFFERS, Problem.ATTEMPT_OPEN, Problem.ERASURE_UNMARKED, *_MISSING}
)
_OF_INDEX = frozenset(
    {Problem.NOT_INDEXED, Problem.INDEX_NEWER, Problem.FACES_DIFFER, Problem.NUMBERS_DIFFER}
    | {Problem.DEPICTION_DIFFERS}
    | {Problem.SIDECAR_MISSING, Problem.SIDECAR_UNREADABLE, Problem.ERASED_LEFT}
    | {Problem.INDEXED_WITHOUT_RESULT, Problem.ROWS_WITHOUT_PHOTO}
)

_ONLY_DOCUMENT = frozenset({Problem.DOCUMENT_MISSING})


class Way(StrEnum):
    """How a photo is rebuilt."""

    RIGHT = "right"
    """It stays as it is."""
    WRITTEN = "written"
    """From its sidecar and the database."""
    QUEUED = "queued"
    """It is analysed again."""
    LOST = "lost"
    """It cannot be: what is missing is only in its original, which is gone."""
    UNFINISHED = "unfinished"
    """It is being analysed, which writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What was done, or would be."""

    right: int = 0
    written: int = 0
    queued: int = 0
    lost: int = 0
    unfinished: int = 0
    erasures: int = 0
    """Carried out again."""
    people: int = 0
    """Whose documents are written."""

    @property
    def photos(self) -> int:
        """How many photos were looked at."""
        return self.right + self.written + self.queued + self.lost + self.unfinished


class AlbumRebuilder:
    """Rebuilds documents or the index of an album."""

    def __init__(
        self,
        *,
        checker: AlbumChecker,
        repairer: Repairer,
        restoring: ResultRestoring,
        contents: AlbumContents,
        policies: AlbumPolicies,
        eraser: Eraser,
        cards: AlbumCards,
        album_documents: AlbumDocuments,
        access: AccessStore,
        access_projector: AccessProjector,
        reconcile: Callable[[str], Reconciled],
        publish_people: Callable[[str], object],
        rescore: Callable[[str], object],
    ) -> None:
        """What takes an album: `reconcile` queues what has no document, `rescore` follows the album's rules of numbers,
        `publish_people` brings the documents of its people up to date.
        """
        self._checker = checker
        self._repairer = repairer
        self._restoring = restoring
        self._contents = contents
        self._policies = policies
        self._eraser = eraser
        self._cards = cards
        self._album_documents = album_documents
        self._access = access
        self._access_projector = access_projector
        self._reconcile = reconcile
        self._publish_people = publish_people
        self._rescore = rescore

    def documents(
        self, album: str, *, dry_run: bool, on_progress: Callable[[Rebuilt], None] = lambda _: None
    ) -> Rebuilt:
        """Write what is missing or wrong in Firestore from sidecars and Postgres; queue photos that have neither.

        Those are queued last: a duplicate is one again if the document of the other photo is there.
        """
        done = self._again_erased(album, dry_run=dry_run)
        if not dry_run:
            if (card := self._cards.card(album)) is not None:
                self._album_documents.write(album, card)
            self._access.set_album_access(album, self._access.album_access(album))
            self._access_projector.project(album)
        for facts, problems in self._examined(album, _OF_DOCUMENTS):
            way = self._planned(facts, problems)
            if not dry_run and problems and not problems <= _MISSING:
                way = self._write_document(facts, problems)
            done = _counted(done, way)
            on_progress(done)
        if dry_run:
            return done
        if done.queued:
            self._reconcile(album)
        people = self._contents.outdate_people(album)
        self._publish_people(album)
        return replace(done, people=people)

    def index(
        self,
        album: str,
        *,
        dry_run: bool,
        is_new_database: bool = False,
        on_progress: Callable[[Rebuilt], None] = lambda _: None,
    ) -> Rebuilt:
        """Index the album's sidecars; queue photos whose sidecar is missing, or of whose faces the embeddings are lost.

        Documents follow. Photos without a document and without a sidecar are left to :meth:`documents`.

        Raises:
            Conflict: `unknown_album`, unless `is_new_database`: the database does not know whose faces to index.
        """
        if not is_new_database and not self._contents.knows(album):
            raise Conflict(
                "unknown_album",
                f"The database does not know the album {album!r}: its policy, opt-outs, corrections and people are "
                "lost with it, so faces could be indexed that must not be. Restore a backup of the database first; if "
                "there is none, set the policy (`photofinish policy`) and add the opt-outs, then go on with "
                "--new-database.",
            )
        done = self._again_erased(album, dry_run=dry_run)
        for facts, problems in self._examined(album, _OF_INDEX | {Problem.DOCUMENT_MISSING}):
            if problems == _ONLY_DOCUMENT and facts.rows.pipeline_version is not None:
                problems = frozenset()
            way = self._planned(facts, problems)
            if not dry_run and problems:
                way = self._write_rows(facts, problems)
            done = _counted(done, way)
            on_progress(done)
        if dry_run:
            return done
        self._rescore(album)
        people = self._contents.outdate_people(album)
        self._publish_people(album)
        return replace(done, people=people)

    def _again_erased(self, album: str, *, dry_run: bool) -> Rebuilt:
        if dry_run:
            return Rebuilt(erasures=len(self._eraser.known(album)))
        return Rebuilt(erasures=sum(1 for _ in self._eraser.reapply(album)))

    def _examined(
        self, album: str, problems: frozenset[Problem]
    ) -> Iterator[tuple[PhotoFacts, frozenset[Problem] | None]]:
        """Every photo of the album, and which of these problems it has; None of one that is being analysed."""
        for page in self._checker.reading.album(album):
            rules = self._checker.rules(album, stale_after=_NEVER_STUCK, settled_after=timedelta(0))
            for facts in page:
                compared = compare(facts, rules)
                found = {one.problem for one in compared.findings} & problems
                yield facts, None if compared.is_unfinished else frozenset(found)

    def _planned(self, facts: PhotoFacts, problems: frozenset[Problem] | None) -> Way:
        if problems is None:
            return Way.UNFINISHED
        if not problems:
            return Way.RIGHT
        if problems & {Problem.ERASURE_UNMARKED, Problem.INDEXED_WITHOUT_RESULT, Problem.ROWS_WITHOUT_PHOTO}:
            return Way.WRITTEN
        keep_originals = self._policies.policy(facts.album).keep_originals
        may_write = not problems & (_MISSING | {Problem.SIDECAR_MISSING, Problem.SIDECAR_UNREADABLE})
        is_known = problems <= _OF_DOCUMENTS and (
            self._restoring.fields(facts, facts.rows, keep_originals=keep_originals) is not None
        )
        if may_write and (is_known or self._restoring.can_index(facts)):
            return Way.WRITTEN
        return Way.QUEUED if facts.original is not None else Way.LOST

    def _write_document(self, facts: PhotoFacts, problems: frozenset[Problem]) -> Way:
        if Problem.ERASURE_UNMARKED in problems:
            self._repairer.erase_again(facts)
            return Way.WRITTEN
        return _way(self._repairer.document(facts))

    def _write_rows(self, facts: PhotoFacts, problems: frozenset[Problem]) -> Way:
        if problems & {Problem.INDEXED_WITHOUT_RESULT, Problem.ROWS_WITHOUT_PHOTO}:
            self._contents.remove_result(facts.album, facts.photo_id)
            return Way.WRITTEN
        if Problem.ERASED_LEFT in problems:
            return _way(self._repairer.erase_again(facts))
        if problems & {Problem.SIDECAR_MISSING, Problem.SIDECAR_UNREADABLE}:
            return _way(self._repairer.queue(facts))
        return _way(self._repairer.index(facts))


def _way(mended: Mended) -> Way:
    return {Mended.MENDED: Way.WRITTEN, Mended.QUEUED: Way.QUEUED, Mended.REMAINS: Way.LOST}[mended]


def _counted(done: Rebuilt, way: Way) -> Rebuilt:
    return replace(done, **{way.value: getattr(done, way.value) + 1})
