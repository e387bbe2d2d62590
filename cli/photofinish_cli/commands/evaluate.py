"""`photofinish evaluate`: accuracy of the analysis on labelled photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photofinish.analysis.models.face_pack import CALIBRATION_FILE
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from photofinish.errors import Misconfigured, RejectedInput
from photofinish.wiring import model_settings
from photofinish_cli.deployment import StateDir, use_deployment
from photofinish_cli.output import (
    ExitCode,
    Table,
    counted,
    print_json,
    print_tables,
    printable,
    remark,
    reported_errors,
    table,
)
from photofinish_cli.progress import progress_bar

if TYPE_CHECKING:
    from photofinish_cli.evaluation.bootstrap import Estimate
    from photofinish_cli.evaluation.report import Evaluation
    from photofinish_cli.evaluation.slices import Slice


def evaluate(
    bibs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Race photos with labels.json, or labels.csv (file,bib_number[,x,y,w,h]).",
        ),
    ] = None,
    faces: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Photos of people: one folder per person, or labels.csv (file,person[,x,y,w,h]).",
        ),
    ] = None,
    start_list: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="CSV with number and name: no other number exists.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", file_okay=False, help="Write report.html into this folder.")
    ] = Path("evaluation"),
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="Measure what similarities mean in this embedding space; writes calibration.toml next to the report.",
        ),
    ] = False,
    search: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Searches by words with their relevant photos: CSV (query,relevant[,group]) or JSON; needs --album.",
        ),
    ] = None,
    album: Annotated[str | None, typer.Option("--album", help="The album to search, of the deployment in use.")] = None,
    state: StateDir = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON for scripts.")] = False,
    models_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="PHOTOFINISH_MODELS_DIR", help="Folder of the models.", show_default="the user's cache folder"
        ),
    ] = None,
) -> None:
    """Measure accuracy on your own labelled photos, with a report that shows the worst cases.

    Precision, recall and F1 of bib numbers; TAR at FAR 0.01 and 0.001, rank-1 and AUC of faces; recall of the face
    detector; each with a 95 % interval, and by face size, sharpness and pose. Boxes are pixels of the upright photo.
    Ends with 1 where a labelled file cannot be analysed. The report shows faces: keep it as carefully as the photos.

    Examples:

      photofinish evaluate --bibs ./spring-10k --out ./report

      photofinish evaluate --bibs ./spring-10k --start-list runners.csv --json | jq .bibs.f1

      photofinish evaluate --bibs ./spring-10k --faces ./people --calibrate

      photofinish evaluate --search queries.csv --album spring-10k
    """
    if (search is None) != (album is None):
        raise typer.BadParameter("searches and their album go together: give both", param_hint="--search / --album")
    if search is not None and album is not None:
        if bibs is not None or faces is not None:
            raise typer.BadParameter("searches are measured alone, through the API", param_hint="--search")
        evaluate_search(search, album, state, json=json)
        return
    if bibs is None and faces is None:
        raise typer.BadParameter(
            "give labelled photos: --bibs, --faces or both, or --search", param_hint="--bibs / --faces"
        )
    if start_list is not None and bibs is None:
        raise typer.BadParameter("a start list is for bib numbers: give --bibs too", param_hint="--start-list")
    if calibrate and faces is None:
        raise typer.BadParameter("a calibration needs photos of people: give --faces too", param_hint="--calibrate")
    with reported_errors():
        # What this imports takes a moment to load: not before it is wanted.
        from photofinish_cli.evaluation import report

        _make_folder(out)
        settings = replace(model_settings(), models_dir=models_dir or default_models_dir())
        evaluation = measure(bibs, faces, start_list, settings, calibrate=calibrate, plain_progress=json)
        written = report.write(evaluation, out)
        if evaluation.calibration:
            (out / CALIBRATION_FILE).write_text(evaluation.calibration.as_toml() + "\n", encoding="utf-8")
    if json:
        print_json(report.figures(evaluation) | {"report": str(written)})
    else:
        print_tables(*result_tables(evaluation))
        remark(f"Report: {printable(str(written))}")
        if evaluation.calibration:
            typer.echo(evaluation.calibration.as_toml())
    if evaluation.rejected:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def evaluate_search(file: Path, album: str, state: Path | None, *, json: bool) -> None:
    """Measure the answers to searches by words, through the API of the deployment in use."""
    from photofinish_cli.evaluation import evaluating_search
    from photofinish_cli.evaluation.search_measures import CUTOFF

    with reported_errors():
        use_deployment(state)
        queries = evaluating_search.read_queries(file)
        with progress_bar("Searching", len(queries), unit="queries", plain=json) as bar:
            found = evaluating_search.measure(album, queries, bar.advance)
    if json:
        print_json({"queries": len(queries), "search": [asdict(one) for one in found]})
        return
    rows = table("queries", "signal", f"nDCG@{CUTOFF}", "MRR", "of", right=["of"], grouped=["queries"])
    for one in found:
        rows.add_row(printable(one.group) or "all", one.signal, f"{one.ndcg:.3f}", f"{one.mrr:.3f}", str(one.queries))
    print_tables(rows)


def _make_folder(folder: Path) -> None:
    """Before the photos are analysed, which may take long."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"the folder {folder} cannot be made ({error.strerror}): name another one with --out"
        ) from error


