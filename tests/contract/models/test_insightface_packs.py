"""InsightFace packs: tiny networks with the inputs and outputs of the real ones, also compared with the package."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from insightface.model_zoo.arcface_onnx import ArcFaceONNX
from insightface.model_zoo.scrfd import SCRFD

from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.face_pack import FacePack
from photofinish.analysis.models.insightface_packs import ScrfdDetector, load_arcface
from photofinish.analysis.models.model_file import ModelFile
from photofinish.analysis.models.selection import embedding_model, known_calibrations, model_labels, searched_space
from photofinish.analysis.models.settings import ModelSettings
from photofinish.errors import Misconfigured
from support.face_packs import DIMENSIONS, FACE_PX, POINTS, arcface, crowd, pack, scrfd

POSITIONS = [(320, 160), (96, 480), (1024, 608)]


@pytest.fixture
def buffalo(tmp_path: Path, model_settings: ModelSettings) -> ModelSettings:
    folder = pack(tmp_path / "buffalo_l")
    return dataclasses.replace(model_settings, face_pack=folder, accept_noncommercial=True)


def detector_of(path: Path, settings: ModelSettings) -> ScrfdDetector:
    return ScrfdDetector.load(ModelFile.at(path, variable="-"), settings)


def folder_of(settings: ModelSettings) -> Path:
    assert settings.face_pack is not None
    return settings.face_pack


@pytest.mark.parametrize("height", [960, 853])
@pytest.mark.parametrize("batched", [False, True])
def test_boxes_and_landmarks_are_in_pixels_of_the_picture(
    height: int, batched: bool, tmp_path: Path, model_settings: ModelSettings
) -> None:
    detector = detector_of(scrfd(tmp_path / "det_10g.onnx", batched=batched), model_settings)
    found, nothing = detector.detect([crowd(POSITIONS, height=height), crowd([])])
    assert len(nothing) == 0
    assert found.boxes.tolist() == [[x - 32, y - 32, 64, 64] for x, y in sorted(POSITIONS)]
    corners = found.boxes[:, None, :2]
    np.testing.assert_allclose(found.landmarks, corners + POINTS * FACE_PX, atol=1e-3)
    assert found.scores.min() > 0.95


def test_a_network_of_fixed_size_sees_the_whole_picture_at_that_size(
    tmp_path: Path, model_settings: ModelSettings
) -> None:
    detector = detector_of(scrfd(tmp_path / "det_10g.onnx", side=640), model_settings)
    square = crowd([(160, 80)], width=640, height=512).repeat(4, axis=0).repeat(4, axis=1)
    (found,) = detector.detect([np.ascontiguousarray(square)])
    np.testing.assert_allclose(found.boxes, [[4 * 128, 4 * 48, 256, 256]], atol=0.5)


def test_candidates_equal_those_of_the_insightface_package(tmp_path: Path, model_settings: ModelSettings) -> None:
    path = scrfd(tmp_path / "det_10g.onnx", seed=7)
    picture = np.random.default_rng(1).integers(0, 256, (256, 320, 3), np.uint8)
    found = detector_of(path, model_settings)._candidates(picture, 320)
    boxes, points, scores = found.boxes, found.landmarks, found.scores
    theirs = SCRFD(model_file=str(path))
    expected, expected_points = theirs._detect_candidates(picture, (320, 256), 0.5)
    assert 100 < len(scores) == len(expected)
    ours = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:], scores[:, None], points.reshape(-1, 10)], axis=1)
    other = np.concatenate([expected, expected_points.reshape(-1, 10)], axis=1)
    np.testing.assert_allclose(ours[np.lexsort(ours.T)], other[np.lexsort(other.T)], rtol=1e-4, atol=1e-2)


def test_embeddings_equal_those_of_the_insightface_package(buffalo: ModelSettings) -> None:
    chosen = FacePack.of(buffalo)
    assert chosen is not None
    chips = np.random.default_rng(2).integers(0, 256, (9, 112, 112, 3), np.uint8)
    ours = load_arcface(chosen, buffalo).embed(chips)
    theirs = ArcFaceONNX(model_file=str(chosen.embedding.path)).get_feat(list(chips))
    assert ours.shape == (9, DIMENSIONS)
    np.testing.assert_allclose(ours, theirs / np.linalg.norm(theirs, axis=1, keepdims=True), atol=1e-5)


def test_the_encoder_uses_the_pack(buffalo: ModelSettings) -> None:
    encoder = FaceEncoder.load(buffalo)
    faces, none = encoder.encode([crowd(POSITIONS), crowd([])])
    assert none == ()
    assert len(faces) == 3
    assert encoder.embedding_space.startswith("buffalo_l-")
    for face in faces:
        assert face.embedding.space == encoder.embedding_space
        assert face.embedding.vector.shape == (DIMENSIONS,)
    assert len(encoder.encode_portrait(crowd([(320, 160)], width=640, height=480))) == 1


def test_a_different_file_makes_a_different_space(buffalo: ModelSettings) -> None:
    before = FaceEncoder.load(buffalo).embedding_space
    arcface(folder_of(buffalo) / "w600k_r50.onnx", seed=1)
    after = FaceEncoder.load(buffalo).embedding_space
    assert before != after
    assert model_labels(buffalo)["face_embedding"] == after


def test_a_pack_with_a_batch_of_one(buffalo: ModelSettings) -> None:
    arcface(folder_of(buffalo) / "w600k_r50.onnx", batch=1)
    (faces,) = FaceEncoder.load(buffalo).encode([crowd(POSITIONS)])
    assert len(faces) == 3


def test_nothing_is_loaded_before_the_licence_is_accepted(buffalo: ModelSettings) -> None:
    refused = dataclasses.replace(buffalo, accept_noncommercial=False)
    for load in (FaceEncoder.load, model_labels, searched_space, known_calibrations):
        with pytest.raises(
            Misconfigured, match=r"non-commercial research only. Set PHOTOFINISH_ACCEPT_NONCOMMERCIAL=1"
        ):
            load(refused)


CALIBRATION = """[model.calibration]
min_similarity = 0.3
stranger_similarity = 0.4
slope = 20.0
offset = -5.0
selfie_min_quality = 0.5

