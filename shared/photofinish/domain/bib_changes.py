"""What a correction or other rules changed in the numbers of photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from photofinish.domain.bib_corrections import BibCorrection, EffectiveBib, is_same_place
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.photo_document import generation_of, is_erased

ROUNDING = 1e-4
# The fields of a photo's document that change with a correction or other rules; the revision is that of PhotoBibs.
BIB_FIELDS = frozenset({"bibs", "bib_numbers", "bibs_revision"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoBibs:
    """The numbers that one version of a photo shows."""

    photo: PhotoRef
    bibs: tuple[EffectiveBib, ...]
    revision: int
    """Grows with every change of a photo's bibs, so that an older state never replaces a newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BibOperation:
    """A recorded correction, or the undoing of one."""

    operation_id: int
    photo: PhotoRef
    kind: str
    """`replace`, `add`, `remove`, `move`; `undo`, or `redo` for the undoing of an undo."""
    correction: BibCorrection
    """For `undo` and `redo`: the correction that it switches off or on."""
    done_at: datetime
    done_by: str | None
    """The principal; None once the audit of that time has expired."""
    is_active: bool
    """Whether the correction applies now."""
    undoes: int | None
    undone_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedPhoto:
    """The result of a correction."""

    photo: PhotoBibs
    operation_id: int | None
    """The operation to undo it with; None where nothing changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChanges:
    """How many numbers changed."""

    added: int = 0
    removed: int = 0
    changed: int = 0

    def __add__(self, other: NumberChanges) -> NumberChanges:
        return NumberChanges(
            added=self.added + other.added,
            removed=self.removed + other.removed,
            changed=self.changed + other.changed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescoring:
    """How far the photos of an album have been read again since its rules last changed, and what that changed."""

    photos: int
    """Photos whose stored text was read again."""
    numbers: NumberChanges
    skipped: int
    """Photos without stored text, which keep their numbers until they are analysed again."""
    remaining: int
    """Photos that still follow earlier rules."""


def without_older_bibs(fields: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Leave the bibs out of the fields of a photo's document if those in the `known` document are newer."""
    if known.get("bibs_revision", 0) <= fields.get("bibs_revision", 0):
        return dict(fields)
    return {name: value for name, value in fields.items() if name not in BIB_FIELDS}


def is_older_bibs(known: Mapping[str, Any], photo: PhotoRef, fields: Mapping[str, Any]) -> bool:
    """Whether the `known` document is of this version of the photo, with older bibs than in `fields`."""
    return (
        generation_of(known) == photo.generation
        and not is_erased(known)
        and bool(known.get("bibs_revision", 0) < fields["bibs_revision"])
    )


def is_later_analysis(known: Mapping[str, Any], photo: PhotoRef, fields: Mapping[str, Any]) -> bool:
    """Whether `fields` are of another pipeline's analysis, which the index got after that of the `known` document.

    Two tasks may analyse one photo at the same time, one on a GPU and one on a CPU, whose versions differ. Then the
    index has the faces of the later one, so the document must have them, too.
    """
    return (
        generation_of(known) == photo.generation
        and known.get("status") == PhotoStatus.DONE.value
        and known.get("pipeline_version") != fields.get("pipeline_version")
        and known.get("bibs_revision", 0) < fields.get("bibs_revision", 0)
    )


def is_same_reading(one: Sequence[EffectiveBib], other: Sequence[EffectiveBib]) -> bool:
    """Whether two readings of one photo differ by no more than the rounding in sidecars."""

    def told(bibs: Sequence[EffectiveBib]) -> list[object]:
        return [(b.number, b.face_id, b.partial, [c.number for c in b.candidates]) for b in bibs]

    def measured(bibs: Sequence[EffectiveBib]) -> list[float]:
        return [
            value
            for b in bibs
            for value in (b.ocr_score, *(b.box.numbers if b.box else ()), *(c.probability for c in b.candidates))
        ]

    return told(one) == told(other) and all(
        abs(a - b) <= ROUNDING for a, b in zip(measured(one), measured(other), strict=True)
    )


def number_changes(before: Sequence[EffectiveBib], after: Sequence[EffectiveBib]) -> NumberChanges:
    """Compare the numbers of one photo: a number with another one at its place, or on its face, is changed."""
    gone, new = list(before), list(after)
    for bib in before:
        same = next((other for other in new if other.number == bib.number), None)
        if same is not None:
            gone.remove(bib)
            new.remove(same)
    changed = 0
    for bib in list(gone):
        other = next((other for other in new if _is_in_place_of(other, bib)), None)
        if other is not None:
            gone.remove(bib)
            new.remove(other)
            changed += 1
    return NumberChanges(added=len(new), removed=len(gone), changed=changed)


def _is_in_place_of(one: EffectiveBib, other: EffectiveBib) -> bool:
    return (one.face_id is not None and one.face_id == other.face_id) or is_same_place(one.box, other.box)
