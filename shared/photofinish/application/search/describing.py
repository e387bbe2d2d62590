"""Read the photos that fit a description: by what they show, by what was read, and by names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from photofinish.application.search.evidence import EvidenceByPhoto, bib_evidence
from photofinish.application.search.similar_faces import SimilarFace
from photofinish.domain.search import Description, IndexedPhoto, PhotoFilter
from photofinish.domain.search_results import DepictionEvidence, NameEvidence
from photofinish.domain.word_matching import is_number, match_words, word_values
from photofinish.domain.words import words
from photofinish.ports import AlbumReading, SeenBib, SeenDepiction

# More make searches slower (docs/benchmarks/label-search.md), and few look further.
MAX_DEPICTIONS = 200
MAX_READ_PHOTOS = 500
MAX_BIBS = 1000
MAX_ENTRANTS = 100
NamedFaces = Sequence[tuple[str, str, Sequence[SimilarFace]]]
"""Name and id of a person whose name has a word of the description, and faces that are similar to theirs."""


def read_description(
    album: AlbumReading, about: Description, where: PhotoFilter, evidence: EvidenceByPhoto, named: NamedFaces
) -> list[str]:
    """Add the evidence that photos which meet `where` fit the description; return those in which words were read.

    Their words count once the photos are known: see :func:`add_words`.
    """
    if about.place is not None:
        add_depictions(evidence, album.depictions(about.place, limit=MAX_DEPICTIONS, where=where), about)
    numbers = [word for word in about.words if is_number(word)]
    add_numbers(evidence, album.bibs(numbers, limit=MAX_BIBS, where=where))
    for name, person_id, faces in named:
        add_named_faces(evidence, faces, about, name=name, person_id=person_id)
    entrants: dict[str, str] = {}
    for word in about.name_words:
        entrants |= album.entrants(word, limit=MAX_ENTRANTS)
    if entrants:
        add_entrants(evidence, album.bibs(sorted(entrants), limit=MAX_BIBS, where=where), about, entrants)
    return album.with_words(about.words, limit=MAX_READ_PHOTOS, where=where)


def add_depictions(evidence: EvidenceByPhoto, depictions: Iterable[SeenDepiction], about: Description) -> None:
    """Add photos that show something similar to the description."""
    assert about.scale is not None
    for seen in depictions:
        if value := about.scale.value(seen.similarity):
            found = DepictionEvidence(similarity=seen.similarity, labels=seen.labels)
            evidence[seen.photo_id].depiction = value, found


def add_numbers(evidence: EvidenceByPhoto, bibs: Iterable[SeenBib]) -> None:
    """Add the numbers of the description that photos have."""
    for bib in bibs:
        known = evidence[bib.photo_id].numbers
        known[bib.requested] = max(bib.ocr_score, known.get(bib.requested, 0.0))


def add_named_faces(
    evidence: EvidenceByPhoto, faces: Iterable[SimilarFace], about: Description, *, name: str, person_id: str
) -> None:
    """Add faces that are similar to a person whose name has a word of the description."""
    for similar in faces:
        found = NameEvidence(name=name, person_id=person_id, face=similar.evidence)
        evidence[similar.photo_id].add_name(similar.probability * named_share(about, name), found)


def add_entrants(
    evidence: EvidenceByPhoto, bibs: Iterable[SeenBib], about: Description, entrants: Mapping[str, str]
) -> None:
    """Add numbers of `entrants` whose names have a word of the description."""
    for bib in bibs:
        name = entrants[bib.requested]
        found = NameEvidence(name=name, number=bib.requested, bib=bib_evidence(bib))
        evidence[bib.photo_id].add_name(bib.ocr_score * named_share(about, name), found)


def add_words(evidence: EvidenceByPhoto, photos: Mapping[str, IndexedPhoto], about: Description) -> None:
    """Add how well the words and numbers of `photos` fit the description."""
    matches = {
        photo_id: found
        for photo_id, photo in photos.items()
        if (found := match_words(about.words, photo.read_words, evidence[photo_id].numbers))
    }
    for photo_id, value in word_values(about.words, matches).items():
        evidence[photo_id].words = value, tuple(matches[photo_id].values())


def named_share(about: Description, name: str) -> float:
    """How much of a name the description has, 0 to 1: 0.5 for the first or the last of two."""
    of_name = words(name)
    return sum(word in about.words for word in of_name) / len(of_name) if of_name else 0.0
