"""All measures of labelled photos together, with their worst cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.start_list import StartList
from photofinish_cli.evaluation import face_measures
from photofinish_cli.evaluation.bib_measures import BibAccuracy, PhotoCounts, bib_accuracy, precision_recall_curve
from photofinish_cli.evaluation.bootstrap import Estimate, ratio, statistics
from photofinish_cli.evaluation.face_measures import Comparison, Pairs
from photofinish_cli.evaluation.findings import Findings, FoundFace, main_face, matched
from photofinish_cli.evaluation.labels import LabelledBib, LabelledFace, LabelledPhoto, PixelBox
from photofinish_cli.evaluation.slices import DIMENSIONS, SIZE, Dimension, Slice, values_of

FARS = (1e-2, 1e-3)
SAME_FACE_OVERLAP = 0.4
"""A labelled face is found where intersection over union with a detection is at least this."""
_CURVE_FARS = np.geomspace(1e-4, 1, 81)
_SIMILARITY_EDGES = np.linspace(-0.4, 1, 71)
_BIBS_SHOWN, _PAIRS_SHOWN = 24, 12
# From a bib's box to the face above it, in units of the face, as runners wear them.
_SIDEWAYS, _BELOW = 1.3, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """A place in a photo, to be looked at."""

    path: Path
    name: str
    box: PixelBox | None
    """None where the whole photo is meant."""


@dataclass(frozen=True, slots=True)
class BibCase:
    """A bib that was missed, or a number that was read and is not labelled."""

    number: str
    crop: Crop
    others: tuple[str, ...]
    """What was read in that photo; for a wrong read, what is labelled there."""
    ocr_score: float | None = None


@dataclass(frozen=True, slots=True)
class PairCase:
    """Two faces and their cosine similarity."""

    first: Crop
    first_person: str
    second: Crop
    second_person: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Two distributions on the same bins."""

    bins: tuple[tuple[float, float, float], ...]
    """(from, share of the one, share of the other)."""
    step: float

    @classmethod
    def of(cls, one: NDArray[np.float64], other: NDArray[np.float64], edges: NDArray[np.float64]) -> Histogram:
        """Values outside the edges count in the first or last bin."""
        shares = [
            np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / max(1, len(values))
            for values in (one, other)
        ]
        columns = (values.tolist() for values in (edges[:-1], *shares))
        return cls(tuple(zip(*columns, strict=True)), float(edges[1] - edges[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class BibEvaluation:
    """How well numbers are read."""

    photos: int
    accuracy: BibAccuracy
    without_start_list: BibAccuracy | None
    """The same reads before the start list; None where there is none."""
    recall_of_candidates: Estimate | None
    """Recall where a number also counts that a read may be (2906 where 2908 is as likely); None without start list."""
    partial: int
    """Reads that say themselves that digits are missing; they count neither as right nor as wrong."""
    not_on_start_list: tuple[str, ...]
    """Labelled numbers that the start list does not know."""
    slices: tuple[Slice, ...]
    """Recall by the wearer's face."""
    curve: tuple[tuple[float, float, float], ...]
    """(ocr_score, precision, recall)."""
    missed: tuple[BibCase, ...]
    wrong: tuple[BibCase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorEvaluation:
    """How many labelled faces are found."""

    name: str
    photos: int
    recall: Estimate
    slices: tuple[Slice, ...]
    missed: tuple[Crop, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceEvaluation:
    """How well people are told apart."""

    name: str
    people: int
    faces: int
    same_pairs: int
    stranger_pairs: int
    unclear_people: tuple[tuple[str, str], ...]
    """Pairs of labels that may mean one person, and are not compared."""
    auc: Estimate
    rank_1: Estimate
    tar: Mapping[float, Estimate]
    thresholds: Mapping[float, float]
    """FAR → the cosine similarity that a pair must exceed."""
    slices: tuple[Slice, ...]
    """TAR at FAR 1e-3 by the harder face of the pair, at the threshold of all pairs."""
    curve: tuple[tuple[float, float], ...]
    """(FAR, TAR)."""
    similarities: Histogram
    """Of same-person pairs and of strangers' pairs."""
    same_similarities: NDArray[np.float64]
    stranger_similarities: NDArray[np.float64]
    """(P,) by falling similarity."""
    strangers: tuple[PairCase, ...]
    same: tuple[PairCase, ...]


@dataclass(frozen=True, slots=True)
class Portrait:
    """A found face of a known person."""

    crop: Crop
    person: str
    group: str
    face: FoundFace


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
        missed=tuple(case for _, case in sorted(missed, key=lambda entry: -entry[0])[:_BIBS_SHOWN]),
        wrong=tuple(sorted(wrong, key=lambda case: -(case.ocr_score or 0))[:_BIBS_SHOWN]),
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


def evaluate_detector_on_bibs(photos: Sequence[LabelledPhoto], found: Mapping[Path, Findings]) -> DetectorEvaluation:
    """Which of the labelled faces of race photos are found."""
    return _detector(
        "race photos", [(photo.path, photo.name, photo.face_boxes) for photo in photos if photo.face_boxes], found
    )


def evaluate_detector_on_people(faces: Sequence[LabelledFace], found: Mapping[Path, Findings]) -> DetectorEvaluation:
    """Which photos of people have a face at the labelled place, or any where no place is labelled."""
    by_photo: dict[Path, list[LabelledFace]] = {}
    for face in faces:
        by_photo.setdefault(face.path, []).append(face)
    return _detector(
        "photos of people",
        [(path, group[0].name, tuple(face.box for face in group)) for path, group in by_photo.items()],
        found,
    )


def _detector(
    name: str,
    photos: Sequence[tuple[Path, str, Sequence[PixelBox | None]]],
    found: Mapping[Path, Findings],
) -> DetectorEvaluation:
    outcomes: list[list[tuple[PixelBox | None, bool]]] = []
    missed: list[Crop] = []
    for path, photo_name, boxes in photos:
        placed = [box for box in boxes if box is not None]
        detections = [face.box for face in found[path].faces]
        matches = matched(placed, detections, at_least=SAME_FACE_OVERLAP)
        outcome: list[tuple[PixelBox | None, bool]] = [
            (box, match is not None) for box, match in zip(placed, matches, strict=True)
        ]
        outcome += [(None, bool(detections)) for box in boxes if box is None]
        outcomes.append(outcome)
        missed += [Crop(path=path, name=photo_name, box=box) for box, was_found in outcome if not was_found]
    return DetectorEvaluation(
        name=name,
        photos=len(photos),
        recall=_share([[was_found for _, was_found in outcome] for outcome in outcomes]),
        slices=tuple(
            _slices(
                SIZE,
                [[((box[2] * box[3]) ** 0.5, hit) for box, hit in outcome if box is not None] for outcome in outcomes],
            )
        ),
        missed=tuple(missed[:_BIBS_SHOWN]),
    )


def evaluate_runners(
    photos: Sequence[LabelledPhoto], found: Mapping[Path, Findings], advance: Callable[[], None]
) -> FaceEvaluation:
    """Runners told apart: the same number in two photos of a race is the same person.

    Numbers that may be cut off say nothing about who it is: see :func:`perhaps_cut_off`.
    """
    portraits: list[Portrait] = []
    for photo in photos:
        faces = found[photo.path].faces
        labelled = [bib for bib in photo.bibs if bib.face_box]
        boxes = [bib.face_box for bib in labelled if bib.face_box]
        matches = matched(boxes, [face.box for face in faces], at_least=SAME_FACE_OVERLAP)
        for bib, match in zip(labelled, matches, strict=True):
            if match is not None:
                crop = Crop(path=photo.path, name=photo.name, box=faces[match].box)
                portraits.append(Portrait(crop, bib.number, photo.race, faces[match]))
    unclear = perhaps_cut_off((portrait.group, portrait.person) for portrait in portraits)
    return _evaluate_portraits("runners, by their bibs", portraits, advance, unclear)


def evaluate_people(
    labels: Sequence[LabelledFace], found: Mapping[Path, Findings], advance: Callable[[], None]
) -> FaceEvaluation:
    """People told apart, by the face that each photo shows of them."""
    return _evaluate_portraits("people, by their folders", portraits_of(labels, found), advance)


def portraits_of(labels: Sequence[LabelledFace], found: Mapping[Path, Findings]) -> list[Portrait]:
    """The found face of each labelled photo of a person; photos without it are left out."""
    portraits: list[Portrait] = []
    for label in labels:
        findings = found[label.path]
        face = main_face(findings)
        if label.box:
            boxes = [face.box for face in findings.faces]
            (match,) = matched([label.box], boxes, at_least=SAME_FACE_OVERLAP)
            face = None if match is None else findings.faces[match]
        if face:
            crop = Crop(path=label.path, name=label.name, box=face.box)
            portraits.append(Portrait(crop, label.person, "", face))
    return portraits


def perhaps_cut_off(people: Iterable[tuple[str, str]]) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Pairs of (race, number) that may be one runner: a number that another one of its race begins or ends with.

    Labellers write 359 where a hand hides the rest of 3594. Two faces that both carry such a short
    number may be two runners', so a number is also paired with itself.
    """
    pairs = []
    numbers = sorted(set(people))
    for race, number in numbers:
        longer = [
            (race, other)
            for other_race, other in numbers
            if other_race == race and other != number and (other.startswith(number) or other.endswith(number))
        ]
        pairs += [((race, number), other) for other in [(race, number), *longer] if longer]
    return pairs


def _evaluate_portraits(
    name: str,
    portraits: Sequence[Portrait],
    advance: Callable[[], None],
    unclear: Sequence[tuple[tuple[str, str], tuple[str, str]]] = (),
) -> FaceEvaluation:
    vectors = np.array([portrait.face.vector for portrait in portraits], np.float32)
    compared = face_measures.compare(
        vectors if len(portraits) else np.zeros((0, 1), np.float32),
        [(portrait.group, portrait.person) for portrait in portraits],
        [portrait.crop.path for portrait in portraits],
        [portrait.group for portrait in portraits],
        unclear=unclear,
    )
    same, strangers = compared.same.similarity, compared.strangers.similarity
    people = int(compared.people.max()) + 1 if len(portraits) else 0

    def measured(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        of_same = face_measures.pair_weights(compared.people, compared.same, drawn)
        of_strangers = face_measures.pair_weights(compared.people, compared.strangers, drawn)
        figures = [face_measures.auc(same, strangers, of_same, of_strangers)]
        figures += [face_measures.tar_at(far, same, strangers, of_same, of_strangers) for far in FARS]
        return np.array(figures)

    auc, *tars = statistics(
        measured, people, of=(len(same) + compared.stranger_pairs, len(same), len(same)), advance=advance
    )
    thresholds = {far: face_measures.threshold_at(far, strangers)[0] for far in FARS}
    probes = [compared.hits[(compared.people == person) & compared.has_mate].tolist() for person in range(people)]
    return FaceEvaluation(
        name=name,
        people=people,
        faces=len(portraits),
        same_pairs=len(same),
        stranger_pairs=compared.stranger_pairs,
        unclear_people=tuple((one[1], other[1]) for one, other in unclear),
        auc=auc,
        rank_1=_share(probes),
        tar=dict(zip(FARS, tars, strict=True)),
        thresholds=thresholds,
        slices=_pair_slices(compared, portraits, thresholds[FARS[-1]]),
        curve=tuple(
            (float(far), float(tar))
            for far, tar in zip(_CURVE_FARS, face_measures.roc(same, strangers, _CURVE_FARS), strict=True)
            if not np.isnan(tar)
        ),
        similarities=Histogram.of(same, strangers, _SIMILARITY_EDGES),
        same_similarities=same,
        stranger_similarities=strangers,
        strangers=_pair_cases(compared.strangers, range(min(_PAIRS_SHOWN, len(strangers))), portraits),
        same=_pair_cases(compared.same, range(len(same) - 1, max(-1, len(same) - 1 - _PAIRS_SHOWN), -1), portraits),
    )


def _pair_cases(pairs: Pairs, rows: Sequence[int], portraits: Sequence[Portrait]) -> tuple[PairCase, ...]:
    cases = []
    for row in rows:
        one, other = portraits[int(pairs.first[row])], portraits[int(pairs.second[row])]
        cases.append(PairCase(one.crop, one.person, other.crop, other.person, float(pairs.similarity[row])))
    return tuple(cases)


def _pair_slices(compared: Comparison, portraits: Sequence[Portrait], threshold: float) -> tuple[Slice, ...]:
    pairs = compared.same
    people = int(compared.people.max()) + 1 if len(portraits) else 0
    units: list[list[tuple[tuple[float, ...], bool]]] = [[] for _ in range(people)]
    for first, second, similarity in zip(pairs.first, pairs.second, pairs.similarity, strict=True):
        harder = map(min, values_of(portraits[first].face), values_of(portraits[second].face))
        units[compared.people[first]].append((tuple(harder), bool(similarity > threshold)))
    return tuple(
        part
        for index, dimension in enumerate(DIMENSIONS)
        for part in _slices(dimension, [[(values[index], hit) for values, hit in unit] for unit in units])
    )


def _recall_slices(photos: Sequence[Sequence[tuple[FoundFace, bool]]]) -> tuple[Slice, ...]:
    return tuple(
        part
        for index, dimension in enumerate(DIMENSIONS)
        for part in _slices(dimension, [[(values_of(face)[index], hit) for face, hit in photo] for photo in photos])
    )


def _slices(dimension: Dimension, units: Sequence[Sequence[tuple[float, bool]]]) -> list[Slice]:
    """The share of hits in each step that has any; a unit (a photo, a person) is drawn as a whole."""
    parts = []
    for step in dimension.steps:
        share = _share([[hit for value, hit in unit if dimension.step_of(value) == step] for unit in units])
        if share.of:
            parts.append(Slice(dimension.name, step, share))
    return parts


def _share(units: Sequence[Sequence[bool]]) -> Estimate:
    return ratio([sum(unit) for unit in units], [len(unit) for unit in units])


def _bib_place(bib: LabelledBib, wearer: FoundFace | None) -> PixelBox | None:
    if bib.box:
        return bib.box
    if wearer is None:
        return None
    x, y, w, h = wearer.box
    return x - w, y + h, 3 * w, 4 * h
