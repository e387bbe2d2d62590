"""Text detection and recognition by the ``paddleocr`` package, on ONNX Runtime: PaddlePaddle is not needed.

For PaddleOCR models that the catalogue lacks, such as the server models on a GPU. As with the catalogue's models,
:class:`photofinish.analysis.models.text_reader.TextReader` decides where to look and what counts as a line.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.catalogue import CPU_PROVIDER
from photofinish.analysis.models.paddle_models import FOLDER, PaddleModel, PaddleModels
from photofinish.analysis.models.providers import usable_providers
from photofinish.analysis.models.settings import ModelSettings
from photofinish.analysis.models.text_detection import scale_of_photo, scaled
from photofinish.analysis.models.text_recognition import ReadLine
from photofinish.errors import Misconfigured

# Pictures already have the size that the network should see, multiples of 32; these options keep it.
_KEEP_SIZE = {"limit_type": "min", "limit_side_len": 32}


class _Predictor:
    """One of PaddleOCR's models. It keeps state between calls, so threads take turns."""

    def __init__(self, kind: str, model: PaddleModel, settings: ModelSettings, **options: object) -> None:

        providers = usable_providers(settings)
        make = getattr(import_module("paddleocr"), kind)
        try:
            self._model = make(
                model_name=model.model_name,
                model_dir=str(model.folder),
                engine="onnxruntime",
                engine_config={
                    "providers": [name for name, _ in providers],
                    "provider_options": [provider_options for _, provider_options in providers],
                    "intra_op_num_threads": settings.threads,
                    "inter_op_num_threads": 1,
                    "enable_mem_pattern": False,
                },
                device="cpu" if tuple(settings.providers) == (CPU_PROVIDER,) else "gpu",
                **options,
            )
        except Exception as error:  # the package may raise anything for a wrong file
            raise Misconfigured(f"{FOLDER}: PaddleOCR cannot load {model.folder}: {error}") from error
        self._turn = threading.Lock()

    def predict(self, images: Sequence[NDArray[np.uint8]]) -> list[dict[str, Any]]:
        """One result for each (H, W, 3) BGR image, in order.

        Each is run alone: PaddleOCR pads a batch to its widest image, and a result must not depend on the others.
        """
        with self._turn:
            return [dict(self._model.predict([np.ascontiguousarray(image)], batch_size=1)[0]) for image in images]


class PaddleTextDetector:
    """Finds lines of text; see :class:`photofinish.analysis.models.text_detection.TextDetector`."""

    def __init__(self, predictor: _Predictor) -> None:
        self._predictor = predictor

    def detect(
        self, images: Sequence[NDArray[np.uint8]], scales: Sequence[float] | None = None
    ) -> list[NDArray[np.float32]]:
        """Find the lines of each (H, W, 3) BGR image, from top to bottom.

        (N, 4, 2) corners x, y in pixels, top left first, clockwise.
        """
        enlarging = cv2.INTER_LINEAR if scales is None else cv2.INTER_CUBIC
        if scales is None:
            scales = [scale_of_photo(*image.shape[:2]) for image in images]
        views = [scaled(image, scale, enlarging) for image, scale in zip(images, scales, strict=True)]
        found = []
        for image, view, result in zip(images, views, self._predictor.predict(views), strict=True):
            height, width = image.shape[:2]
            step = np.array([width / view.shape[1], height / view.shape[0]], np.float32)
            corners = np.array(result["dt_polys"], np.float32).reshape(-1, 4, 2) * step
            corners = corners[np.lexsort((corners[:, 0, 0], corners[:, 0, 1]))]  # PaddleOCR returns them bottom-up
            found.append(np.clip(corners, 0, np.array([width - 1, height - 1], np.float32)))
        return found


class PaddleTextRecognizer:
    """Reads crops of single lines; it reports no probabilities of other digits."""

    def __init__(self, predictor: _Predictor) -> None:
        self._predictor = predictor

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> list[ReadLine]:
        """Read each (H, W, 3) BGR crop, in order."""
        return [
            ReadLine(str(result["rec_text"]), float(result["rec_score"])) for result in self._predictor.predict(crops)
        ]


def load_paddle(models: PaddleModels, settings: ModelSettings) -> tuple[PaddleTextDetector, PaddleTextRecognizer]:
    """Load both models; takes several seconds.

    Raises:
        Misconfigured: PaddleOCR cannot load one of them.
    """
    detection = _Predictor("TextDetection", models.detection, settings, **_KEEP_SIZE)
    recognition = _Predictor("TextRecognition", models.recognition, settings)
    return PaddleTextDetector(detection), PaddleTextRecognizer(recognition)
