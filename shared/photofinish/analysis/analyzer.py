"""Photos in, analyses out: decoding, faces, text, bibs, sharpness, preview. No queue, no store, no cloud."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import cv2

from photofinish.analysis.imaging.decoding import DecodedPhoto, decode
from photofinish.analysis.imaging.rendition import preview_jpeg
from photofinish.analysis.imaging.sharpness import frame_sharpness
from photofinish.analysis.models.bib_detection import BibDetector
from photofinish.analysis.models.catalogue import CPU_PROVIDER
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.selection import bib_detector_file, model_labels
from photofinish.analysis.models.settings import ModelSettings
from photofinish.analysis.models.text_reader import TextReader
from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib import Bib, TextLine, find_bibs
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.bib_window import bib_windows
from photofinish.domain.face import Face
from photofinish.domain.sharpness import Sharpness, is_blurry
from photofinish.domain.torso import TorsoWindow, merged_lines, torso_windows
from photofinish.errors import RejectedInput

# Counts up whenever the code may find something else in the same picture with the same models.
ANALYSIS_REVISION = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much one thread works on at once."""

    photos: int
    """That go through the models together: enough to fill a GPU, or the text recognition's batches on a CPU."""
    pixels: int
    """That are decoded, waiting photos included, so that memory does not grow with the length of a batch."""

    def is_used_up(self, pixels: Sequence[int]) -> bool:
        """Whether photos of so many pixels each are enough: half of all pixels may be in work, half may wait."""
        return len(pixels) >= self.photos or 2 * sum(pixels) >= self.pixels


SHARE_ON_CPU = Share(photos=4, pixels=25_000_000)
SHARE_ON_GPU = Share(photos=16, pixels=100_000_000)

_ANY_NUMBER = BibRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedPhoto:
    """What is known of one photo now, and the picture to show of it."""

    analysis: PhotoAnalysis
    pipeline_version: str
    """Of the analysis, its models, and the album's rules where they are not the usual ones."""
    preview_jpeg: bytes = field(repr=False)


class PhotoInWork:
    """One decoded photo on its way through the stages."""

    def __init__(self, photo: DecodedPhoto, bib_rules: BibRules, decode_ms: float) -> None:
        self.photo = photo
        self.bib_rules = bib_rules
        self.timings_ms = {"decode": decode_ms}

    @property
    def pixels(self) -> int:
        return self.photo.image.size // 3

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.timings_ms[stage] = (time.perf_counter() - started) * 1000


