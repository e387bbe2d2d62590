"""An operator's bib detector in the whole analysis: tiny networks with the outputs of YOLO exports."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import helper

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.models.bib_detection import BibDetector, decoded, letterboxed
from photofinish.analysis.models.model_file import ModelFile
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.bib import Bib
from photofinish.domain.bib_window import DetectedBib, bib_windows
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.sidecar import sidecar, sidecar_bytes
from photofinish.errors import Misconfigured
from support.onnx_models import save, sees_the_brightness_of
from support.pictures import BgrImage, encode, noise, runner

SIDE = 640
EXPORTS = ["by_class", "end_to_end"]


def yolo(
    path: Path,
    box: tuple[float, float, float, float],
    *,
    export: str = "by_class",
    metadata: dict[str, str] | None = None,
    batch: int | str = 1,
) -> Path:
    """A network that finds a bib at `box` (x, y, w, h of its input) with the brightness there as score, and noise."""
    x, y, w, h = box
    nodes, constants = sees_the_brightness_of((int(x), int(y), int(x + w), int(y + h)))
    if export == "end_to_end":
        corners, kind, nothing = [x, y, x + w, y + h], [0.0], [0.0] * 6
        constants["before"] = np.array([[corners]], np.float32)
        constants["after"] = np.array([[kind]], np.float32)
        constants["rest"] = np.array([[nothing, [1, 1, 9, 9, 0.1, 0]]], np.float32)
        constants["as_cell"] = np.array([1, 1, 1], np.int64)
        nodes += [
            helper.make_node("Reshape", ["seen", "as_cell"], ["score"]),
            helper.make_node("Concat", ["before", "score", "after"], ["row"], axis=2),
            helper.make_node("Concat", ["row", "rest"], ["output0"], axis=1),
        ]
        shape: list[int | str] = [1, 3, 6]
    else:
        middle = [x + w / 2, y + h / 2, w, h]
        # The same bib again, slightly shifted and less sure, as networks without suppression return; then noise.
        constants["boxes"] = np.array([[middle, [value + 2 for value in middle], [5, 5, 8, 8]]], np.float32)
        constants["boxes"] = constants["boxes"].transpose(0, 2, 1)
        constants["sureness"] = np.array([[[1.0, 0.8, 0.0]]], np.float32)
        constants["as_cell"] = np.array([1, 1, 1], np.int64)
        nodes += [
            helper.make_node("Reshape", ["seen", "as_cell"], ["score"]),
            helper.make_node("Mul", ["score", "sureness"], ["scores"]),
            helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=1),
        ]
        shape = [1, 5, 3]
    return save(
        path,
        nodes,
        input_shape=[batch, 3, SIDE, SIDE],
        outputs={"output0": shape},
        constants=constants,
        metadata=metadata,
    )


def small_runner() -> tuple[BgrImage, tuple[int, int, int, int]]:
    """A large grey picture with a small runner (a face of some 26 pixels), and the box of their bib."""
    picture = np.full((2400, 2400, 3), 90, np.uint8)
    side, left, top = 150, 1200, 1100
    picture[top : top + side, left : left + side] = cv2.resize(
        runner("2906"), (side, side), interpolation=cv2.INTER_AREA
    )
    x0, y0, x1, y1 = (round(value * side / 512) for value in (130, 330, 320, 440))  # where `runner` draws it
    return picture, (left + x0, top + y0, x1 - x0, y1 - y0)


def in_network(box: tuple[int, int, int, int], picture: BgrImage) -> tuple[float, float, float, float]:
    scale = SIDE / max(picture.shape[:2])
    left, top = (SIDE - picture.shape[1] * scale) / 2, (SIDE - picture.shape[0] * scale) / 2
    x, y, w, h = (value * scale for value in box)
    return x + left, y + top, w, h


def with_detector(settings: ModelSettings, path: Path) -> ModelSettings:
    return dataclasses.replace(settings, bib_detector=path)


def detector_at(path: Path, settings: ModelSettings) -> BibDetector:
    return BibDetector.load(ModelFile.at(path, variable="PHOTOFINISH_BIB_DETECTOR"), settings)


def analyzed(analyzer: Analyzer, picture: BgrImage) -> AnalyzedPhoto:
    (result,) = analyzer.analyze([encode(picture, "PNG")])
    assert isinstance(result, AnalyzedPhoto), result
    return result


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("size", [(1600, 1200), (1200, 1600), (200, 160)])
def test_boxes_come_back_in_pixels_of_the_photo(
    export: str, size: tuple[int, int], tmp_path: Path, model_settings: ModelSettings
) -> None:
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    x, y, w, h = (round(value * max(size)) for value in (0.3, 0.25, 0.2, 0.15))
    picture[y : y + h, x : x + w] = 255
    detector = detector_at(
        yolo(tmp_path / "bibs.onnx", in_network((x, y, w, h), picture), export=export), model_settings
    )
    seen, nothing = detector.detect([picture, np.zeros_like(picture)])
    assert nothing == ()
    (bib,) = seen
    assert bib.score > 0.9
    assert bib.box.to_pixels(*size) == pytest.approx((x, y, w, h), abs=max(size) / SIDE)


def test_the_input_is_rgb_from_0_to_1_in_the_middle_of_grey() -> None:
    picture = np.full((100, 200, 3), (255, 0, 51), np.uint8)  # BGR
    batch, scale, left, top = letterboxed(picture, 320, 320)
    assert (batch.shape, batch.dtype, scale, left, top) == ((1, 3, 320, 320), np.float32, 1.6, 0, 80)
    assert batch[0, :, 160, 160].tolist() == pytest.approx([0.2, 0.0, 1.0])
    assert batch[0, :, 79, 160].tolist() == batch[0, :, 240, 0].tolist() == pytest.approx([114 / 255] * 3)


def test_of_several_classes_only_bibs_count() -> None:
    by_class = np.zeros((1, 6, 8), np.float32)
    by_class[0, :4] = [[50], [50], [20], [20]]
    by_class[0, 4:, 0] = [0.9, 0.1]
    by_class[0, :, 1] = [150, 50, 20, 20, 0.1, 0.8]
    boxes, scores = decoded(by_class, 0.25, frozenset({1}))
    assert boxes.tolist() == [[140, 40, 20, 20]]
    assert scores.tolist() == pytest.approx([0.8])
    assert len(decoded(by_class, 0.25, None)[0]) == 2


@pytest.mark.parametrize("export", EXPORTS)
def test_a_detected_bib_is_read_and_assigned_to_its_wearer(
    export: str, tmp_path: Path, model_settings: ModelSettings
) -> None:
    """The runner is far away: the face is too small for a torso window, the number for the whole picture."""
    picture, bib = small_runner()
    usual = Analyzer.load(model_settings)
    plain = analyzed(usual, picture).analysis
    assert [found.number for found in plain.bibs] == [], (
        "the picture proves nothing: the number is read without a detector"
    )

    settings = with_detector(model_settings, yolo(tmp_path / "Race bibs.onnx", in_network(bib, picture), export=export))
    analyzer = Analyzer.load(settings)
    result = analyzed(analyzer, picture)
    assert [(found.number, found.face_index) for found in result.analysis.bibs] == [("2906", 0)]

    label = ModelFile.at(tmp_path / "Race bibs.onnx", variable="-").label
    assert label.startswith("race_bibs-")
    assert len(label) == len("race_bibs-") + 8
    assert result.analysis.models == {**plain.models, "bib_detection": label}
    assert analyzer.pipeline_version == f"{usual.pipeline_version}-{label.replace('-', '')}"
    document = sidecar(PhotoRef(bucket="b", name="a/1.jpg", generation=1), result.analysis, result.pipeline_version)
    assert json.loads(sidecar_bytes(document))["models"]["bib_detection"] == label
    assert "detect_bibs" in result.analysis.timings_ms


def test_numbers_that_the_detector_misses_are_still_read(tmp_path: Path, model_settings: ModelSettings) -> None:
    settings = with_detector(model_settings, yolo(tmp_path / "bibs.onnx", (10, 10, 20, 10)))
    dark = runner("2906")
    dark[:200, :200] = 0
    assert [found.number for found in analyzed(Analyzer.load(settings), dark).analysis.bibs] == ["2906"]
    assert analyzed(Analyzer.load(settings), noise(640, 480)).analysis.bibs == ()


def box_of(x: float, y: float, w: float, h: float) -> Box:
    return Box.from_pixels(x, y, w, h, width=1000, height=800)


def bib(number: str, box: Box, *, partial: bool = False) -> Bib:
    return Bib(number=number, ocr_score=0.9, box=box, face_index=None, partial=partial)


def test_windows_surround_bibs_without_a_whole_number() -> None:
    seen = DetectedBib(box=box_of(100, 200, 120, 90), score=0.9)
    inside = box_of(120, 220, 80, 40)
    (window,) = bib_windows([seen], [], width=1000, height=800)
    assert (window.left, window.top, window.right, window.bottom) == (79, 179, 241, 311)
    assert window.face_px == pytest.approx((120 * 90) ** 0.5 / 1.2)
    assert bib_windows([seen], [bib("2906", inside)], width=1000, height=800) == ()
    assert bib_windows([seen], [bib("29", inside)], width=1000, height=800) == (window,)
    assert bib_windows([seen], [bib("2906", inside, partial=True)], width=1000, height=800) == (window,)
    assert bib_windows([seen], [bib("2906", box_of(500, 220, 80, 40))], width=1000, height=800) == (window,)
    assert bib_windows([DetectedBib(box=box_of(10, 10, 9, 8), score=1)], [], width=1000, height=800) == ()
    (corner,) = bib_windows([DetectedBib(box=box_of(0, 0, 50, 40), score=1)], [], width=1000, height=800)
    assert (corner.left, corner.top) == (0, 0)


UNSUITABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no model": (lambda path: path.write_bytes(b"not onnx"), "ONNX Runtime cannot load"),
    "missing": (lambda path: path, "cannot be read (No such file or directory)"),
    "a picture classifier": (
        lambda path: save(
            path,
            [helper.make_node("ReduceMean", ["images"], ["mean"], axes=[2, 3], keepdims=0)],
            input_shape=[1, 3, 64, 64],
            outputs={"mean": [1, 3]},
        ),
        "has outputs (1, 3)",
    ),
    "grey input": (
        lambda path: save(
            path,
            [helper.make_node("Identity", ["images"], ["out"])],
            input_shape=[1, 1, 64, 64],
            outputs={"out": [1, 1, 64, 64]},
        ),
        "takes tensor(float) of shape [1, 1, 64, 64]",
    ),
    "another batch": (lambda path: yolo(path, (10, 10, 20, 20), batch=4), "requires 4 pictures at once"),
    "another size than declared": (
        lambda path: save(
            path,
            [helper.make_node("Reshape", ["images", "shape"], ["out"])],
            input_shape=[1, 3, "h", "w"],
            outputs={"out": [1, 5, 7]},
            constants={"shape": np.array([1, 5, 7], np.int64)},
        ),
        "ONNX Runtime cannot run",
    ),
    "no bibs among its classes": (
        lambda path: yolo(path, (10, 10, 20, 20), metadata={"names": "{0: 'person', 1: 'bicycle'}"}),
        "has 2 classes, none of which is called bib or number",
    ),
    "poses": (
        lambda path: yolo(path, (10, 10, 20, 20), metadata={"names": "{0: 'bib', 1: 'person'}"}),
        "has output (1, 5, 3) for 2 classes",
    ),
    "a threshold of nothing": (
        lambda path: yolo(path, (10, 10, 20, 20), metadata={"min_score": "high"}),
        "has min_score 'high' in its metadata",
    ),
}


@pytest.mark.parametrize("kind", UNSUITABLE)
def test_an_unsuitable_file_is_reported_in_one_sentence_at_start(
    kind: str, tmp_path: Path, model_settings: ModelSettings
) -> None:
    make, sentence = UNSUITABLE[kind]
    path = tmp_path / "bibs.onnx"
    make(path)
    with pytest.raises(Misconfigured) as raised:
        Analyzer.load(with_detector(model_settings, path))
    message = str(raised.value)
    assert sentence in message
    assert str(path) in message
    assert "\n" not in message


def test_the_threshold_in_the_file_applies(tmp_path: Path, model_settings: ModelSettings) -> None:
    picture = np.full((SIDE, SIDE, 3), 160, np.uint8)  # seen with a score of 0.63
    box = (100.0, 100.0, 60.0, 40.0)
    assert len(detector_at(yolo(tmp_path / "usual.onnx", box), model_settings).detect([picture])[0]) == 1
    strict = yolo(tmp_path / "strict.onnx", box, metadata={"min_score": "0.7", "names": "{0: 'anything'}"})
    assert detector_at(strict, model_settings).detect([picture]) == [()]
    assert onnx.load(str(strict)).metadata_props[0].value == "0.7"
