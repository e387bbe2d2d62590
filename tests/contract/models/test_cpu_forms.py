"""The CPU forms of the models give the same results as the models."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from photofinish.analysis.models import catalogue as catalogue_module
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.cpu_features import multiplies_int8_exactly
from photofinish.analysis.models.face_alignment import align
from photofinish.analysis.models.face_detection import FaceDetector
from photofinish.analysis.models.face_embedding import FaceEmbedder
from photofinish.analysis.models.int8_embedding import int8_embedding_form
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings
from photofinish.analysis.models.text_detection import TextDetector
from photofinish.analysis.models.text_reader import TextReader
from photofinish.analysis.models.text_recognition import TextRecognizer
from support.pictures import astronaut, group, runner, write

CPU, GPU = ("CPUExecutionProvider",), ("CUDAExecutionProvider", "CPUExecutionProvider")


def as_it_is(role: str, settings: ModelSettings) -> OrtSession:
    """The model itself on the CPU."""
    return OrtSession(dataclasses.replace(model_for(role), cpu=None), settings)


@pytest.mark.parametrize("role", ["face_embedding", "text_detection", "text_recognition"])
def test_a_gpu_runs_the_original_model(role: str) -> None:
    model = model_for(role)
    assert model.cpu_form(GPU) is None
    assert model.for_portraits().cpu_form(GPU) is None
    assert model.label_on(GPU) == model.label


def test_processors_that_multiply_int8_inexactly_run_the_float_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_module, "multiplies_int8_exactly", lambda: False)
    assert model_for("text_detection").cpu_form(CPU) is None
    assert model_for("text_detection").label_on(CPU) == "pp-ocr-det-small-6"
    embedding = model_for("face_embedding")
    assert embedding.cpu_form(CPU) is not None
    assert embedding.for_portraits().cpu_form(CPU) == embedding.cpu_form(CPU)
    monkeypatch.setattr(catalogue_module, "multiplies_int8_exactly", lambda: True)
    assert model_for("text_detection").label_on(CPU) == "pp-ocr-det-small-6-int8"


def test_embeddings_equal_those_of_the_model(model_settings: ModelSettings) -> None:
    chips = np.random.default_rng(1).integers(0, 256, (5, 112, 112, 3), dtype=np.uint8)
    on_cpu = FaceEmbedder(OrtSession(model_for("face_embedding"), model_settings), "space").embed(chips)
    itself = FaceEmbedder(as_it_is("face_embedding", model_settings), "space").embed(chips)
    np.testing.assert_allclose(on_cpu, itself, atol=1e-5)


def test_8_bit_embeddings_are_close_to_those_of_the_model(model_settings: ModelSettings) -> None:
    detector = FaceDetector(OrtSession(model_for("face_detection"), model_settings))
    pictures = [astronaut(), group(), np.ascontiguousarray(group()[:, ::-1])]
    found = detector.detect(pictures)
    chips = np.stack(
        [align(picture, points) for picture, one in zip(pictures, found, strict=True) for points in one.landmarks]
    )
    in_8_bits = FaceEmbedder(int8_embedding_session(model_settings), "space").embed(chips)
    itself = FaceEmbedder(as_it_is("face_embedding", model_settings), "space").embed(chips)
    assert len(chips) == 13
    similarity = (in_8_bits * itself).sum(axis=1)
    assert similarity.mean() > 0.993, similarity
    assert similarity.min() > 0.985, similarity


def test_the_8_bit_form_takes_less_than_two_thirds_of_the_work(model_settings: ModelSettings) -> None:
    """Processor time, interleaved, minimum of several runs: the machine may be busy."""
    one_thread = dataclasses.replace(model_settings, threads=1)
    sessions = (int8_embedding_session(one_thread), OrtSession(model_for("face_embedding"), one_thread))
    batch = np.full((1, 3, 112, 112), 100, np.float32)
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(8):
        for session, times in zip(sessions, took, strict=True):
            began = time.process_time()
            session.run(batch)
            times.append(time.process_time() - began)
    assert min(took[0]) < min(took[1]) * 2 / 3


def int8_embedding_session(settings: ModelSettings) -> OrtSession:
    if not multiplies_int8_exactly():
        pytest.skip("this processor runs the float model")
    return OrtSession(model_for("face_embedding").for_portraits(), settings)


def test_only_sface_can_be_converted_to_8_bits(model_settings: ModelSettings) -> None:
    with pytest.raises(ValueError, match="this is not SFace"):
        int8_embedding_form(model_settings.models_dir / model_for("face_detection").file)


def test_the_same_text_is_read(model_settings: ModelSettings) -> None:
    picture = group()
    write(picture, "Marathon 2024", middle=(picture.shape[1] // 2, picture.shape[0] - 60), height=30)
    read = [
        [
            {line.text for line in lines}
            for lines in TextReader(
                TextDetector(session("text_detection")), TextRecognizer(session("text_recognition"))
            ).read([runner("2906"), picture])
        ]
        for session in (
            lambda role: OrtSession(model_for(role), model_settings),
            lambda role: as_it_is(role, model_settings),
        )
    ]
    assert read[0] == read[1]
    assert "2906" in read[0][0]
    assert "Marathon 2024" in read[0][1]
