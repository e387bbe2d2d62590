"""Put people on the suppression list, and erase those of their faces that were indexed before.

An entry counts from the moment it is stored: everything that indexes faces asks the list. Erasing what was indexed
before is repeated by :meth:`OptOuts.sweep` until it is done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from photofinish.domain.face import Embedding
from photofinish.domain.matching import Calibration
from photofinish.domain.people import FaceSource
from photofinish.domain.suppression import OptOut, OptOutSource, Refusal, suppression_similarity
from photofinish.errors import RejectedInput
from photofinish.logs import fields
from photofinish.ports import Albums, Enrolments, FaceIndex, People, SuppressionList

log = logging.getLogger(__name__)
# Beside the centroid of a person: their best decided faces, which show them as they look on this album's photos.
FACE_TEMPLATES = 5
_PAGE = 500


class OptOuts:
    """The suppression list with its consequences."""

    def __init__(
        self,
        suppression: SuppressionList,
        *,
        albums: Albums,
        index: FaceIndex,
        people: People,
        enrolments: Enrolments,
        erase_faces: Callable[[str, Collection[str]], Collection[str]],
        calibration: Callable[[], Calibration],
    ) -> None:
        """`erase_faces(album, face_ids)` erases faces for good, and returns those that were still there."""
        self._suppression = suppression
        self._albums = albums
        self._index = index
        self._people = people
        self._enrolments = enrolments
        self._erase_faces = erase_faces
        self._calibration = calibration

    def opt_out(self, album: str | None, pictures: Sequence[Embedding], *, by: str) -> tuple[OptOut, int]:
        """Opt a person out by 1 or more pictures of them; return the entry, and how many faces were erased.

        `album` None means all albums; their faces are erased by the next :meth:`sweep`.

        Raises:
            RejectedInput: `different_people`; `album_name_not_allowed`.
        """
        self._check_same_person(pictures)
        threshold = suppression_similarity(self._calibration())
        entry = self._suppression.add(album, pictures, min_similarity=threshold, by=by)
        if album is None:
            return entry, 0
        erased = self.apply(entry)
        return replace(entry, applied_at=datetime.now(UTC)), erased

    def refusal(self, album: str, person_id: str) -> Refusal:
        """How to recognise a person of the album: their centroids, and their best decided faces."""
        decided = [
            one.face.face_id
            for one in self._people.faces(album, person_id, limit=FACE_TEMPLATES)
            if one.source is not FaceSource.CLUSTERED
        ]
        templates = [*self._people.embeddings(album, person_id), *self._index.embeddings(album, decided).values()]
        return Refusal(templates=tuple(templates), min_similarity=suppression_similarity(self._calibration()))

    def apply(self, entry: OptOut) -> int:
        """Erase the indexed faces that an entry refuses; return how many. Twice equals once.

        Of a withdrawal also the person's enrolment pictures, first: faces are recognised by them.
        """
        if entry.source is OptOutSource.WITHDRAWAL and entry.album is not None and entry.person_id is not None:
            self._forget_pictures(entry.album, entry.person_id)
        erased = 0
        for album in [entry.album] if entry.album is not None else self._all_albums():
            face_ids = set(self._suppression.indexed_faces(album, entry.opt_out_id))
            if entry.person_id is not None and self._people.get(album, entry.person_id) is not None:
                face_ids |= self._faces_of(album, entry.person_id)
            if face_ids:
                erased += len(self._erase_faces(album, face_ids))
        self._suppression.applied(entry.opt_out_id)
        log.info("opt-out applied", extra=fields(opt_out_id=entry.opt_out_id, erased_faces=erased))
        return erased

    def sweep(self, *, at_most: int = 20) -> int:
        """Apply entries whose faces may still be indexed; return how many faces were erased."""
        return sum(self.apply(entry) for entry in self._suppression.not_applied(limit=at_most))

    def _forget_pictures(self, album: str, person_id: str) -> None:
        least = self._calibration().min_similarity
        for upload in self._enrolments.uploads(album, person_id):
            self._enrolments.remove(album, person_id, upload.upload_id, min_similarity=least)

    def _faces_of(self, album: str, person_id: str) -> set[str]:
        face_ids: set[str] = set()
        while page := self._people.faces(album, person_id, limit=_PAGE, offset=len(face_ids)):
            face_ids |= {one.face.face_id for one in page}
        return face_ids

    def _all_albums(self) -> Iterator[str]:
        after: str | None = None
        while page := self._albums.summaries(names=None, limit=_PAGE, after=after):
            yield from (one.name for one in page)
            after = page[-1].name

    def _check_same_person(self, pictures: Sequence[Embedding]) -> None:
        least = self._calibration().min_similarity
        first, *others = pictures
        if any(float(first.vector @ other.vector) < least for other in others):
            raise RejectedInput(
                "different_people", "The pictures are not all of one person: send one person at a time."
            )
