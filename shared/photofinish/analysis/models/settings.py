"""Where the models lie and what they run on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """What it takes to load the models."""

    models_dir: Path
    """Folder of the built model files (see :mod:`photofinish.analysis.models.building`)."""
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    """ONNX Runtime execution providers, best first; each must be there, none is left out quietly."""
    threads: int = 2
    """Cores to keep busy: by the analysis with so many groups of photos, by functions with one model's operators."""
    tensorrt_cache_dir: Path | None = None
    """Folder in which TensorRT keeps its engines; needed where that provider is named."""
    fp16: bool = True
    """Whether TensorRT computes in half precision."""
    bib_detector: Path | None = None
    """ONNX file of a bib detector (`bib_detection.py`); None: faces alone tell where bibs are."""
    face_pack: Path | None = None
    """Folder of an InsightFace pack to use for faces (`insightface_packs.py`)."""
    accept_noncommercial: bool = False
    """Whether the operator accepts licences that allow no commercial use, as that of InsightFace's packs."""
    text_engine: Literal["onnx", "paddleocr"] = "onnx"
    """What reads text: the catalogue's models, or the paddleocr package (`paddle_reading.py`)."""
    paddle_models: Path | None = None
    """Folder of the models that paddleocr uses."""


def default_models_dir() -> Path:
    """The user's cache folder, where ``photofinish models build`` puts the models unless told otherwise."""
    return platformdirs.user_cache_path("photofinish") / "models"
