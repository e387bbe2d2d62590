"""Search an album: read the candidates, score them, return one page.

All candidates are scored for every page, whatever page is requested, so that a cursor continues where the last page
ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from photofinish.application.bursts import bursts
from photofinish.application.search.cursors import decode_cursor
from photofinish.application.search.describing import add_words, read_description
from photofinish.application.search.evidence import (
    Candidates,
    Evidence,
    EvidenceByPhoto,
    add_bibs,
    add_faces,
    add_inferred,
    add_namesake,
)
from photofinish.application.search.scoring import page_of, score_photos
from photofinish.application.search.similar_faces import SimilarFaces, similar_faces
from photofinish.domain.bib_links import InferredFace
from photofinish.domain.face import Embedding
from photofinish.domain.matching import Calibration, required_similarity
from photofinish.domain.search import PhotoFilter, SearchQuery
from photofinish.domain.search_results import SearchPage
from photofinish.errors import InvalidQuery
from photofinish.ports import AlbumReading, FaceIndex

MAX_BIBS = 2000
MAX_INFERRED_FACES = 2000
# Without a face, bib or name, an answer is chosen from the sharpest photos that meet the filter.
MAX_PHOTOS = 5000
MAX_ENTRANTS = 100
MAX_NAMESAKES = 20  # people of the requested name with a face; each is a search of its own


class NamedPerson(Protocol):
    """What a search needs of a person."""

    @property
    def person_id(self) -> str: ...

    @property
    def name(self) -> str | None: ...


class PeopleByName(Protocol):
    """What a search needs of an album's people."""

    def find_by_name(self, album: str, name: str) -> Sequence[NamedPerson]:
        """People whose name has the words of `name`."""
        ...

    def embeddings(self, album: str, person_id: str) -> Sequence[Embedding]:
        """At most one embedding of the person per space; empty if no face of theirs is known."""
        ...


class PeopleByNumber(Protocol):
    """Which people wear a number."""

    def faces_by_number(self, album: str, number: str, limit: int) -> Sequence[InferredFace]:
        """Faces of the people who wear `number`, read or not, the most likely first."""
        ...


