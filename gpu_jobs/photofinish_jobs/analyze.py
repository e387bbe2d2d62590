"""Photos in, analyses out: decoding, faces, text, bibs, sharpness, preview. No queue, no store, no cloud."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import cv2

from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib import Bib, TextLine, find_bibs
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.face import Face
from photofinish.domain.sharpness import Sharpness, is_blurry
from photofinish.domain.torso import merged_lines, torso_windows
from photofinish.errors import RejectedInput
from photofinish.imaging.decoding import DecodedPhoto, decode
from photofinish.imaging.rendition import preview_jpeg
from photofinish.imaging.sharpness import frame_sharpness
from photofinish.models.catalogue import catalogue
from photofinish.models.face_encoder import FaceEncoder
from photofinish.models.settings import ModelSettings
from photofinish.models.text_reader import TextReader

# Counts up whenever the code may find something else in the same picture with the same models.
ANALYSIS_REVISION = 3
# Photos are worked on together until their decoded pixels reach this (200 MB as BGR), so memory does not grow with the
# length of a batch.
MAX_PIXELS_AT_ONCE = 64_000_000


_ANY_NUMBER = BibRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedPhoto:
    """What is known of one photo now, and the picture to show of it."""

    analysis: PhotoAnalysis
    preview_jpeg: bytes = field(repr=False)


class Analyzer:
    """The whole analysis with its models loaded. One call at a time makes best use of the threads."""

    def __init__(self, face_encoder: FaceEncoder, text_reader: TextReader, bib_rules: BibRules = _ANY_NUMBER) -> None:
        self._face_encoder = face_encoder
        self._text_reader = text_reader
        self._bib_rules = bib_rules
        self._models = {model.role: model.label for model in catalogue()}
        self.pipeline_version = "-".join(
            [str(ANALYSIS_REVISION), *(f"{model.name}{model.version}".replace("-", "") for model in catalogue())]
        )
        self.embedding_space = face_encoder.embedding_space

    @classmethod
    def load(cls, settings: ModelSettings, bib_rules: BibRules = _ANY_NUMBER) -> Analyzer:
        """Load all models, and give OpenCV (for the whole process) as many threads as the models have.

        `bib_rules` say what a bib number is in the album of the photos.

        Raises:
            Misconfigured: a model file or a provider is missing.
        """
        cv2.setNumThreads(settings.threads)
        return cls(FaceEncoder.load(settings), TextReader.load(settings), bib_rules)

    def analyze(self, contents: Sequence[bytes]) -> list[AnalyzedPhoto | RejectedInput]:
        """The analysis of each file's content, in order; the reason instead where one cannot be analysed.

        Models run over all photos of a call together, as far as memory allows. The same content gives the same analysis
        (but for its timings), whatever is analysed beside it.
        """
        results: list[AnalyzedPhoto | RejectedInput | None] = [None] * len(contents)
        waiting: list[_Work] = []
        for position, content in enumerate(contents):
            work = _Work(position)
            try:
                with work.timed("decode"):
                    work.photo = decode(content)
            except RejectedInput as rejection:
                results[position] = rejection
                continue
            waiting.append(work)
            if sum(work.pixels for work in waiting) >= MAX_PIXELS_AT_ONCE:
                self._analyze_together(waiting, results)
                waiting = []
        self._analyze_together(waiting, results)
        return [result for result in results if result is not None]

    def _analyze_together(self, works: list[_Work], results: list[AnalyzedPhoto | RejectedInput | None]) -> None:
        images = [work.photo.image for work in works]
        with _timed_together("detect", works):
            detections = self._face_encoder.detect(images)
        with _timed_together("embed", works):
            faces_of = self._face_encoder.embed(images, detections)
        with _timed_together("read", works):
            lines_of = self._text_reader.read(images)
        with _timed_together("read_torsos", works):
            windows_of = [
                torso_windows(
                    faces,
                    self._bibs(work, lines, faces),
                    width=work.photo.image.shape[1],
                    height=work.photo.image.shape[0],
                )
                for work, faces, lines in zip(works, faces_of, lines_of, strict=True)
            ]
            of_torsos = self._text_reader.read_torsos(images, windows_of)
            lines_of = [merged_lines(lines, more) for lines, more in zip(lines_of, of_torsos, strict=True)]
        for work, faces, lines in zip(works, faces_of, lines_of, strict=True):
            info = work.photo.info
            with work.timed("sharpness"):
                frame, laplacian_variance = frame_sharpness(work.photo.image)
            with work.timed("preview"):
                preview = preview_jpeg(work.photo)
            results[work.position] = AnalyzedPhoto(
                analysis=PhotoAnalysis(
                    image=info,
                    faces=faces,
                    bibs=self._bibs(work, lines, faces),
                    text=lines,
                    sharpness=Sharpness(
                        frame=frame, laplacian_variance=laplacian_variance, is_blurry=is_blurry(frame, faces)
                    ),
                    models=self._models,
                    timings_ms=work.timings_ms,
                ),
                preview_jpeg=preview,
            )

    def _bibs(self, work: _Work, lines: Sequence[TextLine], faces: Sequence[Face]) -> tuple[Bib, ...]:
        info = work.photo.info
        return find_bibs(lines, faces, width=info.width, height=info.height, rules=self._bib_rules)


class _Work:
    """One photo on its way through the stages."""

    photo: DecodedPhoto

    def __init__(self, position: int) -> None:
        self.position = position
        self.timings_ms: dict[str, float] = {}

    @property
    def pixels(self) -> int:
        return self.photo.image.size // 3

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.timings_ms[stage] = (time.perf_counter() - started) * 1000


@contextmanager
def _timed_together(stage: str, works: Sequence[_Work]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    for work in works:
        work.timings_ms[stage] = (time.perf_counter() - started) * 1000 / len(works)