class Analyzer:
    """The whole analysis with its models loaded. Threads may share it; `threads` of them keep all cores busy.

    Every model runs in the thread that calls it, on one core, so that photos are worked on side by side: operators that
    share themselves out among cores leave them idle between and inside models (a third of the time on two cores).
    """

    def __init__(
        self,
        face_encoder: FaceEncoder,
        text_reader: TextReader,
        bib_rules: BibRules = _ANY_NUMBER,
        *,
        models: Mapping[str, str],
        bib_detector: BibDetector | None = None,
        threads: int = 1,
        share: Share = SHARE_ON_CPU,
    ) -> None:
        """Without a `bib_detector` faces alone tell where to look for numbers again."""
        self._face_encoder = face_encoder
        self._text_reader = text_reader
        self._bib_detector = bib_detector
        self._bib_rules = bib_rules
        self._models = dict(models)
        self.threads = threads
        self.share = share
        self.pipeline_version = "-".join(
            [str(ANALYSIS_REVISION), *(label.replace("-", "") for label in self._models.values())]
        )
        self.embedding_space = face_encoder.embedding_space

    @classmethod
    def load(cls, settings: ModelSettings, bib_rules: BibRules = _ANY_NUMBER) -> Analyzer:
        """Load all models, and give OpenCV (for the whole process) one thread, as the models have.

        `bib_rules` say what a bib number is in the album of the photos.

        Raises:
            Misconfigured: a model file or a provider is missing.
        """
        cv2.setNumThreads(1)
        alone = replace(settings, threads=1)
        bib_file = bib_detector_file(settings)
        return cls(
            FaceEncoder.load(alone),
            TextReader.load(alone),
            bib_rules,
            models=model_labels(settings),
            bib_detector=BibDetector.load(bib_file, alone) if bib_file else None,
            threads=settings.threads,
            share=SHARE_ON_CPU if tuple(settings.providers) == (CPU_PROVIDER,) else SHARE_ON_GPU,
        )

    def analyze(self, contents: Sequence[bytes]) -> list[AnalyzedPhoto | RejectedInput]:
        """The analysis of each file's content, in order; the reason instead where one cannot be analysed.

        The same content gives the same analysis (but for its timings), whatever is analysed beside it.
        """
        photos = self.share.photos
        groups = [contents[start : start + photos] for start in range(0, len(contents), photos)]
        with ThreadPoolExecutor(self.threads, "analyse") as pool:
            return [result for results in pool.map(self._analyze_group, groups) for result in results]

    def _analyze_group(self, contents: Sequence[bytes]) -> list[AnalyzedPhoto | RejectedInput]:
        results: list[AnalyzedPhoto | RejectedInput | None] = [None] * len(contents)
        waiting: list[tuple[int, PhotoInWork]] = []

        def find_waiting() -> None:
            found = self.find([work for _, work in waiting])
            for (position, _), result in zip(waiting, found, strict=True):
                results[position] = result
            waiting.clear()

        for position, content in enumerate(contents):
            try:
                waiting.append((position, self.decode(content)))
            except RejectedInput as rejection:
                results[position] = rejection
                continue
            if self.share.is_used_up([work.pixels for _, work in waiting]):
                find_waiting()
        find_waiting()
        return [result for result in results if result is not None]

    def decode(self, content: bytes, bib_rules: BibRules | None = None) -> PhotoInWork:
        """The first step of one photo; `bib_rules` are those of its album, where they are not this analyzer's own.

        Raises:
            RejectedInput: see :func:`photofinish.analysis.imaging.decoding.decode`.
        """
        started = time.perf_counter()
        photo = decode(content)
        return PhotoInWork(photo, bib_rules or self._bib_rules, (time.perf_counter() - started) * 1000)

    def find(self, works: Sequence[PhotoInWork]) -> list[AnalyzedPhoto]:
        """All other steps of some photos, in order; their faces and their lines of text go through models together."""
        images = [work.photo.image for work in works]
        with _timed_together("detect", works):
            detections = self._face_encoder.detect(images)
        with _timed_together("embed", works):
            faces_of = self._face_encoder.embed(images, detections)
        with _timed_together("read", works):
            lines_of = self._text_reader.read(images)
        numbers_of = [
            self._bibs(work, lines, faces) for work, faces, lines in zip(works, faces_of, lines_of, strict=True)
        ]
        bib_windows_of = self._bib_windows(works, numbers_of)
        with _timed_together("read_torsos", works):
            windows_of = [
                torso_windows(faces, numbers, width=work.photo.image.shape[1], height=work.photo.image.shape[0])
                + of_bibs
                for work, faces, numbers, of_bibs in zip(works, faces_of, numbers_of, bib_windows_of, strict=True)
            ]
            of_torsos = self._text_reader.read_torsos(images, windows_of)
            lines_of = [merged_lines(lines, more) for lines, more in zip(lines_of, of_torsos, strict=True)]
        return [self._finish(work, faces, lines) for work, faces, lines in zip(works, faces_of, lines_of, strict=True)]

    def _bib_windows(
        self, works: Sequence[PhotoInWork], numbers_of: Sequence[Sequence[Bib]]
    ) -> list[tuple[TorsoWindow, ...]]:
        if self._bib_detector is None:
            return [()] * len(works)
        with _timed_together("detect_bibs", works):
            detected = self._bib_detector.detect([work.photo.image for work in works])
        return [
            bib_windows(found, numbers, width=work.photo.image.shape[1], height=work.photo.image.shape[0])
            for work, found, numbers in zip(works, detected, numbers_of, strict=True)
        ]

    def _finish(self, work: PhotoInWork, faces: tuple[Face, ...], lines: tuple[TextLine, ...]) -> AnalyzedPhoto:
        with work.timed("sharpness"):
            frame, laplacian_variance = frame_sharpness(work.photo.image)
        with work.timed("preview"):
            preview = preview_jpeg(work.photo)
        return AnalyzedPhoto(
            analysis=PhotoAnalysis(
                image=work.photo.info,
                faces=faces,
                bibs=self._bibs(work, lines, faces),
                text=lines,
                sharpness=Sharpness(
                    frame=frame, laplacian_variance=laplacian_variance, is_blurry=is_blurry(frame, faces)
                ),
                models=self._models,
                timings_ms=work.timings_ms,
            ),
            pipeline_version="+".join(filter(None, [self.pipeline_version, work.bib_rules.fingerprint])),
            preview_jpeg=preview,
        )

    def _bibs(self, work: PhotoInWork, lines: Sequence[TextLine], faces: Sequence[Face]) -> tuple[Bib, ...]:
        info = work.photo.info
        return find_bibs(lines, faces, width=info.width, height=info.height, rules=work.bib_rules)


@contextmanager
def _timed_together(stage: str, works: Sequence[PhotoInWork]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    for work in works:
        work.timings_ms[stage] = (time.perf_counter() - started) * 1000 / len(works)
