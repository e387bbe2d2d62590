"""The report that people look at: one HTML file that needs nothing else, and the same figures as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from photofinish.analysis.models.calibration_file import MeasuredCalibration
from photofinish_cli.evaluation import charts
from photofinish_cli.evaluation.bib_measures import BibAccuracy
from photofinish_cli.evaluation.bootstrap import RESAMPLES, SEED, Estimate
from photofinish_cli.evaluation.results import (
    FARS,
    SAME_FACE_OVERLAP,
    BibEvaluation,
    DetectorEvaluation,
    FaceEvaluation,
)
from photofinish_cli.evaluation.slices import Slice
from photofinish_cli.evaluation.thumbnails import BIB_MARGIN, FACE_MARGIN, Thumbnailer

THUMBNAIL_PX = 168
HEADLINE_FAR = FARS[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Everything that was measured in one run."""

    created_at: datetime
    pipeline_version: str
    sources: tuple[str, ...]
    """The labelled folders and the start list, as given."""
    start_list_numbers: int | None
    rejected: tuple[tuple[str, str], ...]
    """Labelled files that cannot be analysed, with the reason; they count as photos in which nothing was found."""
    bibs: BibEvaluation | None
    faces: tuple[FaceEvaluation, ...]
    detector: tuple[DetectorEvaluation, ...]
    calibration: MeasuredCalibration | None = None
    """Of the embedding space, measured on `faces`; None unless it was requested."""


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """All figures for scripts. A figure is `{value, low, high, of}`, its interval None where it cannot be measured."""
    bibs = evaluation.bibs
    return {
        "created_at": evaluation.created_at.isoformat(),
        "pipeline_version": evaluation.pipeline_version,
        "sources": list(evaluation.sources),
        "resamples": RESAMPLES,
        "seed": SEED,
        "rejected": [{"file": name, "reason": reason} for name, reason in evaluation.rejected],
        "bibs": bibs
        and {
            "photos": bibs.photos,
            "start_list": evaluation.start_list_numbers,
            **_bib_figures(bibs.accuracy),
            "partial_reads": bibs.partial,
            "recall_of_candidates": bibs.recall_of_candidates and _figure(bibs.recall_of_candidates),
            "without_start_list": bibs.without_start_list and _bib_figures(bibs.without_start_list),
            "labelled_but_not_on_start_list": list(bibs.not_on_start_list),
            "recall_by_face": _slice_figures(bibs.slices),
        },
        "faces": [
            {
                "name": faces.name,
                "people": faces.people,
                "faces": faces.faces,
                "same_pairs": faces.same_pairs,
                "stranger_pairs": faces.stranger_pairs,
                "unclear_people": [list(pair) for pair in faces.unclear_people],
                "auc": _figure(faces.auc),
                "rank_1": _figure(faces.rank_1),
                "tar": [
                    {"far": far, "threshold": _finite(faces.thresholds[far]), **_figure(estimate)}
                    for far, estimate in faces.tar.items()
                ],
                f"tar_at_far_{HEADLINE_FAR:g}_by_face": _slice_figures(faces.slices),
            }
            for faces in evaluation.faces
        ],
        "detector": [
            {
                "name": detector.name,
                "photos": detector.photos,
                "recall": _figure(detector.recall),
                "recall_by_face": _slice_figures(detector.slices),
            }
            for detector in evaluation.detector
        ],
        "calibration": evaluation.calibration and asdict(evaluation.calibration.calibration),
        "calibrated_on": evaluation.calibration
        and asdict(evaluation.calibration.origin) | {"date": evaluation.calibration.origin.date.isoformat()},
    }


def headlines(evaluation: Evaluation) -> list[tuple[str, str, Estimate]]:
    """The figures that come first, as `(what, of what, figure)`."""
    found: list[tuple[str, str, Estimate]] = []
    if bibs := evaluation.bibs:
        of_bibs = f"bib numbers, {bibs.photos} photos"
        found += [("F1", of_bibs, bibs.accuracy.f1), ("Recall", of_bibs, bibs.accuracy.recall)]
        found.append(("Precision", of_bibs, bibs.accuracy.precision))
    found += [(f"TAR at FAR {HEADLINE_FAR:g}", faces.name, faces.tar[HEADLINE_FAR]) for faces in evaluation.faces]
    found += [("Faces found", detector.name, detector.recall) for detector in evaluation.detector]
    return found


