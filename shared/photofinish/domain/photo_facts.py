"""What was found in a photo, one fact a row: which number, worn by which face, of which person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFact:
    """A number, a person, or both together in a photo."""

    number: str | None = None
    ocr_score: float | None = None
    by_hand: bool = False
    listed_name: str | None = None
    """What the start list says about the number."""
    face_id: str | None = None
    person_id: str | None = None
    person_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumNames:
    """Who is who in an album."""

    listed: Mapping[str, str]
    """By number, of the start list."""
    people: Mapping[str, str]
    """By person id, of people with a name."""


def facts_of(fields: Mapping[str, Any], owners: Mapping[str, str], names: AlbumNames) -> list[PhotoFact]:
    """The facts of a photo's document; `owners`: face id → id of the person it is assigned to."""
    bibs = list(fields.get("bibs") or ())
    faces = [face["face_id"] for face in fields.get("faces") or ()]
    found = []
    for face in faces:
        worn = [bib for bib in bibs if bib.get("face_id") == face]
        if not worn and face not in owners:
            continue  # a face without a number or a person says nothing
        found += [_fact(bib, face, owners, names) for bib in worn or [None]]
    found += [_fact(bib, None, owners, names) for bib in bibs if bib.get("face_id") not in faces]
    return found


def keywords_of(facts: Iterable[PhotoFact]) -> tuple[list[str], list[str]]:
    """The numbers and the names in a photo, each once, in order."""
    facts = list(facts)
    numbers = dict.fromkeys(fact.number for fact in facts if fact.number)
    names = dict.fromkeys(name for fact in facts for name in _names(fact))
    return list(numbers), list(names)


def rating_of(fields: Mapping[str, Any]) -> int | None:
    """Sharpness as a rating: 1 for a blurred photo, else 2 to 5; None where it was not measured."""
    sharpness = fields.get("sharpness")
    if not isinstance(sharpness, Mapping) or "frame" not in sharpness:
        return None
    return 1 if sharpness.get("is_blurry") else min(5, 2 + int(sharpness["frame"] * 4))


def _names(fact: PhotoFact) -> Iterator[str]:
    name = fact.person_name or fact.listed_name
    if name:
        yield name


def _fact(
    bib: Mapping[str, Any] | None, face_id: str | None, owners: Mapping[str, str], names: AlbumNames
) -> PhotoFact:
    person_id = None if face_id is None else owners.get(face_id)
    number = None if bib is None else bib["number"]
    return PhotoFact(
        number=number,
        ocr_score=None if bib is None else bib.get("ocr_score"),
        by_hand=bool(bib and bib.get("by_hand")),
        listed_name=None if number is None else names.listed.get(number) or None,
        face_id=face_id,
        person_id=person_id,
        person_name=None if person_id is None else names.people.get(person_id),
    )
