"""`photofinish analyze`: analyse photos and videos on this machine, without any cloud."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cv2
import numpy as np
import typer

from photofinish.analysis.imaging.decoding import Limits
from photofinish.analysis.models.settings import default_models_dir
from photofinish.domain.sidecar import sidecar
from photofinish.domain.video_analysis import VideoAnalysis
from photofinish.domain.video_document import video_document
from photofinish.errors import NotFound, RejectedInput
from photofinish.wiring import model_settings
from photofinish_cli import annotating
from photofinish_cli.analysis_reports import JsonReport, TableReport
from photofinish_cli.local_photos import LocalFile, annotated_path, local_files, prepare_folder
from photofinish_cli.local_videos import is_video, opened_video
from photofinish_cli.output import (
    ExitCode,
    print_error,
    remark,
    reported_errors,
)
from photofinish_cli.progress import progress_bar

if TYPE_CHECKING:
    from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
    from photofinish.analysis.video.video_analyzer import VideoAnalyzer

_BATCH_FILES, _BATCH_BYTES = 4, 64_000_000
_ANNOTATED_JPEG_QUALITY = 88


def analyze(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Photos, videos, or folders with all inside.")],
    json: Annotated[
        bool,
        typer.Option("--json", help="Print a JSON document a line; a rejected file's line has `file` and `error`."),
    ] = False,
    embeddings: Annotated[bool, typer.Option("--embeddings", help="Add the faces' vectors.")] = False,
    annotate: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", file_okay=False, help="Write each photo with boxes, numbers and scores into this folder."
        ),
    ] = None,
    models_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="PHOTOFINISH_MODELS_DIR", help="Folder of the models.", show_default="the user's cache folder"
        ),
    ] = None,
) -> None:
    """Find faces, bib numbers and sharpness in photos on this machine, without any cloud.

    Videos (MP4, MOV, MKV, WebM) are cut into scenes, and people and numbers are followed through them.

    Exit code 1 if a file was rejected or an annotated picture cannot be written. Hidden files are skipped.

    Examples:

      photofinish analyze IMG_0001.jpg

      photofinish analyze ./card1 --annotate ./annotated

      photofinish analyze ./card1 --json | jq -r '.bibs[]?.number'
    """
    with reported_errors(on_interrupt="Annotated photos that are written stay."):
        files = local_files(paths, without=annotate)
        if not files:
            raise NotFound(f"no files in {', '.join(map(str, paths))}")
        if annotate is not None:
            prepare_folder(annotate)
        # Models and their runtime take a moment to load, so they are imported only now.
        from photofinish.analysis.analyzer import Analyzer
        from photofinish.analysis.models.selection import searched_space
        from photofinish.analysis.video.video_analyzer import VideoAnalyzer

        settings = replace(model_settings(), models_dir=models_dir or default_models_dir())
        videos = frozenset(file.path for file in files if is_video(file.path))
        analyzer = Analyzer.load(settings)
        video_analyzer = VideoAnalyzer(analyzer, searched_space(settings)[1]) if videos else None
        report = JsonReport() if json else TableReport()
        not_written = 0
        started = time.monotonic()
        with progress_bar("Analysing", len(files), unit="files", plain=json) as bar:
            for file, result in _analyzed(analyzer, video_analyzer, files, videos):
                if isinstance(result, RejectedInput):
                    report.rejected(file, result)
                elif isinstance(result, VideoAnalysis):
                    report.video_analyzed(video_document(file.ref, result, embeddings=embeddings))
                else:
                    document = sidecar(file.ref, result.analysis, analyzer.pipeline_version, embeddings=embeddings)
                    report.analyzed(document)
                    if annotate is not None:
                        path = annotated_path(annotate, file.ref)
                        try:
                            _write_annotated(path, result.preview_jpeg, document)
                        except OSError as error:
                            not_written += 1
                            print_error(f"{path} cannot be written: {error.strerror}")
                bar.advance()
        report.end(time.monotonic() - started)
        if not json:
            remark(f"Decoded in separate processes: {analyzer.decoders.in_force()}")
    if report.rejections or not_written:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _analyzed(
    analyzer: Analyzer, video_analyzer: VideoAnalyzer | None, files: Sequence[LocalFile], videos: Collection[Path]
) -> Iterator[tuple[LocalFile, AnalyzedPhoto | VideoAnalysis | RejectedInput]]:
    """Each file with what was found in it, in order; photos are read and analysed in batches."""
    batch: list[tuple[LocalFile, bytes | RejectedInput]] = []
    for file in files:
        if video_analyzer is not None and file.path in videos:
            yield from _analyze_batch(analyzer, batch)
            batch = []
            yield file, _analyze_video(video_analyzer, file.path)
            continue
        batch.append((file, _content(file.path)))
        size = sum(len(content) for _, content in batch if isinstance(content, bytes))
        if len(batch) == _BATCH_FILES or size >= _BATCH_BYTES:
            yield from _analyze_batch(analyzer, batch)
            batch = []
    yield from _analyze_batch(analyzer, batch)


def _analyze_video(video_analyzer: VideoAnalyzer, path: Path) -> VideoAnalysis | RejectedInput:
    try:
        with opened_video(path) as (fetch, size_bytes):
            return video_analyzer.analyze(fetch, size_bytes)
    except RejectedInput as rejection:
        return rejection
    except OSError as error:
        return _unreadable(error)


def _analyze_batch(
    analyzer: Analyzer, batch: list[tuple[LocalFile, bytes | RejectedInput]]
) -> Iterator[tuple[LocalFile, AnalyzedPhoto | RejectedInput]]:
    analyses = iter(analyzer.analyze([content for _, content in batch if isinstance(content, bytes)]))
    for file, content in batch:
        yield file, content if isinstance(content, RejectedInput) else next(analyses)


def _content(path: Path) -> bytes | RejectedInput:
    try:
        size, limit = path.stat().st_size, Limits().max_file_bytes
        if size > limit:
            return RejectedInput(
                "file_too_large", f"The file has {size / 1e6:.0f} MB; the limit is {limit / 1e6:.0f} MB."
            )
        return path.read_bytes()
    except OSError as error:
        return _unreadable(error)


def _unreadable(error: OSError) -> RejectedInput:
    return RejectedInput("unreadable", f"The file cannot be read: {error.strerror}.")


def _write_annotated(path: Path, preview_jpeg: bytes, document: dict[str, Any]) -> None:
    """Write the preview with what was found drawn on it."""
    pixels = cv2.imdecode(np.frombuffer(preview_jpeg, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise RuntimeError(f"the preview of {document['photo']['name']} is not a JPEG")
    drawn = annotating.annotate(np.asarray(pixels, np.uint8), document)
    _, encoded = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _ANNOTATED_JPEG_QUALITY])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded.tobytes())
