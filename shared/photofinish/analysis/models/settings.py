"""Settings of the models: their files, and what they run on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Everything needed to load the models."""

    models_dir: Path
    """Folder of the built model files (see :mod:`photofinish.analysis.models.building`)."""
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    """ONNX Runtime execution providers, best first; each must be available, none is skipped silently."""
    threads: int = 2
    """Cores to keep busy: the analysis runs so many batches side by side, functions so many threads of one model."""
    tensorrt_cache_dir: Path | None = None
    """Folder in which TensorRT keeps its engines; required with that provider."""
    fp16: bool = True
    """Whether TensorRT computes in half precision."""
    bib_detector: Path | None = None
    """ONNX file of a bib detector (`bib_detection.py`); None: bibs are searched only below faces."""
    face_pack: Path | None = None
    """Folder of an InsightFace pack to use for faces (`insightface_packs.py`)."""
    accept_noncommercial: bool = False
    """Whether the operator accepts licences without commercial use, such as that of InsightFace's packs."""
    text_engine: Literal["onnx", "paddleocr"] = "onnx"
    """The text reader: the catalogue's models, or the paddleocr package (`paddle_reading.py`)."""
    paddle_models: Path | None = None
    """Folder of the models that paddleocr uses."""
    label_search: bool = False
    """Whether photos get labels and a vector that texts are compared with (`label_space.py`)."""
    picture_pair: Path | None = None
    """Folder of a pair of models for pictures and texts (`picture_pair.py`), which takes the place of label search."""


def default_models_dir() -> Path:
    """Return the default of ``photofinish models build``: a folder in the user's cache."""
    return platformdirs.user_cache_path("photofinish") / "models"