def measure(
    bibs: Path | None,
    faces: Path | None,
    start_list: Path | None,
    settings: ModelSettings,
    *,
    calibrate: bool = False,
    plain_progress: bool = False,
) -> Evaluation:
    """Read the labels, analyse their photos, and measure; shows progress on standard error.

    Raises:
        NotFound: labels, or photos that they name, are not there.
        RejectedInput: labels that cannot be understood, or too few faces to calibrate with.
        Misconfigured: a model is missing.
    """
    from photofinish.analysis.analyzer import Analyzer
    from photofinish.analysis.models.calibration_file import CalibrationOrigin, MeasuredCalibration
    from photofinish.analysis.models.face_encoder import FaceEncoder
    from photofinish.analysis.models.selection import embedding_model
    from photofinish.domain.bib_rules import BibRules
    from photofinish_cli.evaluation import calibrating, evaluating_bibs, evaluating_detector, evaluating_faces
    from photofinish_cli.evaluation.bootstrap import RESAMPLES
    from photofinish_cli.evaluation.findings import Findings, analyze_files
    from photofinish_cli.evaluation.labels import read_bib_labels, read_face_labels, read_start_list
    from photofinish_cli.evaluation.report import Evaluation

    photos = read_bib_labels(bibs) if bibs else []
    people = read_face_labels(faces) if faces else []
    runners = read_start_list(start_list) if start_list else None
    has_runners_faces = any(bib.face_box for photo in photos for bib in photo.bibs)

    analyzer = Analyzer.load(settings, BibRules(start_list=runners))
    paths = list(dict.fromkeys([photo.path for photo in photos] + [face.path for face in people]))
    with progress_bar("Analysing", len(paths), plain=plain_progress) as bar:
        results = analyze_files(analyzer, paths, bar.advance)
    rejected = {path: result for path, result in results.items() if isinstance(result, RejectedInput)}
    found = {
        path: Findings.nothing() if isinstance(result, RejectedInput) else result for path, result in results.items()
    }
    compared = []
    if has_runners_faces:
        with progress_bar("Comparing runners", RESAMPLES, unit="resamples", plain=plain_progress) as bar:
            compared.append(evaluating_faces.evaluate_runners(photos, found, bar.advance))
    if people:
        with progress_bar("Comparing people", RESAMPLES, unit="resamples", plain=plain_progress) as bar:
            compared.append(evaluating_faces.evaluate_people(people, found, bar.advance))
    calibration = None
    if calibrate:
        portraits = evaluating_faces.portraits_of(people, found)
        with progress_bar("Calibrating", len(portraits), plain=plain_progress) as bar:
            probes = calibrating.poor_selfies(FaceEncoder.load(settings), portraits, bar.advance)
        space, sha256 = embedding_model(settings)
        sets = calibrating.large_enough(compared)
        calibration = MeasuredCalibration(
            calibration=calibrating.calibrated(compared, probes),
            origin=CalibrationOrigin(
                embedding_space=space,
                model_sha256=sha256,
                folders=tuple(folder.resolve().name for folder in (bibs, faces) if folder),
                same_pairs=sum(one.same_pairs for one in sets),
                stranger_pairs=sum(one.stranger_pairs for one in sets),
                date=datetime.now(UTC).date(),
            ),
        )
    detector = []
    if any(photo.face_boxes for photo in photos):
        detector.append(evaluating_detector.evaluate_detector_on_bibs(photos, found))
    if people:
        detector.append(evaluating_detector.evaluate_detector_on_people(people, found))
    return Evaluation(
        created_at=datetime.now(UTC),
        pipeline_version=analyzer.pipeline_version,
        sources=tuple(str(source) for source in (bibs, faces, start_list) if source),
        start_list_numbers=len(runners.names) if runners else None,
        rejected=tuple((str(path), reason.message) for path, reason in rejected.items()),
        bibs=evaluating_bibs.evaluate_bibs(photos, found, runners) if bibs else None,
        faces=tuple(compared),
        detector=tuple(detector),
        calibration=calibration,
    )