[model.calibrated_on]
embedding_space = "{space}"
model_sha256 = "{sha256}"
folders = ["bibs", "faces"]
same_pairs = 500
stranger_pairs = 15612
date = 2026-11-21
"""


def calibrate(settings: ModelSettings) -> str:
    """Write a calibration of the pack's current model file; returns its text."""
    space, sha256 = embedding_model(settings)
    text = CALIBRATION.format(space=space, sha256=sha256)
    (folder_of(settings) / "calibration.toml").write_text(text)
    return text


def test_searching_needs_a_calibration_of_the_pack(buffalo: ModelSettings) -> None:
    with pytest.raises(Misconfigured, match="photofinish evaluate --bibs DIR --faces DIR --calibrate"):
        searched_space(buffalo)
    assert list(known_calibrations(buffalo)) == ["sface-2021dec-2"]
    calibrate(buffalo)
    space, calibration = searched_space(buffalo)
    assert space == FaceEncoder.load(buffalo).embedding_space
    assert calibration.min_similarity == 0.3
    assert known_calibrations(buffalo)[space] == calibration


def test_a_calibration_of_another_model_file_is_refused(buffalo: ModelSettings) -> None:
    calibrate(buffalo)
    before, _ = embedding_model(buffalo)
    arcface(folder_of(buffalo) / "w600k_r50.onnx", seed=1)
    after, _ = embedding_model(buffalo)
    for load in (searched_space, known_calibrations):
        with pytest.raises(Misconfigured, match="was measured with another model file") as raised:
            load(buffalo)
        assert before in str(raised.value)
        assert after in str(raised.value)
    calibrate(buffalo)
    assert searched_space(buffalo)[0] == after


def test_the_catalogues_calibration_was_measured_with_its_model() -> None:
    model = model_for("face_embedding")
    assert model.calibrated_on is not None
    assert model.calibrated_on.model_sha256 == model.sha256
    assert model.calibrated_on.embedding_space == model.embedding_space


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda text: "",
        lambda text: "[model.calibration]",
        lambda text: "nonsense",
        lambda text: text.partition("[model.calibrated_on]")[0],
        lambda text: text.replace("20.0", "-1.0"),
        lambda text: text.replace("date = 2026-11-21", ""),
        lambda text: text + "more = 1\n",
    ],
)
def test_an_invalid_calibration_is_reported(spoilt: Callable[[str], str], buffalo: ModelSettings) -> None:
    path = folder_of(buffalo) / "calibration.toml"
    path.write_text(spoilt(calibrate(buffalo)))
    with pytest.raises(Misconfigured, match="is not what `photofinish evaluate") as raised:
        searched_space(buffalo)
    assert str(path) in str(raised.value)


def missing_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def two_detectors(folder: Path) -> None:
    scrfd(folder / "scrfd_500m.onnx")


def no_recognition(folder: Path) -> None:
    (folder / "w600k_r50.onnx").unlink()


def swapped(folder: Path) -> None:
    arcface(folder / "det_10g.onnx")


def no_embedding(folder: Path) -> None:
    scrfd(folder / "w600k_r50.onnx")


def damaged(folder: Path) -> None:
    (folder / "w600k_r50.onnx").write_bytes(b"\x08")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (missing_folder, "there is no such folder"),
        (two_detectors, "there is det_10g.onnx and scrfd_500m.onnx"),
        (no_recognition, "w600k_\\*.onnx or glintr\\*.onnx; there is no such file"),
        (swapped, "cannot run|is no SCRFD detector"),
        (no_embedding, "is no ArcFace model"),
        (damaged, "ONNX Runtime cannot load"),
    ],
)
def test_an_unsuitable_folder_is_reported_in_one_sentence(spoil: object, sentence: str, buffalo: ModelSettings) -> None:
    assert callable(spoil)
    spoil(folder_of(buffalo))
    with pytest.raises(Misconfigured, match=sentence) as raised:
        FaceEncoder.load(buffalo)
    assert "\n" not in str(raised.value)
    assert str(folder_of(buffalo)) in str(raised.value)
