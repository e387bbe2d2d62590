"""PaddleOCR as the engine: the errors if it is missing, and its results if it is installed."""

from __future__ import annotations

import dataclasses
import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from photofinish.analysis.models import paddle_models
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.selection import check_models, model_labels
from photofinish.analysis.models.settings import ModelSettings
from photofinish.analysis.models.text_reader import TextReader
from photofinish.domain.torso import TorsoWindow
from photofinish.errors import Misconfigured
from support.pictures import write

NORMALIZE = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "scale": "1./255.", "order": "hwc"}
DETECTION = {
    "Global": {"model_name": "PP-OCRv6_small_det"},
    "PreProcess": {
        "transform_ops": [
            {"DetResizeForTest": {"resize_long": 960}},
            {"NormalizeImage": NORMALIZE},
            {"ToCHWImage": None},
            {"KeepKeys": {"keep_keys": ["image", "shape", "polys", "ignore_tags"]}},
        ]
    },
    "PostProcess": {
        "name": "DBPostProcess",
        "thresh": 0.3,
        "box_thresh": 0.5,
        "max_candidates": 1000,
        "unclip_ratio": 1.6,
    },
}


def described(characters: list[str]) -> dict[str, object]:
    return {
        "Global": {"model_name": "PP-OCRv6_small_rec"},
        "PreProcess": {
            "transform_ops": [
                {"RecResizeImg": {"image_shape": [3, 48, 320]}},
                {"KeepKeys": {"keep_keys": ["image", "label_ctc"]}},
            ]
        },
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": characters},
    }


def as_yaml(document: dict[str, object]) -> str:
    """JSON is YAML; the sections are on lines of their own, as PaddleOCR writes them."""
    name = document["Global"]["model_name"]  # type: ignore[index]
    rest = {key: value for key, value in document.items() if key != "Global"}
    return f"Global:\n  model_name: {name}\n" + "".join(f"{key}: {json.dumps(value)}\n" for key, value in rest.items())


@pytest.fixture
def paddle(tmp_path: Path, model_settings: ModelSettings) -> ModelSettings:
    """The catalogue's models as PaddleOCR's exporter would write them."""
    recognition = model_settings.models_dir / model_for("text_recognition").file
    metadata = onnxruntime.InferenceSession(str(recognition)).get_modelmeta().custom_metadata_map
    documents = {"det": DETECTION, "rec": described(metadata["character"].split("\n"))}
    for part, role in (("det", "text_detection"), ("rec", "text_recognition")):
        (tmp_path / part).mkdir()
        shutil.copy(model_settings.models_dir / model_for(role).file, tmp_path / part / "inference.onnx")
        (tmp_path / part / "inference.yml").write_text(as_yaml(documents[part]), encoding="utf-8")
    return dataclasses.replace(model_settings, text_engine="paddleocr", paddle_models=tmp_path)


@pytest.mark.skipif(find_spec("paddleocr") is not None, reason="paddleocr is installed here")
def test_a_missing_package_is_reported_in_one_sentence(model_settings: ModelSettings) -> None:
    settings = dataclasses.replace(model_settings, text_engine="paddleocr")
    for load in (TextReader.load, model_labels, lambda chosen: check_models(chosen, ["text_detection"])):
        with pytest.raises(Misconfigured, match="the package paddleocr is not installed") as raised:
            load(settings)
        assert "\n" not in str(raised.value)


def test_wrong_files_are_reported_before_anything_is_loaded(
    paddle: ModelSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paddle_models, "find_spec", lambda name: name)  # files are checked before the package is used
    labels = model_labels(paddle)
    assert labels["text_detection"].startswith("paddleocr_pp_ocrv6_small_det-")
    assert labels["text_recognition"].startswith("paddleocr_pp_ocrv6_small_rec-")
    with pytest.raises(Misconfigured, match="needs PHOTOFINISH_PADDLE_MODELS"):
        model_labels(dataclasses.replace(paddle, paddle_models=None))
    (tmp_path / "rec" / "inference.yml").write_text("Global: {}\n")
    with pytest.raises(Misconfigured, match="names no model"):
        model_labels(paddle)
    (tmp_path / "det" / "inference.onnx").unlink()
    with pytest.raises(Misconfigured, match=r"inference\.onnx cannot be read"):
        model_labels(paddle)


def picture() -> np.ndarray:
    page = np.full((600, 800, 3), 255, np.uint8)
    write(page, "2906", middle=(200, 150), height=60)
    write(page, "START", middle=(500, 450), height=50)
    return page


@pytest.mark.skipif(find_spec("paddleocr") is None, reason="the package paddleocr is not installed")
def test_it_reads_the_same_as_the_default_engine(paddle: ModelSettings, model_settings: ModelSettings) -> None:
    theirs, ours = TextReader.load(paddle), TextReader.load(model_settings)
    blank = np.full((300, 300, 3), 255, np.uint8)
    window = TorsoWindow(left=50, top=50, right=400, bottom=300, face_px=60.0)
    for read in (
        lambda reader: reader.read([picture(), blank]),
        lambda reader: reader.read_torsos([picture(), blank], [[window], []]),
    ):
        (lines, nothing), (expected, _) = read(theirs), read(ours)
        assert nothing == ()
        assert [line.text for line in lines] == [line.text for line in expected] != []
        for line, other in zip(lines, expected, strict=True):
            assert line.ocr_score > 0.8
            assert (line.box.x, line.box.y, line.box.w, line.box.h) == pytest.approx(
                (other.box.x, other.box.y, other.box.w, other.box.h), abs=0.02
            )
