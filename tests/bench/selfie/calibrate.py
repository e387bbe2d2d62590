"""Measures the largest values in SFace's channels, with which its 8-bit form is made (`int8_channel_ranges.json`).

    python tests/bench/selfie/calibrate.py RACE_PHOTOS PORTRAITS

Runs the float model over the faces of every tenth race photo and every fifth portrait (RACE_PHOTOS/*.jpg and
PORTRAITS/*/*.jpg). Needed only after a change of the model or of what it is fed; the sha256 of the 8-bit file in
`catalogue.toml` changes with it, and is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import helper

import photofinish.analysis.models
from photofinish.analysis.imaging.decoding import decode
from photofinish.analysis.models.catalogue import built_file, model_for
from photofinish.analysis.models.face_alignment import align
from photofinish.analysis.models.face_detection import FaceDetector
from photofinish.analysis.models.int8_embedding import RANGES_FILE, int8_embedding_form, network_of
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings, default_models_dir

MIN_FACE_PX = 24.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("race_photos", type=Path)
    parser.add_argument("portraits", type=Path)
    arguments = parser.parse_args()
    settings = ModelSettings(models_dir=default_models_dir())
    detector = FaceDetector(OrtSession(model_for("face_detection"), settings))
    files = sorted(arguments.race_photos.glob("*.jpg"))[::10] + sorted(arguments.portraits.glob("*/*.jpg"))[::5]
    chips = np.stack([chip for file in files for chip in chips_of(detector, file)])
    source = built_file(model_for("face_embedding"), settings.models_dir)
    ranges = largest_values(source, chips)
    target = Path(photofinish.analysis.models.__file__).with_name(RANGES_FILE)
    target.write_text(json.dumps(ranges, separators=(",", ":")).replace("],", "],\n") + "\n")
    content = int8_embedding_form(source)
    print(len(chips), "faces; 8-bit form", hashlib.sha256(content).hexdigest())


def chips_of(detector: FaceDetector, file: Path) -> list[NDArray[np.uint8]]:
    image = decode(file.read_bytes()).image
    (found,) = detector.detect([image])
    large = found.select(np.sqrt(found.boxes[:, 2:].prod(axis=1)) >= MIN_FACE_PX)
    return [align(image, landmarks) for landmarks in large.landmarks]


def largest_values(source: Path, chips: NDArray[np.uint8]) -> dict[str, list[float]]:
    """Layer by layer the largest absolute value of every channel before PReLU, three digits."""
    model = onnx.load(str(source))
    names = [layer.name for layer in network_of(model).layers]
    model.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    largest: list[NDArray[np.float32]] = [np.zeros(1, np.float32)] * len(names)
    for chip in chips:
        batch = np.ascontiguousarray(chip[None, ..., ::-1].transpose(0, 3, 1, 2), np.float32)
        values = session.run(names, {session.get_inputs()[0].name: batch})
        largest = [np.maximum(most, np.abs(one).max(axis=(0, 2, 3))) for most, one in zip(largest, values, strict=True)]
    return {name: [float(f"{one:.3g}") for one in most] for name, most in zip(names, largest, strict=True)}


if __name__ == "__main__":
    main()
