"""Sessions: a missing model or provider is never replaced silently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings
from photofinish.analysis.models.text_reader import TextReader
from photofinish.errors import Misconfigured


def test_a_missing_model_names_the_command_that_builds_it(tmp_path: Path) -> None:
    settings = ModelSettings(models_dir=tmp_path / "nowhere")
    for load in (FaceEncoder.load, TextReader.load):
        with pytest.raises(Misconfigured, match="photofinish models build"):
            load(settings)


@pytest.mark.parametrize("provider", ["CUDAExecutionProvider", "NoSuchExecutionProvider"])
def test_a_missing_provider_is_named(provider: str, model_settings: ModelSettings) -> None:
    if provider in ort.get_available_providers():
        pytest.skip(f"this machine has {provider}")
    settings = ModelSettings(models_dir=model_settings.models_dir, providers=(provider, "CPUExecutionProvider"))
    with pytest.raises(Misconfigured, match=rf"no provider {provider};.*CPUExecutionProvider"):
        OrtSession(model_for("face_detection"), settings)


def test_no_provider_at_all(model_settings: ModelSettings) -> None:
    with pytest.raises(Misconfigured, match="none was named"):
        OrtSession(model_for("face_detection"), ModelSettings(models_dir=model_settings.models_dir, providers=()))


def test_the_text_model_contains_its_characters(model_settings: ModelSettings) -> None:
    session = OrtSession(model_for("text_recognition"), model_settings)
    (output,) = session.run(np.zeros((1, 3, 48, 160), np.float32)).values()
    characters = session.metadata["character"].split("\n")
    assert output.shape[2] == len(characters) + 2, "the blank, the characters, the space"
    assert set("0123456789") <= set(characters)


@pytest.mark.parametrize(
    ("role", "shape"),
    [
        ("face_detection", (3, 160, 192)),
        ("face_embedding", (3, 112, 112)),
        ("text_detection", (3, 160, 192)),
        ("text_recognition", (3, 48, 160)),
    ],
)
def test_a_result_does_not_depend_on_its_batch(
    role: str, shape: tuple[int, ...], model_settings: ModelSettings
) -> None:
    """:meth:`Analyzer.analyze` relies on this; text is never run in a batch of one."""
    session = OrtSession(model_for(role), model_settings)
    batch = np.random.default_rng(0).uniform(-1, 1, (5, *shape)).astype(np.float32)
    together = session.run(batch)
    smallest = 2 if role == "text_recognition" else 1
    for size in range(smallest, 5):
        for name, values in session.run(batch[:size]).items():
            np.testing.assert_array_equal(values, together[name][:size])
