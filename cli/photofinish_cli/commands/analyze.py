"""`photofinish analyze`: analyse photos on this machine, without any cloud."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cv2
import numpy as np
import typer

from photofinish.analysis.imaging.decoding import Limits
from photofinish.analysis.models.settings import default_models_dir
from photofinish.domain.sidecar import sidecar
from photofinish.errors import NotFound, RejectedInput
from photofinish.wiring import model_settings
from photofinish_cli import annotating
from photofinish_cli.local_photos import LocalFile, annotated_path, local_files, prepare_folder
from photofinish_cli.output import (
    ExitCode,
    counted,
    print_error,
    print_json_line,
    print_tables,
    printable,
    remark,
    reported_errors,
    table,
)
from photofinish_cli.progress import progress_bar

if TYPE_CHECKING:
    from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer

_BATCH_FILES, _BATCH_BYTES = 4, 64_000_000
_ANNOTATED_JPEG_QUALITY = 88


def analyze(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Photos, or folders with everything inside.")],
    json: Annotated[
        bool, typer.Option("--json", help="Print one sidecar a line; a rejected file's line has `file` and `error`.")
    ] = False,
    embeddings: Annotated[bool, typer.Option("--embeddings", help="Add the faces' vectors to the sidecars.")] = False,
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

        analyzer = Analyzer.load(replace(model_settings(), models_dir=models_dir or default_models_dir()))
        report = _JsonReport() if json else _TableReport()
        not_written = 0
        started = time.monotonic()
        with progress_bar("Analysing", len(files), plain=json) as bar:
            for file, result in _analyzed(analyzer, files):
                if isinstance(result, RejectedInput):
                    report.rejected(file, result)
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
    analyzer: Analyzer, files: Sequence[LocalFile]
) -> Iterator[tuple[LocalFile, AnalyzedPhoto | RejectedInput]]:
    """Each file with what was found in it, in order; files are read and analysed in batches."""
    batch: list[tuple[LocalFile, bytes | RejectedInput]] = []
    for file in files:
        batch.append((file, _content(file.path)))
        size = sum(len(content) for _, content in batch if isinstance(content, bytes))
        if len(batch) == _BATCH_FILES or size >= _BATCH_BYTES:
            yield from _analyze_batch(analyzer, batch)
            batch = []
    yield from _analyze_batch(analyzer, batch)


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


class _JsonReport:
    """One line a file, as soon as it is known."""

    def __init__(self) -> None:
        self.rejections = 0

    def analyzed(self, document: dict[str, Any]) -> None:
        print_json_line(document)

    def rejected(self, file: LocalFile, reason: RejectedInput) -> None:
        self.rejections += 1
        print_json_line({"file": str(file.path), "error": {"code": reason.code, "message": reason.message}})

    def end(self, elapsed_s: float) -> None:
        """Every line was printed as it came."""


class _TableReport:
    """A table at the end, for people."""

    def __init__(self) -> None:
        self.rejections = 0
        self._rows = table("file", "faces", "bibs", "sharpness", "blurry", "ms", right=["faces", "sharpness", "ms"])
        self._reasons = table("rejected", "code", "why")
        self._warnings = table("file", "warning", "why")
        self._photos = self._faces = self._bibs = self._blurry = 0

    def analyzed(self, document: dict[str, Any]) -> None:
        is_blurry = document["sharpness"]["is_blurry"]
        self._photos += 1
        self._faces += len(document["faces"])
        self._bibs += len(document["bibs"])
        self._blurry += is_blurry
        self._rows.add_row(
            printable(document["photo"]["name"]),
            str(len(document["faces"])),
            " ".join(bib["number"] for bib in document["bibs"]),
            f"{document['sharpness']['frame']:.2f}",
            "blurry" if is_blurry else "",
            f"{sum(document['timings_ms'].values()):.0f}",
        )
        for warning in document["warnings"]:
            self._warnings.add_row(printable(document["photo"]["name"]), warning["code"], printable(warning["message"]))

    def rejected(self, file: LocalFile, reason: RejectedInput) -> None:
        self.rejections += 1
        self._reasons.add_row(printable(file.ref.name), reason.code, printable(reason.message))

    def end(self, elapsed_s: float) -> None:
        print_tables(*(one for one in (self._rows, self._warnings, self._reasons) if one.row_count))
        remark(
            f"{counted(self._photos, 'photo')} in {elapsed_s:.1f} s: {counted(self._faces, 'face')}, "
            f"{counted(self._bibs, 'bib')}, {self._blurry} blurry; {counted(self.rejections, 'file')} rejected"
        )
