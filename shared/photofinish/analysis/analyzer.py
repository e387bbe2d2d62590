"""Photos in, analyses out: decoding, faces, text, bibs, sharpness, preview. No queue, no store, no cloud."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.decoders.pool import DecoderPool
from photofinish.analysis.imaging.decoded import Limits
from photofinish.analysis.imaging.placeholder import placeholder
from photofinish.analysis.imaging.rendition import preview_jpeg, preview_picture, thumbnail_picture, thumbnail_webp
from photofinish.analysis.imaging.sharpness import frame_sharpness
from photofinish.analysis.imaging.similarity_hash import similarity_hash
from photofinish.analysis.models.bib_detection import BibDetector
from photofinish.analysis.models.catalogue import CPU_PROVIDER
from photofinish.analysis.models.detections import Detections
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.picture_space import PictureSpace, load_pictures
from photofinish.analysis.models.selection import bib_detector_file, model_labels
from photofinish.analysis.models.settings import ModelSettings
from photofinish.analysis.models.text_reader import TextReader
from photofinish.analysis.orientation import settled
from photofinish.analysis.photo_text import PhotoText
from photofinish.analysis.photo_to_analyze import PhotoToAnalyze, timed
from photofinish.domain.analysis import PhotoAnalysis, PictureAnalysis
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.depiction import Depiction
from photofinish.domain.geometry import Box
from photofinish.domain.sharpness import Sharpness, is_blurry
from photofinish.errors import PhotofinishError, RejectedInput

log = logging.getLogger(__name__)
# Increased whenever the code may find something else in the same picture with the same models.
ANALYSIS_REVISION = 6


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
_PHOTO_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedPhoto:
    """Everything found in one photo, and its renditions."""

    analysis: PhotoAnalysis
    pipeline_version: str
    """Names the code's revision, the models, and the album's bib rules where they differ from the default."""
    preview_jpeg: bytes = field(repr=False)
    thumbnail_webp: bytes = field(repr=False)


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
        decoders: DecoderPool | None = None,
        picture_space: PictureSpace | None = None,
    ) -> None:
        """Without a `bib_detector`, only faces determine where numbers are looked for again.

        Without a `picture_space`, photos are not searched for what they show.
        """
        self.decoders = decoders or DecoderPool(threads)
        self._face_encoder = face_encoder
        self._text = PhotoText(text_reader, bib_detector)
        self._picture_space = picture_space
        self._bib_rules = bib_rules
        self.models = dict(models)
        self.threads = threads
        self.batch_limit = batch_limit
        self.pipeline_version = "-".join(
            [str(ANALYSIS_REVISION), *(label.replace("-", "") for label in self.models.values())]
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
        decoders = DecoderPool(settings.threads)  # its processes start while the models load
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
            decoders=decoders,
            picture_space=load_pictures(single_threaded),
        )

    def analyze(self, contents: Sequence[bytes]) -> list[AnalyzedPhoto | RejectedInput]:
        """Analyse the content of each file, in order; the rejection takes the place of an analysis.

        A file that a bug fails on is logged with its traceback and rejected as `internal_error`; the others go on.
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
            except PhotofinishError:
                raise
            except Exception as error:
                log.exception("decoding failed")
                results[position] = internal_error(error)
            is_last = position == len(contents) - 1
            if is_last or self.batch_limit.is_reached([photo.pixels for photo in batch.values()]):
                results |= zip(batch, self._analyze_batch(list(batch.values())), strict=True)
                batch = {}
        return [results[position] for position in range(len(contents))]

    def _analyze_batch(self, photos: Sequence[PhotoToAnalyze]) -> Sequence[AnalyzedPhoto | RejectedInput]:
        try:
            return self.analyze_decoded(photos)
        except PhotofinishError:
            raise
        except Exception as error:
            if len(photos) == 1:
                log.exception("analysis failed")
                return [internal_error(error)]
        # A photo that breaks a model must not cost the others: each is tried alone.
        return [result for photo in photos for result in self._analyze_batch([photo])]

    def decode(
        self, content: bytes, bib_rules: BibRules | None = None, *, limits: Limits = _PHOTO_LIMITS
    ) -> PhotoToAnalyze:
        """Decode one photo; `bib_rules` are those of its album where they differ from the analyzer's own.

        `limits` are those of a photo where none are given.

        Raises:
            RejectedInput, Unavailable: see :meth:`photofinish.analysis.decoders.pool.DecoderPool.decode`.
        """
        started = time.perf_counter()
        decoded = self.decoders.decode(content, limits=limits)
        decode_ms = (time.perf_counter() - started) * 1000
        return PhotoToAnalyze(decoded, bib_rules or self._bib_rules, {"decode": decode_ms})

    def analyze_decoded(self, photos: Sequence[PhotoToAnalyze]) -> list[AnalyzedPhoto]:
        """Analyse decoded photos, in order; the faces and text lines of all go through the models together."""
        photos = [
            replace(photo, decoded=settled(photo.decoded, self._faces_in, self._text.weights)) for photo in photos
        ]
        images = [photo.image for photo in photos]
        with timed("detect", photos):
            detections = self._face_encoder.detect(images)
        with timed("embed", photos):
            faces_of = self._face_encoder.embed(images, detections)
        lines_of = self._text.lines(photos, faces_of)
        depictions = self._depictions(photos)
        results = []
        for photo, faces, found, lines, depiction in zip(
            photos, faces_of, detections, lines_of, depictions, strict=True
        ):
            bibs = photo.bibs(lines, faces)
            with timed("sharpness", [photo]):
                frame, laplacian_variance = frame_sharpness(photo.image)
            with timed("preview", [photo]):
                picture = preview_picture(photo.decoded)
                preview = preview_jpeg(picture)
            face_areas = (*(face.box for face in faces), *_doubtful_areas(photo, found))
            with timed("thumbnail", [photo]):
                small = thumbnail_picture(picture)
                thumbnail = thumbnail_webp(small)
                blurred = placeholder(small, face_areas)
                similar = similarity_hash(small)
            analysis = PhotoAnalysis(
                image=photo.decoded.info,
                faces=faces,
                bibs=bibs,
                text=lines,
                sharpness=Sharpness(
                    frame=frame, laplacian_variance=laplacian_variance, is_blurry=is_blurry(frame, faces)
                ),
                models=self.models,
                timings_ms=photo.timings_ms,
                warnings=photo.decoded.warnings,
                face_areas=face_areas,
                placeholder=blurred,
                perceptual_hash=similar,
                depiction=depiction,
            )
            version = "+".join(filter(None, [self.pipeline_version, photo.bib_rules.fingerprint]))
            results.append(
                AnalyzedPhoto(
                    analysis=analysis, pipeline_version=version, preview_jpeg=preview, thumbnail_webp=thumbnail
                )
            )
        return results

    def analyze_picture(self, photo: PhotoToAnalyze, *, with_text: bool) -> PictureAnalysis:
        """Find the same as in a photo, but only by the models that it takes: nothing is embedded or drawn.

        Without text there are no bibs. Text takes the faces, too: it is read again where a number is worn.
        """
        photo = replace(photo, decoded=settled(photo.decoded, self._faces_in, self._text.weights))
        with timed("detect", [photo]):
            detections = self._face_encoder.detect([photo.image])
            [faces] = self._face_encoder.describe([photo.image], detections)
        lines = self._text.lines([photo], [faces])[0] if with_text else ()
        with timed("sharpness", [photo]):
            frame, laplacian_variance = frame_sharpness(photo.image)
        return PictureAnalysis(
            image=photo.decoded.info,
            faces=faces,
            bibs=photo.bibs(lines, faces),
            text=lines,
            sharpness=Sharpness(frame=frame, laplacian_variance=laplacian_variance, is_blurry=is_blurry(frame, faces)),
            models={role: label for role, label in self.models.items() if role in _roles(with_text=with_text)},
            timings_ms=photo.timings_ms,
            warnings=photo.decoded.warnings,
        )

    def _depictions(self, photos: Sequence[PhotoToAnalyze]) -> Sequence[Depiction | None]:
        if self._picture_space is None:
            return [None] * len(photos)
        with timed("depict", photos):
            return self._picture_space.depict([photo.image for photo in photos])

    def _faces_in(self, images: Sequence[NDArray[np.uint8]]) -> list[float]:
        return [float(found.scores.sum()) for found in self._face_encoder.detect(images)]


def _doubtful_areas(photo: PhotoToAnalyze, found: Detections) -> Iterator[Box]:
    height, width = photo.image.shape[:2]
    for x, y, w, h in found.doubtful_boxes.tolist():
        yield Box.from_pixels(x, y, w, h, width=width, height=height)


def internal_error(error: Exception) -> RejectedInput:
    """Make the rejection of a file that a bug fails on."""
    return RejectedInput(
        "internal_error",
        f"photofinish failed on this file ({type(error).__name__}). That is a bug of photofinish, not of the file: "
        "please report it with the traceback in the log.",
    )


def _roles(*, with_text: bool) -> frozenset[str]:
    """The models that a picture takes in which nothing is embedded."""
    return frozenset(
        {"face_detection"} | ({"text_detection", "text_recognition", "bib_detection"} if with_text else set())
    )