def render(evaluation: Evaluation) -> str:
    """The report as one HTML document without scripts or outside resources.

    Reads the photos of the worst cases again, for their thumbnails.
    """
    environment = Environment(
        loader=PackageLoader("photofinish_cli.evaluation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = lambda value: "–" if value is None else f"{value:.3f}"
    thumbnailer = Thumbnailer()
    return environment.get_template("report.html.j2").render(
        evaluation=evaluation,
        headlines=headlines(evaluation),
        headline_far=HEADLINE_FAR,
        resamples=RESAMPLES,
        same_face_overlap=SAME_FACE_OVERLAP,
        bib_chart=evaluation.bibs and _bib_chart(evaluation.bibs),
        bib_curve=evaluation.bibs and _bib_curve(evaluation.bibs),
        verification_chart=_verification_chart,
        roc=_roc,
        similarities=_similarities,
        slice_chart=_slice_chart,
        bib_thumbnail=lambda crop: thumbnailer.of(crop, height=THUMBNAIL_PX, margin=BIB_MARGIN),
        face_thumbnail=lambda crop: thumbnailer.of(crop, height=THUMBNAIL_PX, margin=FACE_MARGIN, max_aspect=1),
    )


def write(evaluation: Evaluation, folder: Path) -> Path:
    """Write `report.html` into `folder`; returns where."""
    path = folder / "report.html"
    path.write_text(render(evaluation), "utf-8", "backslashreplace")
    return path


def _bib_chart(bibs: BibEvaluation) -> str:
    def rows(accuracy: BibAccuracy, suffix: str, *, muted: bool) -> list[charts.Row]:
        return [
            charts.Row(f"Precision{suffix}", accuracy.precision, muted),
            charts.Row(f"Recall{suffix}", accuracy.recall, muted),
            charts.Row(f"F1{suffix}", accuracy.f1, muted),
        ]

    shown = rows(bibs.accuracy, "", muted=False)
    if bibs.recall_of_candidates:
        shown.append(charts.Row("Recall, candidates", bibs.recall_of_candidates))
    if bibs.without_start_list:
        shown += rows(bibs.without_start_list, ", no list", muted=True)
    return charts.intervals(shown)


def _bib_curve(bibs: BibEvaluation) -> str:
    points = [(recall, precision) for _, precision, recall in bibs.curve]
    least = min((min(point) for point in points if point[0] > 0.5), default=0.0)
    low = 0.5 if least >= 0.5 else 0.0
    return charts.curve(
        [charts.Line("reads of at least a score", points, "one")],
        across="recall",
        up="precision",
        x_range=(low, 1),
        y_range=(low, 1),
        mark=points[-1] if points else None,
    )


def _verification_chart(faces: FaceEvaluation) -> str:
    rows = [charts.Row(f"TAR at FAR {far:g}", estimate) for far, estimate in faces.tar.items()]
    rows += [charts.Row("Rank-1", faces.rank_1), charts.Row("AUC", faces.auc)]
    return charts.intervals(rows)


def _roc(faces: FaceEvaluation) -> str:
    least = min((tar for _, tar in faces.curve), default=0.0)
    return charts.curve(
        [charts.Line("TAR", faces.curve, "one")],
        across="FAR: strangers accepted",
        up="TAR: same persons accepted",
        logarithmic=True,
        x_range=(faces.curve[0][0] if faces.curve else 1e-4, 1),
        y_range=(0.5 if least >= 0.5 else 0.0, 1),
    )


def _similarities(faces: FaceEvaluation) -> str:
    thresholds = [(value, f"FAR {far:g}: {value:.3f}") for far, value in faces.thresholds.items() if value == value]
    return charts.histogram(
        faces.similarities.bins,
        faces.similarities.step,
        across="cosine similarity",
        up="pairs, each kind on its scale",
        thresholds=thresholds,
    )


def _slice_chart(slices: Sequence[Slice], dimension: str) -> str:
    return charts.intervals(
        [charts.Row(part.step, part.estimate) for part in slices if part.dimension == dimension], low=0.0
    )


def _bib_figures(accuracy: BibAccuracy) -> dict[str, Any]:
    return {
        "precision": _figure(accuracy.precision),
        "recall": _figure(accuracy.recall),
        "f1": _figure(accuracy.f1),
    }


def _slice_figures(slices: Sequence[Slice]) -> list[dict[str, Any]]:
    return [{"by": part.dimension, "step": part.step, **_figure(part.estimate)} for part in slices]


def _figure(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "of": estimate.of}


def _finite(value: float) -> float | None:
    return value if value == value else None
