"""How well people are told apart by their faces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photofinish_cli.evaluation import face_measures
from photofinish_cli.evaluation.bootstrap import statistics
from photofinish_cli.evaluation.face_measures import Comparison, Pairs
from photofinish_cli.evaluation.findings import Findings, FoundFace, main_face, matched
from photofinish_cli.evaluation.labels import LabelledFace, LabelledPhoto
from photofinish_cli.evaluation.results import FARS, SAME_FACE_OVERLAP, Crop, FaceEvaluation, Histogram, PairCase
from photofinish_cli.evaluation.slices import DIMENSIONS, Slice, share_of, slices_of, values_of

_CURVE_FARS = np.geomspace(1e-4, 1, 81)
_SIMILARITY_EDGES = np.linspace(-0.4, 1, 71)
_PAIRS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Portrait:
    """A found face of a known person."""

    crop: Crop
    person: str
    group: str
    face: FoundFace


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
        rank_1=share_of(probes),
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
        for part in slices_of(dimension, [[(values[index], hit) for values, hit in unit] for unit in units])
    )