def result_tables(evaluation: Evaluation) -> list[Table]:
    """The figures for people: all of them, then the slices."""
    rows = table("of", "measure", "value", "95 % interval", "samples", right=["value", "samples"], grouped=["of"])
    tables = [rows]

    def add(group: str, measures: Sequence[tuple[str, Estimate]]) -> None:
        for measure_name, estimate in measures:
            rows.add_row(group, measure_name, *_cells(estimate))

    if found := evaluation.bibs:
        for group, accuracy in (
            (f"bibs, {'start list' if found.without_start_list else counted(found.photos, 'photo')}", found.accuracy),
            ("bibs, no start list", found.without_start_list),
        ):
            if accuracy:
                measures = [("precision", accuracy.precision), ("recall", accuracy.recall), ("F1", accuracy.f1)]
                if accuracy is found.accuracy and found.recall_of_candidates:
                    measures.append(("recall, candidates", found.recall_of_candidates))
                add(group, measures)
    for compared in evaluation.faces:
        measures = [(f"TAR at FAR {far:g}", estimate) for far, estimate in compared.tar.items()]
        add(compared.name, [*measures, ("rank-1", compared.rank_1), ("AUC", compared.auc)])
    for detector in evaluation.detector:
        add(detector.name, [("faces found", detector.recall)])
    sliced = [("Recall of bibs by the wearer's face", found.slices)] if found else []
    sliced += [
        (f"TAR at FAR 0.001 by the harder face of the pair: {compared.name}", compared.slices)
        for compared in evaluation.faces
    ]
    sliced += [(f"Faces found: {detector.name}", detector.slices) for detector in evaluation.detector]
    tables += [_slice_table(title, slices) for title, slices in sliced if slices]
    if evaluation.rejected:
        reasons = table("rejected", "why")
        for name, reason in evaluation.rejected:
            reasons.add_row(printable(name), printable(reason))
        tables.append(reasons)
    return tables


def _slice_table(title: str, slices: Sequence[Slice]) -> Table:
    headings = ("by", "step", "value", "95 % interval", "samples")
    rows = table(*headings, right=["value", "samples"], grouped=["by"], title=title)
    for part in slices:
        rows.add_row(part.dimension, part.step, *_cells(part.estimate))
    return rows


def _cells(estimate: Estimate) -> tuple[str, str, str]:
    if estimate.value is None:
        return "–", "nothing to measure", str(estimate.of)
    between = "–" if estimate.low is None else f"{estimate.low:.3f} – {estimate.high:.3f}"
    return f"{estimate.value:.3f}", between, str(estimate.of)
