"""Bibs and corrections as JSON columns, and as rows of the tables that searches read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from photofinish.domain.bib import other_numbers
from photofinish.domain.bib_corrections import BibCorrection, CorrectionKind, EffectiveBib
from photofinish.domain.geometry import Box
from photofinish.domain.start_list import BibCandidate

Json = dict[str, Any]
_BOX_COLUMNS = ("box_x", "box_y", "box_w", "box_h", "box_at_s")


def json_of_bibs(bibs: Iterable[EffectiveBib]) -> list[Json]:
    """Bibs as read, for the column `bibs_read`."""
    return [
        {
            "number": bib.number,
            "ocr_score": bib.ocr_score,
            "partial": bib.partial,
            "box": _numbers(bib.box),
            "face_id": bib.face_id,
            "candidates": [{"number": one.number, "probability": one.probability} for one in bib.candidates],
        }
        for bib in bibs
    ]


def bibs_of_json(stored: Iterable[Json]) -> tuple[EffectiveBib, ...]:
    return tuple(
        EffectiveBib(
            number=bib["number"],
            ocr_score=bib["ocr_score"],
            partial=bib["partial"],
            box=_box(bib["box"]),
            face_id=bib["face_id"],
            candidates=tuple(BibCandidate(**one) for one in bib["candidates"]),
        )
        for bib in stored
    )


def json_of_correction(correction: BibCorrection) -> Json:
    return {
        "kind": correction.kind.value,
        "number": correction.number,
        "instead_of": correction.instead_of,
        "box": _numbers(correction.box),
        "face": _numbers(correction.face),
    }


def correction_of_json(stored: Json) -> BibCorrection:
    return BibCorrection(
        kind=CorrectionKind(stored["kind"]),
        number=stored["number"],
        instead_of=stored["instead_of"],
        box=_box(stored["box"]),
        face=_box(stored["face"]),
    )


def bib_rows(photo_key: Mapping[str, Any], bibs: Iterable[EffectiveBib]) -> tuple[list[Json], list[Json]]:
    """Rows of the tables `bib` and `bib_candidate`."""
    rows, candidates = [], []
    for index, bib in enumerate(bibs):
        key = {**photo_key, "bib_index": index}
        box: Json = dict.fromkeys(_BOX_COLUMNS) | dict(zip(_BOX_COLUMNS, _numbers(bib.box) or (), strict=False))
        rows.append(
            key
            | box
            | {
                "number": bib.number,
                "ocr_score": bib.ocr_score,
                "partial": bib.partial,
                "face_id": bib.face_id,
                "by_hand": bib.by_hand,
            }
        )
        candidates += [
            key | {"number": number, "ocr_score": ocr_score} for number, ocr_score in other_numbers(bib).items()
        ]
    return rows, candidates


def _numbers(box: Box | None) -> list[float] | None:
    return None if box is None else box.numbers


def _box(numbers: list[float] | None) -> Box | None:
    return None if numbers is None else Box(*numbers)
