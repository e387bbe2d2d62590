"""How well bib numbers of labelled race photos are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from photofinish.domain.start_list import StartList
from photofinish_cli.evaluation.bib_measures import PhotoCounts, bib_accuracy, precision_recall_curve
from photofinish_cli.evaluation.bootstrap import ratio
from photofinish_cli.evaluation.findings import Findings, FoundFace, matched
from photofinish_cli.evaluation.labels import LabelledBib, LabelledPhoto, PixelBox
from photofinish_cli.evaluation.results import CASES_SHOWN, SAME_FACE_OVERLAP, BibCase, BibEvaluation, Crop
from photofinish_cli.evaluation.slices import DIMENSIONS, Slice, slices_of, values_of

# From a bib's box to the face above it, in units of the face, as runners wear them.
_SIDEWAYS, _BELOW = 1.3, 5.0


def evaluate_bibs(
    photos: Sequence[LabelledPhoto], found: Mapping[Path, Findings], start_list: StartList | None
) -> BibEvaluation:
    """Exact matches of whole numbers per photo; `found` was analysed with `start_list`."""
    all_reads = [found[photo.path].bibs for photo in photos]
    reads = [[bib for bib in bibs if not bib.partial] for bibs in all_reads]
    labelled = [frozenset(bib.number for bib in photo.bibs) for photo in photos]
    read = [frozenset(bib.number for bib in bibs) for bibs in reads]
    before = [
        frozenset(bib.number for bib in found[photo.path].bibs_of_any_number if not bib.partial) for photo in photos
    ]
    possible = [frozenset(number for bib in bibs for number in bib.candidates) for bibs in all_reads]

    scored: list[tuple[float, bool]] = []
    missed: list[tuple[float, BibCase]] = []
    wrong: list[BibCase] = []
    wearers: list[list[tuple[FoundFace, bool]]] = []
    for photo, bibs, there, seen in zip(photos, reads, labelled, read, strict=True):
        best = {bib.number: bib for bib in sorted(bibs, key=lambda bib: bib.ocr_score)}
        scored += [(bib.ocr_score, bib.number in there) for bib in best.values()]
        wrong += [
            BibCase(
                bib.number, Crop(path=photo.path, name=photo.name, box=bib.box), tuple(sorted(there)), bib.ocr_score
            )
            for bib in best.values()
            if bib.number not in there
        ]
        faces: list[tuple[FoundFace, bool]] = []
        for label in {bib.number: bib for bib in photo.bibs}.values():
            wearer = wearer_of(label, found[photo.path].faces)
            if wearer:
                faces.append((wearer, label.number in seen))
            if label.number not in seen:
                crop = Crop(path=photo.path, name=photo.name, box=_bib_place(label, wearer))
                size = wearer.size_px if wearer else 0.0
                missed.append((size, BibCase(label.number, crop, tuple(sorted(seen)))))
        wearers.append(faces)
    known = [number for numbers in labelled for number in numbers]
    return BibEvaluation(
        photos=len(photos),
        accuracy=bib_accuracy([PhotoCounts.of(*sets) for sets in zip(labelled, read, strict=True)]),
        without_start_list=(
            bib_accuracy([PhotoCounts.of(*sets) for sets in zip(labelled, before, strict=True)]) if start_list else None
        ),
        recall_of_candidates=(
            ratio(
                [len(there & maybe) for there, maybe in zip(labelled, possible, strict=True)],
                [len(there) for there in labelled],
            )
            if start_list
            else None
        ),
        partial=sum(bib.partial for bibs in all_reads for bib in bibs),
        not_on_start_list=tuple(sorted(set(known) - set(start_list.names))) if start_list else (),
        slices=_recall_slices(wearers),
        curve=tuple(precision_recall_curve(scored, len(known))),
        # The largest first: those that one would have read oneself.
        missed=tuple(case for _, case in sorted(missed, key=lambda entry: -entry[0])[:CASES_SHOWN]),
        wrong=tuple(sorted(wrong, key=lambda case: -(case.ocr_score or 0))[:CASES_SHOWN]),
    )


def wearer_of(bib: LabelledBib, faces: Sequence[FoundFace]) -> FoundFace | None:
    """The found face of the runner who wears a labelled bib: by the labelled face, else the next one above the bib."""
    if bib.face_box:
        (match,) = matched([bib.face_box], [face.box for face in faces], at_least=SAME_FACE_OVERLAP)
        return None if match is None else faces[match]
    if bib.box is None:
        return None
    x, y = bib.box[0] + bib.box[2] / 2, bib.box[1] + bib.box[3] / 2
    above: list[tuple[float, FoundFace]] = []
    for face in faces:
        left, top, width, height = face.box
        sideways = abs(x - (left + width / 2)) / face.size_px
        if sideways <= _SIDEWAYS and 0 < y - (top + height) <= _BELOW * face.size_px:
            above.append((sideways, face))
    return min(above, key=lambda entry: entry[0])[1] if above else None


def _recall_slices(photos: Sequence[Sequence[tuple[FoundFace, bool]]]) -> tuple[Slice, ...]:
    return tuple(
        part
        for index, dimension in enumerate(DIMENSIONS)
        for part in slices_of(dimension, [[(values_of(face)[index], hit) for face, hit in photo] for photo in photos])
    )


def _bib_place(bib: LabelledBib, wearer: FoundFace | None) -> PixelBox | None:
    if bib.box:
        return bib.box
    if wearer is None:
        return None
    x, y, w, h = wearer.box
    return x - w, y + h, 3 * w, 4 * h
