"""The baseline: a script written in an afternoon with OpenCV and RapidOCR, one photo after another.

OpenCV's YuNet and SFace, face by face, RapidOCR over the full frame with its defaults, variance of the Laplacian. Two
threads everywhere. It is kept runnable and fair: nothing in it is slower than necessary.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR

from photofinish.analysis.models.catalogue import built_file, model_for

THREADS = 2


class PlainScript:
    """The loaded models; `seconds` sums up the time of each stage."""

    def __init__(self, models_dir: Path) -> None:
        cv2.setNumThreads(THREADS)
        logging.disable(logging.WARNING)  # RapidOCR reports every file it opens
        yunet = model_for("face_detection")
        shipped = metadata.distribution(yunet.package).locate_file(yunet.source_file)
        self._detector = cv2.FaceDetectorYN.create(str(shipped), "", (320, 320), 0.6, 0.3, 5000)
        # OpenCV 5 fails on the shipped SFace file, so the folded one.
        self._recognizer = cv2.FaceRecognizerSF.create(str(built_file(model_for("face_embedding"), models_dir)), "")
        self._ocr = RapidOCR(params={"EngineConfig.onnxruntime.intra_op_num_threads": THREADS})
        self.seconds: dict[str, float] = defaultdict(float)
        self.faces = 0

    def analyze(self, file: Path) -> tuple[list[NDArray[np.float32]], list[str], float]:
        """Embeddings, texts and sharpness of one photo."""
        image = self._timed("decode", lambda: cv2.imread(str(file)))
        assert image is not None, file
        faces = self._timed("detect", lambda: self._detect(image))
        embeddings = self._timed("embed", lambda: [self._embed(image, face) for face in faces])
        read = self._timed("read", lambda: self._ocr(image))
        sharpness = self._timed(
            "sharpness", lambda: cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.CV_64F).var()
        )
        self.faces += len(faces)
        return embeddings, list(read.txts or ()), float(sharpness)

    def _detect(self, image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        height, width = image.shape[:2]
        scale = min(1.0, 1280 / max(height, width))
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale)
        self._detector.setInputSize((image.shape[1], image.shape[0]))
        _, faces = self._detector.detect(image)
        if faces is None:
            return []
        faces[:, :14] /= scale
        return list(faces)

    def _embed(self, image: NDArray[np.uint8], face: NDArray[np.float32]) -> NDArray[np.float32]:
        vector = self._recognizer.feature(self._recognizer.alignCrop(image, face))[0]
        return vector / np.linalg.norm(vector)

    def _timed(self, stage: str, work):  # type: ignore[no-untyped-def]
        started = time.perf_counter()
        result = work()
        self.seconds[stage] += time.perf_counter() - started
        return result
