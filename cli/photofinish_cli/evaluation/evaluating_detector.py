"""How many of the labelled faces are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from photofinish_cli.evaluation.findings import Findings, matched
from photofinish_cli.evaluation.labels import LabelledFace, LabelledPhoto, PixelBox
from photofinish_cli.evaluation.results import CASES_SHOWN, SAME_FACE_OVERLAP, Crop, DetectorEvaluation
from photofinish_cli.evaluation.slices import SIZE, share_of, slices_of


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
        recall=share_of([[was_found for _, was_found in outcome] for outcome in outcomes]),
        slices=tuple(
            slices_of(
                SIZE,
                [[((box[2] * box[3]) ** 0.5, hit) for box, hit in outcome if box is not None] for outcome in outcomes],
            )
        ),
        missed=tuple(missed[:CASES_SHOWN]),
    )
