"""Searching an album by everything known of a photo: candidates ▸ exact similarity ▸ neighbours ▸ score.

What is found does not depend on the page that is asked for, so a cursor goes on where the page before ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from photofinish.application.search.evidence import Evidence, add_bib, add_offered, likeness
from photofinish.application.search.similarity import best_similarities, centroid, supports
from photofinish.domain.bib_links import InferredFace
from photofinish.domain.face import Embedding
from photofinish.domain.matching import Calibration, match_probability
from photofinish.domain.scoring import (
    cursor_after,
    follows,
    lines_with,
    position,
    shares,
    similarities_in_context,
    text_value,
    time_value,
)
from photofinish.domain.search import (
    FaceEvidence,
    NameEvidence,
    Part,
    ScoredPart,
    ScoredPhoto,
    SearchPage,
    SearchQuery,
    TextEvidence,
    words,
)
from photofinish.ports import AlbumReading, FaceIndex, IndexedPhoto
from photofinish_kernels import hybrid_scores

# The faces that an answer is chosen from: enough strangers are among them to tell whose neighbours they are.
CANDIDATE_FACES = 200
# Where all of these are similar enough, that many more: hardly anybody is on more photos of an album.
MANY_CANDIDATE_FACES = 2000
MAX_BIBS = 2000
MAX_OFFERED_FACES = 2000
# Without a face, bib or name, an answer is chosen from the sharpest photos that meet the rest.
MAX_PHOTOS = 5000
MAX_NAMESAKES = 100
MAX_FACES_OF_NAMESAKES = 20  # of people of that name whose looks are known; each is a search of its own


class NamedPerson(Protocol):
    """What is needed of a person."""

    @property
    def person_id(self) -> str: ...

    @property
    def name(self) -> str | None: ...


class PeopleByName(Protocol):
    """What is needed of the people of an album."""

    def find_by_name(self, album: str, name: str) -> Sequence[NamedPerson]:
        """Those who may be meant."""
        ...

    def embeddings(self, album: str, person_id: str) -> Sequence[Embedding]:
        """What the person looks like, at most one embedding of a space; empty where nothing is known."""
        ...


class PeopleByNumber(Protocol):
    """Who in an album wears which number."""

    def faces_by_number(self, album: str, number: str, limit: int) -> Sequence[InferredFace]:
        """Faces of people who wear `number` for all that is known, the likeliest first."""
        ...


class Searcher:
    """Finds photos of an album; safe to share between threads."""

    def __init__(
        self,
        index: FaceIndex,
        people: PeopleByName,
        wearers: PeopleByNumber,
        calibrations: Mapping[str, Calibration],
    ) -> None:
        """`calibrations` tells for every embedding space what similarities in it mean."""
        self._index = index
        self._people = people
        self._wearers = wearers
        self._calibrations = calibrations

    def search(self, query: SearchQuery) -> SearchPage:
        """The page of photos that `query` asks for.

        The answer is chosen anew for every page. A photo that is indexed, replaced or removed between two pages may
        come or go; of the others none comes twice and none is left out, unless the change moved its score.

        Raises:
            ValueError: the query's cursor is not of this query, its embedding space is not calibrated, or its
                embeddings have another dimension than the album's.
        """
        last = position(query)
        namesakes = self._namesakes(query)
        offered = (
            self._wearers.faces_by_number(query.album, query.bib, MAX_OFFERED_FACES) if query.bib is not None else ()
        )
        found: defaultdict[str, Evidence] = defaultdict(Evidence)
        with self._index.reading(query.album) as reading:
            entrants = reading.entrants(query.name, limit=MAX_NAMESAKES) if query.name is not None else {}
            if query.embeddings:
                for photo_id, value, face in self._similar(reading, query, query.embeddings):
                    found[photo_id].add_face(value, face)
            for person, looks in namesakes:
                for photo_id, value, face in self._similar(reading, query, [looks]):
                    name = NameEvidence(name=person.name or "", person_id=person.person_id, face=face)
                    found[photo_id].add_name(value * likeness(query, name), name)
            for bib in reading.bibs(_numbers(query, entrants), limit=MAX_BIBS, where=query.where):
                add_bib(found[bib.photo_id], bib, query, entrants)
            if query.embeddings or query.bib is not None or query.name is not None:
                photos = reading.photos(list({*found, *(one.face.photo_id for one in offered)}))
                add_offered(found, photos, offered, query)
                photos = {photo_id: photo for photo_id, photo in photos.items() if photo_id in found}
            else:
                photos = reading.sharpest(query.where, limit=MAX_PHOTOS)
        return _page(query, last, photos, found, entrants)

    def _namesakes(self, query: SearchQuery) -> list[tuple[NamedPerson, Embedding]]:
        """People of that name, with what they look like in the space of the query, or in one that is calibrated."""
        if query.name is None:
            return []
        spaces = {query.embeddings[0].space} if query.embeddings else set(self._calibrations)
        return [
            (person, looks)
            for person in self._people.find_by_name(query.album, query.name)[:MAX_FACES_OF_NAMESAKES]
            for looks in self._people.embeddings(query.album, person.person_id)
            if looks.space in spaces
        ]

    def _similar(
        self, reading: AlbumReading, query: SearchQuery, embeddings: Sequence[Embedding]
    ) -> Iterator[tuple[str, float, FaceEvidence]]:
        """Photo id, probability and evidence of every face that is similar enough to any of `embeddings`."""
        calibration = self._calibration(embeddings[0].space)
        wanted = calibration.min_similarity if query.min_similarity is None else query.min_similarity
        middle = centroid(embeddings)
        asked = [middle] if len(embeddings) == 1 else [*embeddings, middle]
        near = reading.nearest(asked, limit=CANDIDATE_FACES, where=query.where)
        similarities = best_similarities(asked, near.vectors)
        if np.count_nonzero(similarities >= wanted) >= CANDIDATE_FACES:
            near = reading.nearest(asked, limit=MANY_CANDIDATE_FACES, where=query.where)
            similarities = best_similarities(asked, near.vectors)
        shared = supports(middle, near.vectors)
        lifted = similarities_in_context(similarities, shared)
        for row in np.flatnonzero(lifted >= wanted).tolist():
            face = near.face(row)
            evidence = FaceEvidence(
                face_id=face.face_id,
                box=face.box,
                similarity=float(similarities[row]),
                support=float(shared[row]),
                detection_score=face.detection_score,
                quality=face.quality,
            )
            yield face.photo_id, match_probability(float(lifted[row]), calibration), evidence

    def _calibration(self, space: str) -> Calibration:
        if space not in self._calibrations:
            raise ValueError(
                f"nothing is known of similarities in the embedding space {space!r}: search with embeddings of "
                f"{' or '.join(sorted(self._calibrations))}"
            )
        return self._calibrations[space]


def _numbers(query: SearchQuery, entrants: Mapping[str, str]) -> list[str]:
    return sorted(entrants if query.bib is None else {*entrants, query.bib})


def _page(
    query: SearchQuery,
    last: tuple[float, str] | None,
    photos: Mapping[str, IndexedPhoto],
    found: Mapping[str, Evidence],
    entrants: Mapping[str, str],
) -> SearchPage:
    nothing = Evidence()
    ids = sorted(photos)
    weights = shares(query)
    values = np.array(
        [_values(query, tuple(weights), photos[id_], found.get(id_, nothing)) for id_ in ids], np.float32
    ).reshape(len(ids), len(weights))
    scores, contributions = hybrid_scores(values, np.array(list(weights.values()), np.float32))
    ranked = np.argsort(-scores, kind="stable")  # ids are sorted, so equal scores stay in their order
    following = [row for row in ranked.tolist() if follows(float(scores[row]), photos[ids[row]].photo, last)]
    page = tuple(
        _scored(
            query,
            photos[ids[row]],
            found.get(ids[row], nothing),
            float(scores[row]),
            tuple(
                ScoredPart(part=part, value=float(value), weight=weight, contribution=float(contribution))
                for (part, weight), value, contribution in zip(
                    weights.items(), values[row], contributions[row], strict=True
                )
            ),
        )
        for row in following[: query.limit]
    )
    more = len(following) > len(page)
    cursor = cursor_after(query, page[-1].score, page[-1].photo) if more else None
    return SearchPage(photos=page, next_cursor=cursor, numbers=entrants)


def _values(query: SearchQuery, parts: tuple[Part, ...], photo: IndexedPhoto, evidence: Evidence) -> list[float]:
    """The value of each of `parts`, which the query asks for."""
    face = evidence.best_face()
    values = {
        Part.FACE: evidence.face[0] if evidence.face else 0.0,
        Part.BIB: evidence.bib[0] if evidence.bib else 0.0,
        Part.NAME: evidence.name[0] if evidence.name else 0.0,
        Part.QUALITY: face.quality if face else photo.sharpness,
    }
    if query.where.text is not None:
        values[Part.TEXT] = text_value(words(query.where.text), photo.lines)
    if Part.TIME in parts and photo.taken_at is not None:
        values[Part.TIME] = time_value(photo.taken_at, query.where)
    return [values[part] for part in parts]


def _scored(
    query: SearchQuery, photo: IndexedPhoto, evidence: Evidence, score: float, parts: tuple[ScoredPart, ...]
) -> ScoredPhoto:
    text = query.where.text
    return ScoredPhoto(
        photo=photo.photo,
        score=score,
        parts=parts,
        face=evidence.face[1] if evidence.face else None,
        bib=evidence.bib[1] if evidence.bib else None,
        name=evidence.name[1] if evidence.name else None,
        text=None if text is None else TextEvidence(lines=lines_with(words(text), photo.lines)),
        taken_at=photo.taken_at,
        camera=photo.camera,
        width=photo.width,
        height=photo.height,
        sharpness=photo.sharpness,
        pipeline_version=photo.pipeline_version,
    )
