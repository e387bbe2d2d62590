"""The faces of a person, and similar faces to suggest for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from photofinish.application.search.similar_faces import most_similar_faces
from photofinish.domain.face import Embedding
from photofinish.domain.matching import Calibration, required_similarity, rounded_similarity
from photofinish.domain.people import FaceSource, Person
from photofinish.domain.search_results import BestMatch
from photofinish.ports import FaceIndex, IndexedFace, People

# The search also finds the person's own and rejected faces: up to so many are fetched beyond the limit to skip them.
MAX_SKIPPED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedFace:
    """A face of a person, or one suggested for them."""

    face: IndexedFace
    similarity: float | None
    """Cosine to the person's centroid, rounded to steps.

    None below the calibrated threshold, and where one of the two is missing in the searched embedding space."""
    person_id: str | None
    """The person that the face is assigned to."""
    source: FaceSource | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """The faces of a person, confirmed ones first, and those suggested for them, the most similar first."""

    own: list[MatchedFace]
    suggested: list[MatchedFace]
    has_more: bool
    """Whether the person has faces after those of `own`."""
    best_matches: Sequence[BestMatch]
    """The most similar face of those above."""


def find_matches(
    person: Person,
    *,
    people: People,
    index: FaceIndex,
    space: str,
    calibration: Calibration,
    limit: int,
    offset: int,
    min_similarity: float | None = None,
    only_certain: bool = False,
) -> Matches:
    """A page of up to `limit` faces of the person from `offset` on; the first page also suggests up to `limit` faces.

    Similarities are those of the embedding space `space`; suggested faces have `min_similarity` or more, by default the
    calibrated threshold, and if `only_certain` at least the calibration's `certain_similarity`.

    Raises:
        InvalidQuery: `min_similarity` is below the calibrated threshold.
    """
    required = required_similarity(min_similarity, calibration)
    if only_certain:
        required = max(required, calibration.certain_similarity)
    centroids = [one for one in people.embeddings(person.album, person.person_id) if one.space == space]
    found_faces = people.faces(person.album, person.person_id, limit=limit + 1, offset=offset)
    faces, has_more = found_faces[:limit], len(found_faces) > limit
    embeddings = index.embeddings(person.album, [one.face.face_id for one in faces])
    own = [
        MatchedFace(
            face=one.face,
            similarity=_similarity(embeddings.get(one.face.face_id), centroids, calibration),
            person_id=person.person_id,
            source=one.source,
        )
        for one in faces
    ]
    if offset or not centroids:
        return _matches(own, [], has_more)
    rejected = people.rejected_faces(person.album, person.person_id)
    count = limit + min(person.face_count + len(rejected), MAX_SKIPPED)
    found = most_similar_faces(
        index, person.album, centroids, limit=count, min_similarity=required, rounded_by=calibration
    )
    owners = people.face_owners(person.album, [match.face.face_id for match in found])
    suggested = []
    for match in found:
        owner = owners.get(match.face.face_id)
        person_id, source = (owner.person_id, owner.source) if owner else (None, None)
        is_decided = source not in (None, FaceSource.CLUSTERED)
        if match.face.face_id not in rejected and person_id != person.person_id and not is_decided:
            suggested.append(
                MatchedFace(face=match.face, similarity=match.similarity, person_id=person_id, source=source)
            )
    return _matches(own, suggested[:limit], has_more)


def _matches(own: list[MatchedFace], suggested: list[MatchedFace], has_more: bool) -> Matches:
    similar = [
        BestMatch(face_id=one.face.face_id, similarity=one.similarity)
        for one in (*own, *suggested)
        if one.similarity is not None
    ]
    return Matches(
        own=own,
        suggested=suggested,
        has_more=has_more,
        best_matches=sorted(similar, key=lambda match: -match.similarity)[:1],
    )


def _similarity(embedding: Embedding | None, centroids: Sequence[Embedding], calibration: Calibration) -> float | None:
    if embedding is None:
        return None
    found = next((float(one.vector @ embedding.vector) for one in centroids if one.space == embedding.space), -1.0)
    rounded = rounded_similarity(found, calibration)
    return rounded if rounded >= calibration.min_similarity else None
