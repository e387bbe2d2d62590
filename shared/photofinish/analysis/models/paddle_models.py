"""Files of PaddleOCR's models in the operator's folder; nothing here runs them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from photofinish.analysis.models.model_file import ModelFile
from photofinish.analysis.models.settings import ModelSettings
from photofinish.errors import Misconfigured

PADDLEOCR = "paddleocr"
ENGINE, FOLDER = "PHOTOFINISH_TEXT_ENGINE", "PHOTOFINISH_PADDLE_MODELS"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddleModel:
    """One exported model: `inference.onnx`, and `inference.yml` which describes its input."""

    folder: Path
    model_name: str
    """PaddleOCR's name of the model, such as `PP-OCRv5_server_rec`."""
    file: ModelFile


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddleModels:
    """The models that read text if PaddleOCR is the engine."""

    detection: PaddleModel
    recognition: PaddleModel

    @classmethod
    def of(cls, settings: ModelSettings) -> PaddleModels | None:
        """Return the models in the settings; None if these choose another engine.

        Raises:
            Misconfigured: the package or a file is missing.
        """
        if settings.text_engine != PADDLEOCR:
            return None
        if find_spec(PADDLEOCR) is None:
            raise Misconfigured(
                f"{ENGINE}={PADDLEOCR}: the package paddleocr is not installed. Install paddleocr>=3.7,<4 in an image "
                f"of your own, or unset {ENGINE}."
            )
        if settings.paddle_models is None:
            raise Misconfigured(
                f"{ENGINE}={PADDLEOCR} needs {FOLDER}: a folder with subfolders det and rec, each with inference.onnx "
                "and inference.yml. Nothing is downloaded."
            )
        detection, recognition = (_model(settings.paddle_models / part) for part in ("det", "rec"))
        return cls(detection=detection, recognition=recognition)


def _model(folder: Path) -> PaddleModel:
    description = folder / "inference.yml"
    try:
        found = re.search(r"^ +model_name: *(\S+)$", description.read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{FOLDER}: {description} cannot be read ({error}).") from error
    if found is None:
        raise Misconfigured(f"{FOLDER}: {description} names no model (Global.model_name). Export the model again.")
    name = found[1].strip("'\"")
    file = ModelFile.at(folder / "inference.onnx", variable=FOLDER, name=f"paddleocr_{name}")
    return PaddleModel(folder=folder, model_name=name, file=file)
