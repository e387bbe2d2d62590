"""Erasing photos, faces, people and albums for good: what is erased, and what stays known of it (a tombstone).

A tombstone holds ids, generations, positions and times, and nothing that tells who is on a photo.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib_corrections import is_same_face, is_same_place
from photofinish.domain.bib_number import normal_number
from photofinish.domain.geometry import Box
from photofinish.domain.sidecar import face_numbers, face_places

Removed = Mapping[str, Mapping[str, int]]
"""Store (`postgres`, `firestore`, `derived_bucket`, `photo_bucket`, `enrolment_bucket`) → what → how many."""


def added_counts(one: Removed, other: Removed) -> Removed:
    """Add the counts of both."""
    return {
        store: dict(Counter(one.get(store, {})) + Counter(other.get(store, {}))) for store in sorted({*one, *other})
    }


class ErasureKind(StrEnum):
    """What is erased."""

    PHOTO = "photo"
    """Everything found in a photo and made of it, and the original only on request."""
    FACE = "face"
    """One face of one photo, and the bib numbers that were read beside it. The photo stays."""
    FACES = "faces"
    """The faces of one request, each as FACE."""
    PERSON = "person"
    """A person with their name, numbers, enrolment and, as FACE, all their faces. Their photos stay."""
    ALBUM = "album"
    """All photos of an album as PHOTO, its people, rules, start list and access."""


class Reason(StrEnum):
    """Why something is erased; receipts name it."""

    REQUEST = "request"
    """Through the API, the Rekognition API, or the command."""
    ORIGINAL_GONE = "original_gone"
    """The original was deleted or overwritten in the bucket."""
    RETENTION = "retention"
    """The album's end has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureTarget:
    """What to erase.

    `id` is a photo's, face's or person's id, the name of an album, or what :func:`faces_target` makes of several ids.
    """

    kind: ErasureKind
    album: str
    id: str
    generation: int | None = None
    """Of a photo: this version and older ones; None: the newest that is known."""
    with_originals: bool = False
    """Of a photo or an album: delete the originals, too, in all their versions."""
    with_faces: bool = True
    """Of a person: erase their faces. Rekognition's DeleteUser leaves them in the collection."""
    face_ids: tuple[str, ...] = ()
    """Of faces: their ids, in order."""


def faces_target(album: str, face_ids: Iterable[str]) -> ErasureTarget:
    """Faces as one target; its id is the SHA-256 of their ids, sorted, one a line."""
    ids = tuple(sorted(set(face_ids)))
    digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()
    return ErasureTarget(kind=ErasureKind.FACES, album=album, id=digest, face_ids=ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One erasure, finished or not."""

    id: str
    target: ErasureTarget
    reason: Reason
    started_at: datetime
    finished_at: datetime | None = None
    """When the last store had nothing left; None until then."""
    removed: Removed = field(default_factory=dict)
    """What was removed so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedPhoto:
    """The tombstone of a photo: nothing of this version, or an older one, is ever stored again."""

    photo_id: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedFace:
    """The tombstone of a face: a face at this place in this version of the photo is never stored again."""

    face_id: str
    photo_id: str
    generation: int
    box: Box
    bibs: tuple[Box, ...] = ()
    """Where the numbers were read that went with the face."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedParts:
    """What of one version of a photo is erased."""

    is_photo: bool = False
    """The whole photo."""
    faces: tuple[Box, ...] = ()
    bibs: tuple[Box, ...] = ()

    def __bool__(self) -> bool:
        return self.is_photo or bool(self.faces or self.bibs)

    def has_face(self, *places: Box) -> bool:
        """Whether the face in these places, of which a video may have many, is one of the erased ones."""
        return any(is_same_face(place, erased) for erased in self.faces for place in places)

    def has_bib(self, box: Box | None) -> bool:
        """Whether the number in `box` is one that went with an erased face."""
        return box is not None and any(is_same_place(box, erased) for erased in self.bibs)


def parts_of(faces: Iterable[ErasedFace], *, is_photo: bool) -> ErasedParts:
    """The erased parts of one version of a photo, from its tombstones."""
    found = list(faces)
    return ErasedParts(
        is_photo=is_photo,
        faces=tuple(one.box for one in found),
        bibs=tuple(box for one in found for box in one.bibs),
    )


def without_erased(analysis: PhotoAnalysis, erased: ErasedParts) -> PhotoAnalysis:
    """Leave erased faces out of an analysis, with the bibs and lines of text that went with them.

    The other faces keep their numbers, and so their ids.
    """
    numbers = analysis.face_numbers
    gone = {index for index, face in enumerate(analysis.faces) if erased.has_face(*face.places)}
    if not gone and not erased.bibs:
        return analysis
    kept = [index for index in range(len(analysis.faces)) if index not in gone]
    place = {index: position for position, index in enumerate(kept)}
    bibs = [bib for bib in analysis.bibs if bib.face_index not in gone and not erased.has_bib(bib.box)]
    read_there = [*erased.bibs, *(bib.box for bib in analysis.bibs if bib not in bibs)]
    return replace(
        analysis,
        faces=tuple(analysis.faces[index] for index in kept),
        erased_faces=tuple(sorted({*analysis.erased_faces, *(numbers[index] for index in gone)})),
        bibs=tuple(bib if bib.face_index is None else replace(bib, face_index=place[bib.face_index]) for bib in bibs),
        text=tuple(line for line in analysis.text if not any(is_same_place(line.box, box) for box in read_there)),
    )


def lines_without(lines: Sequence[str], numbers: Collection[str]) -> list[str]:
    """Leave out lines of text that show one of these numbers, in its normal form."""
    return [line for line in lines if not any(normal_number(word) in numbers for word in line.split())]


def sidecar_without_erased(document: dict[str, Any], erased: ErasedParts) -> dict[str, Any]:
    """Do the same to a sidecar (in the form of :func:`read_sidecar`); returns an equal one if nothing is erased."""
    numbers = face_numbers(document)
    gone = {index for index, face in enumerate(document["faces"]) if erased.has_face(*face_places(face))}
    if not gone and not erased.bibs:
        return document
    kept = [index for index in range(len(numbers)) if index not in gone]
    place = {index: position for position, index in enumerate(kept)}
    bibs = [bib for bib in document["bibs"] if bib["face_index"] not in gone and not erased.has_bib(Box(**bib["box"]))]
    read_there = [*erased.bibs, *(Box(**bib["box"]) for bib in document["bibs"] if bib not in bibs)]
    erased_faces = sorted({*document.get("erased_faces", ()), *(numbers[index] for index in gone)})
    return (
        document
        | ({"erased_faces": erased_faces} if erased_faces else {})
        | {
            "faces": [document["faces"][index] for index in kept],
            "bibs": [bib | {"face_index": place.get(bib["face_index"])} for bib in bibs],
            "text": [
                line
                for line in document["text"]
                if not any(is_same_place(Box(**line["box"]), box) for box in read_there)
            ],
        }
    )
