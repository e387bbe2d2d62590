"""Photos in, analyses out: decoding, faces, text, bibs, sharpness, preview. No queue, no store, no cloud."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

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
from photofinish.domain.bib_window import DetectedBib, bib_windows
from photofinish.domain.face import Face
from photofinish.domain.sharpness import Sharpness, is_blurry
from photofinish.domain.torso import TorsoWindow, merged_lines, torso_windows
from photofinish.errors import RejectedInput

# Increased whenever the code may find something else in the same picture with the same models.
ANALYSIS_REVISION = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimit:
    """How much one thread works on at once."""

    photos: int
    """Photos that go through the models together: enough to fill a GPU, or text recognition's batches on a CPU."""
    pixels: int
    """Decoded pixels, waiting photos included, so that memory does not grow with the length of a batch."""

    def is_reached(self, pixels: Sequence[int]) -> bool:
        """Whether photos of so many pixels each fill a batch; half of all pixels may be in it, the others wait."""
        return len(pixels) >= self.photos or 2 * sum(pixels) >= self.pixels


CPU_BATCH_LIMIT = BatchLimit(photos=4, pixels=25_000_000)
GPU_BATCH_LIMIT = BatchLimit(photos=16, pixels=100_000_000)

_ANY_NUMBER = BibRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedPhoto:
    """Everything found in one photo, and its preview."""

    analysis: PhotoAnalysis
    pipeline_version: str
    """Names the code's revision, the models, and the album's bib rules where they differ from the default."""
    preview_jpeg: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PhotoToAnalyze:
    """One decoded photo, its album's bib rules, and how long each stage took so far."""

    decoded: DecodedPhoto
    bib_rules: BibRules
    timings_ms: dict[str, float]

    @property
    def image(self) -> NDArray[np.uint8]:
        """(H, W, 3) BGR."""
        return self.decoded.image

    @property
    def pixels(self) -> int:
        return self.image.size // 3

    def bibs(self, lines: Sequence[TextLine], faces: Sequence[Face]) -> tuple[Bib, ...]:
        info = self.decoded.info
        return find_bibs(lines, faces, width=info.width, height=info.height, rules=self.bib_rules)