class Searcher:
    """Searches albums. Thread-safe: it has no state of its own."""

    def __init__(
        self,
        index: FaceIndex,
        people: PeopleByName,
        people_by_number: PeopleByNumber,
        calibrations: Mapping[str, Calibration],
    ) -> None:
        """`calibrations` has what similarities mean in each embedding space that can be searched."""
        self._index = index
        self._people = people
        self._people_by_number = people_by_number
        self._calibrations = calibrations

    def search(self, query: SearchQuery, *, only_certain: bool = False) -> SearchPage:
        """Return the page of photos that `query` requests.

        If `only_certain`, faces must be as similar as the calibration's `certain_similarity`. A photo that is indexed,
        replaced or removed between two pages may appear or disappear. No other photo is repeated or left out, unless
        the change moved its score.

        Raises:
            InvalidQuery: the cursor belongs to another query, the embedding space is not calibrated, `min_similarity`
                is below its threshold, or the embeddings have another dimension than the album's.
        """
        previous = decode_cursor(query)
        candidates = self._read(query, only_certain)
        scores = score_photos(query, candidates)
        return page_of(query, candidates, scores, previous)

    def _read(self, query: SearchQuery, only_certain: bool) -> Candidates:
        """Read the photos to choose from and the evidence for them, all from one state of the album."""
        namesakes = self._namesakes(query)
        described_people = self._described_people(query)
        inferred_faces = self._inferred_faces(query)
        evidence: EvidenceByPhoto = defaultdict(Evidence)
        with self._index.reading(query.album) as album:
            similar = self._similar_faces(album, query, query.embeddings, only_certain)
            add_faces(evidence, similar.faces)
            for person, embedding in namesakes:
                same_name = self._similar_faces(album, query, [embedding], only_certain).faces
                add_namesake(evidence, same_name, query, name=person.name or "", person_id=person.person_id)
            entrants = album.entrants(query.name, limit=MAX_ENTRANTS) if query.name is not None else {}
            numbers = sorted(entrants if query.bib is None else {*entrants, query.bib})
            add_bibs(evidence, album.bibs(numbers, limit=MAX_BIBS, where=query.where), query, entrants)
            inferred_ids = {inferred.face.photo_id for inferred in inferred_faces}
            if query.has_subject:
                read_ids: Sequence[str] = ()
                if query.about is not None:
                    where = _where_described(query, {*evidence, *inferred_ids})
                    named = [
                        (
                            person.name or "",
                            person.person_id,
                            self._similar_faces(album, query, [one], only_certain).faces,
                        )
                        for person, one in described_people
                    ]
                    read_ids = read_description(album, query.about, where, evidence, named)
                photos = album.photos(list({*evidence, *inferred_ids, *read_ids}))
                add_inferred(evidence, photos, query, inferred_faces)
                if query.about is not None:
                    add_words(evidence, photos, query.about)
                photos = {photo_id: photo for photo_id, photo in photos.items() if _matches(query, evidence[photo_id])}
            else:
                photos = album.sharpest(query.where, limit=MAX_PHOTOS)
            found = None
            if query.collapse_bursts:
                shots = album.shots(query.where, photo_ids=list(photos))
                found = tuple([shot.photo_id for shot in burst] for burst in bursts(shots))
        return Candidates(
            photos=photos, evidence=evidence, entrants=entrants, best_matches=similar.best_matches, bursts=found
        )

    def _namesakes(self, query: SearchQuery) -> list[tuple[NamedPerson, Embedding]]:
        """People of the requested name, with an embedding in the query's space, or else in a calibrated one."""
        if query.name is None:
            return []
        return [
            (person, embedding)
            for person in self._people.find_by_name(query.album, query.name)[:MAX_NAMESAKES]
            for embedding in self._people.embeddings(query.album, person.person_id)
            if embedding.space in self._compared_spaces(query)
        ]

    def _described_people(self, query: SearchQuery) -> list[tuple[NamedPerson, Embedding]]:
        """People whose name has a word of the description, with an embedding in a space that is compared."""
        if query.about is None:
            return []
        found = {
            person.person_id: person
            for word in query.about.name_words
            for person in self._people.find_by_name(query.album, word)[:MAX_NAMESAKES]
        }
        return [
            (person, embedding)
            for person in list(found.values())[:MAX_NAMESAKES]
            for embedding in self._people.embeddings(query.album, person.person_id)
            if embedding.space in self._compared_spaces(query)
        ]

    def _compared_spaces(self, query: SearchQuery) -> set[str]:
        return {query.embeddings[0].space} if query.embeddings else set(self._calibrations)

    def _inferred_faces(self, query: SearchQuery) -> Sequence[InferredFace]:
        """Faces of the people who wear the requested number."""
        if query.bib is None:
            return ()
        return self._people_by_number.faces_by_number(query.album, query.bib, MAX_INFERRED_FACES)

    def _similar_faces(
        self, album: AlbumReading, query: SearchQuery, embeddings: Sequence[Embedding], only_certain: bool
    ) -> SimilarFaces:
        if not embeddings:
            return SimilarFaces(faces=(), best_matches=())
        space = embeddings[0].space
        if space not in self._calibrations:
            known = " or ".join(sorted(self._calibrations))
            raise InvalidQuery(f"Faces of this embedding space cannot be compared: send embeddings of {known}.")
        calibration = self._calibrations[space]
        required = required_similarity(query.min_similarity, calibration)
        return similar_faces(
            album,
            embeddings,
            where=query.where,
            calibration=calibration,
            min_similarity=max(required, calibration.certain_similarity) if only_certain else required,
            lifts=not query.are_vectors,
        )


def _where_described(query: SearchQuery, found: Collection[str]) -> PhotoFilter:
    """Where the description is looked for: if photos must match all, among those `found` for the other subjects."""
    if query.must_match_all and len(query.subjects) > 1:
        return replace(query.where, photo_ids=frozenset(found))
    return query.where


def _matches(query: SearchQuery, evidence: Evidence) -> bool:
    """Whether a photo with this evidence matches as many of the query's subjects as it must."""
    matched = [any(evidence.value(part) for part in parts) for parts in query.subjects]
    return all(matched) if query.must_match_all else any(matched)
