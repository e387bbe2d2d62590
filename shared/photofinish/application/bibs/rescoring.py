"""Read the numbers of an album's photos again by its new rules, from the text in their sidecars: no new analysis."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from photofinish.application.bibs.projection import BibProjector
from photofinish.domain.bib_changes import Rescoring
from photofinish.domain.bib_corrections import as_read
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.face import face_id
from photofinish.domain.sidecar import read_sidecar, sidecar_name
from photofinish.domain.stored_text import StoredText, stored_text_of
from photofinish.errors import NotFound, Unavailable
from photofinish.logs import fields
from photofinish.ports import AlbumRules, AnalyzedVersion, BibRescoring, DerivedObjects, ReadAgain

log = logging.getLogger(__name__)
# Sidecars in memory at once, some 20 kB each, and photos whose rows are locked together, for some 100 ms.
PAGE = 100
FETCH_THREADS = 8


class AlbumRescorer:
    """Brings photos to the rules of their album, page by page, within a time limit; another call goes on.

    Which photos are left follows from the photos themselves, so that a call that dies loses nothing. The numbers of a
    page are replaced in one transaction, with corrections applied, and then written to its photos' documents.
    """

    def __init__(
        self,
        rules: AlbumRules,
        rescoring: BibRescoring,
        derived: DerivedObjects,
        projector: BibProjector,
        *,
        publish_people: Callable[[str], None],
    ) -> None:
        """`publish_people(album)` brings the documents of the album's people up to date."""
        self._rules = rules
        self._rescoring = rescoring
        self._derived = derived
        self._projector = projector
        self._publish_people = publish_people

    def rescore(self, album: str, *, budget_s: float) -> Rescoring:
        """Read photos again until all follow the album's rules or `budget_s` is over; returns how far that is.

        Where another process is reading this album again, that one goes on alone.
        """
        deadline = time.monotonic() + budget_s
        with self._rescoring.exclusively(album) as alone:
            rules = self._rules.bib_rules(album)
            if alone:
                while not self._follow(album, rules, deadline=deadline):
                    rules = self._rules.bib_rules(album)  # changed meanwhile
        return self._rescoring.state(album, rules.fingerprint)

    def rescore_soon(self, album: str, *, budget_s: float) -> Rescoring:
        """As `rescore`; while a store is unavailable, another request or the sweep goes on later."""
        try:
            return self.rescore(album, budget_s=budget_s)
        except Unavailable as error:
            log.warning("bibs are not read again yet", extra=fields(album=album, reason=str(error)))
            return self._rescoring.state(album, self._rules.bib_rules(album).fingerprint)

    def sweep(self, *, budget_s: float) -> int:
        """Go on with all albums whose rules changed; return the number of these albums."""
        deadline = time.monotonic() + budget_s
        albums = self._rescoring.waiting()
        for album in albums:
            left = self.rescore(album, budget_s=max(deadline - time.monotonic(), 0.0)).remaining
            log.info("bibs read again", extra=fields(album=album, remaining=left))
        return len(albums)

    def _follow(self, album: str, rules: BibRules, *, deadline: float) -> bool:
        """Read photos again by these rules; False if they are not the album's any more."""
        after = None
        with ThreadPoolExecutor(FETCH_THREADS, "sidecar") as pool:
            while page := self._rescoring.outdated(album, rules.fingerprint, limit=PAGE, after=after):
                texts = list(pool.map(self._text, page))
                found = [
                    _read_again(version, text, rules)
                    for version, text in zip(page, texts, strict=True)
                    if text is not None
                ]
                without_text = [version for version, text in zip(page, texts, strict=True) if text is None]
                if not self._rescoring.read_again(album, rules.fingerprint, found, without_text=without_text):
                    return False
                self._projector.project_soon(album)
                after = page[-1].photo.photo_id
                if time.monotonic() >= deadline:
                    break
            else:
                self._rescoring.finish(album, rules.fingerprint)
        if after is not None:
            self._publish_people(album)
        return True

    def _text(self, version: AnalyzedVersion) -> StoredText | None:
        """What its numbers are read from; None of a video, whose sidecar has the numbers that its frames voted for."""
        try:
            content = self._derived.read_derived(sidecar_name(version.photo, version.pipeline_version))
        except NotFound:
            return None
        document = read_sidecar(content)
        return None if "video" in document else stored_text_of(document)


def _read_again(version: AnalyzedVersion, text: StoredText, rules: BibRules) -> ReadAgain:
    face_ids = [face_id(version.photo, version.pipeline_version, number) for number in text.face_numbers]
    boxes = {id_: face.box for id_, face in zip(face_ids, text.faces, strict=True)}
    return ReadAgain(version=version, bibs=as_read(text.bibs(rules), face_ids), faces=boxes)