class Analyzer:
    """The whole analysis with its models loaded. Threads may share it; `threads` of them keep all cores busy.

    Every model runs in the calling thread, on one core, and photos are analysed side by side: operators that split
    their work among cores leave the cores idle between and inside models (a third of the time on two cores).
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
        batch_limit: BatchLimit = CPU_BATCH_LIMIT,
    ) -> None:
        """Without a `bib_detector`, only faces determine where numbers are looked for again."""
        self._face_encoder = face_encoder
        self._text_reader = text_reader
        self._bib_detector = bib_detector
        self._bib_rules = bib_rules
        self._models = dict(models)
        self.threads = threads
        self.batch_limit = batch_limit
        self.pipeline_version = "-".join(
            [str(ANALYSIS_REVISION), *(label.replace("-", "") for label in self._models.values())]
        )
        self.embedding_space = face_encoder.embedding_space

    @classmethod
    def load(cls, settings: ModelSettings, bib_rules: BibRules = _ANY_NUMBER) -> Analyzer:
        """Load all models, and set OpenCV to one thread (in the whole process), as the models have.

        `bib_rules` apply to photos that are decoded without rules of their own.

        Raises:
            Misconfigured: a model file or a provider is missing.
        """
        cv2.setNumThreads(1)
        single_threaded = replace(settings, threads=1)
        bib_file = bib_detector_file(settings)
        return cls(
            FaceEncoder.load(single_threaded),
            TextReader.load(single_threaded),
            bib_rules,
            models=model_labels(settings),
            bib_detector=BibDetector.load(bib_file, single_threaded) if bib_file else None,
            threads=settings.threads,
            batch_limit=CPU_BATCH_LIMIT if tuple(settings.providers) == (CPU_PROVIDER,) else GPU_BATCH_LIMIT,
        )

    def analyze(self, contents: Sequence[bytes]) -> list[AnalyzedPhoto | RejectedInput]:
        """Analyse the content of each file, in order; the rejection takes the place of an analysis.

        The same content gives the same analysis (except for its timings), whatever is analysed with it.
        """
        photos = self.batch_limit.photos
        groups = [contents[start : start + photos] for start in range(0, len(contents), photos)]
        with ThreadPoolExecutor(self.threads, "analyse") as pool:
            return [result for results in pool.map(self._analyze_group, groups) for result in results]

    def _analyze_group(self, contents: Sequence[bytes]) -> list[AnalyzedPhoto | RejectedInput]:
        results: dict[int, AnalyzedPhoto | RejectedInput] = {}
        batch: dict[int, PhotoToAnalyze] = {}
        for position, content in enumerate(contents):
            try:
                batch[position] = self.decode(content)
            except RejectedInput as rejection:
                results[position] = rejection
            is_last = position == len(contents) - 1
            if is_last or self.batch_limit.is_reached([photo.pixels for photo in batch.values()]):
                results |= zip(batch, self.analyze_decoded(list(batch.values())), strict=True)
                batch = {}
        return [results[position] for position in range(len(contents))]

    def decode(self, content: bytes, bib_rules: BibRules | None = None) -> PhotoToAnalyze:
        """Decode one photo; `bib_rules` are those of its album where they differ from the analyzer's own.

        Raises:
            RejectedInput: see :func:`photofinish.analysis.imaging.decoding.decode`.
        """
        started = time.perf_counter()
        decoded = decode(content)
        decode_ms = (time.perf_counter() - started) * 1000
        return PhotoToAnalyze(decoded, bib_rules or self._bib_rules, {"decode": decode_ms})

    def analyze_decoded(self, photos: Sequence[PhotoToAnalyze]) -> list[AnalyzedPhoto]:
        """Analyse decoded photos, in order; the faces and text lines of all go through the models together."""
        images = [photo.image for photo in photos]
        with _timed("detect", photos):
            detections = self._face_encoder.detect(images)
        with _timed("embed", photos):
            faces_of = self._face_encoder.embed(images, detections)
        with _timed("read", photos):
            lines_of = self._text_reader.read(images)
        windows_of = self._windows_to_reread(photos, faces_of, lines_of)
        with _timed("read_torsos", photos):
            reread_of = self._text_reader.read_torsos(images, windows_of)
            lines_of = [merged_lines(lines, reread) for lines, reread in zip(lines_of, reread_of, strict=True)]
        results = []
        for photo, faces, lines in zip(photos, faces_of, lines_of, strict=True):
            bibs = photo.bibs(lines, faces)
            with _timed("sharpness", [photo]):
                frame, laplacian_variance = frame_sharpness(photo.image)
            with _timed("preview", [photo]):
                preview = preview_jpeg(photo.decoded)
            analysis = PhotoAnalysis(
                image=photo.decoded.info,
                faces=faces,
                bibs=bibs,
                text=lines,
                sharpness=Sharpness(
                    frame=frame, laplacian_variance=laplacian_variance, is_blurry=is_blurry(frame, faces)
                ),
                models=self._models,
                timings_ms=photo.timings_ms,
            )
            version = "+".join(filter(None, [self.pipeline_version, photo.bib_rules.fingerprint]))
            results.append(AnalyzedPhoto(analysis=analysis, pipeline_version=version, preview_jpeg=preview))
        return results

    def _windows_to_reread(
        self,
        photos: Sequence[PhotoToAnalyze],
        faces_of: Sequence[tuple[Face, ...]],
        lines_of: Sequence[tuple[TextLine, ...]],
    ) -> list[tuple[TorsoWindow, ...]]:
        """Where to look for numbers more closely: torsos and detected bibs on which no whole number was read."""
        windows_of = []
        for photo, faces, lines, detected in zip(photos, faces_of, lines_of, self._detect_bibs(photos), strict=True):
            bibs = photo.bibs(lines, faces)
            height, width = photo.image.shape[:2]
            under_faces = torso_windows(faces, bibs, width=width, height=height)
            windows_of.append(under_faces + bib_windows(detected, bibs, width=width, height=height))
        return windows_of

    def _detect_bibs(self, photos: Sequence[PhotoToAnalyze]) -> list[tuple[DetectedBib, ...]]:
        if self._bib_detector is None:
            return [()] * len(photos)
        with _timed("detect_bibs", photos):
            return self._bib_detector.detect([photo.image for photo in photos])


@contextmanager
def _timed(stage: str, photos: Sequence[PhotoToAnalyze]) -> Iterator[None]:
    """Record how long the block takes, shared equally by the photos."""
    started = time.perf_counter()
    yield
    for photo in photos:
        photo.timings_ms[stage] = (time.perf_counter() - started) * 1000 / len(photos)
