"""Measures the ranges of tensors from which the int8 forms of the text models are built (`int8_ranges.json`).

    python tests/bench/analysis/calibrate.py PHOTOS [--every 10]

Runs the float models over every tenth photo. Needed only after a change of the models or of their inputs; it also
changes the sha256 of the int8 files in `catalogue.toml`, which are printed.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import CalibrationDataReader, create_calibrator

import photofinish.analysis.models
from photofinish.analysis.analyzer import Analyzer
from photofinish.analysis.models.catalogue import built_file, model_for
from photofinish.analysis.models.cpu_forms import INT8_OPERATORS, int8_form, quantisable
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from photofinish.analysis.models.text_detection import TextDetector
from photofinish.analysis.models.text_reader import TextReader
from photofinish.analysis.models.text_recognition import TextRecognizer

ROLES = ("text_detection", "text_recognition")


class Recording(OrtSession):
    """The float model; it records every batch that it is run on."""

    def __init__(self, role: str, settings: ModelSettings) -> None:
        super().__init__(dataclasses.replace(model_for(role), cpu=None), settings)
        self.batches: list[NDArray[np.float32]] = []

    def run(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        self.batches.append(batch.copy())
        return super().run(batch)


class Batches(CalibrationDataReader):
    def __init__(self, name: str, batches: list[NDArray[np.float32]]) -> None:
        self._feeds: Iterator[dict[str, NDArray[np.float32]]] = iter([{name: batch} for batch in batches])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._feeds, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--every", type=int, default=10)
    arguments = parser.parse_args()
    settings = ModelSettings(models_dir=default_models_dir())
    sessions = {role: Recording(role, settings) for role in ROLES}
    reader = TextReader(TextDetector(sessions["text_detection"]), TextRecognizer(sessions["text_recognition"]))
    files = sorted(arguments.photos.glob("*.jpg"))[:: arguments.every]
    Analyzer(FaceEncoder.load(settings), reader).analyze([file.read_bytes() for file in files])
    ranges = {role: measured(role, settings, session.batches) for role, session in sessions.items()}
    target = Path(photofinish.analysis.models.__file__).with_name("int8_ranges.json")
    target.write_text(json.dumps(ranges, indent=0, sort_keys=True) + "\n")
    for role in ROLES:
        content = int8_form(built_file(model_for(role), settings.models_dir), role)
        print(role, "int8 form", hashlib.sha256(content).hexdigest())


def measured(role: str, settings: ModelSettings, batches: list[NDArray[np.float32]]) -> dict[str, tuple[float, float]]:
    """The least and greatest value of every quantised tensor over all `batches`, to six digits."""
    with quantisable(built_file(model_for(role), settings.models_dir)) as plain:
        calibrator = create_calibrator(
            plain,
            list(INT8_OPERATORS),
            augmented_model_path=str(plain.with_name("augmented.onnx")),
            calibrate_method=CalibrationMethod.MinMax,
        )
        calibrator.collect_data(Batches(calibrator.model.graph.input[0].name, batches))
        found = calibrator.compute_data()
    return {
        name: (round_to_6(data.range_value[0].item()), round_to_6(data.range_value[1].item()))
        for name, data in found.items()
    }


def round_to_6(value: float) -> float:
    return float(f"{value:.6g}")


if __name__ == "__main__":
    main()
