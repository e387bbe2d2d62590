"""Encoding a portrait: as good as the full encoding for the main face, in less time."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.settings import ModelSettings
from support.pictures import astronaut, group, noise


@pytest.fixture(scope="module")
def encoder(model_settings: ModelSettings) -> FaceEncoder:
    return FaceEncoder.load(model_settings)


def portrait(longest_side: int) -> NDArray[np.uint8]:
    """Head and shoulders, as in a selfie at arm's length."""
    cut = astronaut()[0:300, 60:400]
    scale = longest_side / max(cut.shape)
    return np.asarray(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("longest_side", [200, 400, 1000, 1600])
def test_the_same_face_as_by_the_full_encoding(encoder: FaceEncoder, longest_side: int) -> None:
    picture = portrait(longest_side)
    ((whole,),) = encoder.encode([picture])
    (found,) = encoder.encode_portrait(picture)
    assert float(found.embedding.vector @ whole.embedding.vector) > 0.97
    assert found.quality == pytest.approx(whole.quality, abs=0.1)


def test_other_large_faces_are_found(encoder: FaceEncoder) -> None:
    one = portrait(400)
    beside = np.hstack([one, np.asarray(cv2.resize(group()[150:450, 700:1040], one.shape[1::-1]), np.uint8)])
    assert len(encoder.encode_portrait(beside)) == len(encoder.encode([beside])[0]) >= 2


def test_a_picture_with_small_faces_is_encoded_in_full(encoder: FaceEncoder) -> None:
    whole, found = encoder.encode([group()])[0], encoder.encode_portrait(group())
    assert [face.box for face in found] == [face.box for face in whole]
    assert len(found) == 6
    for one, other in zip(found, whole, strict=True):
        np.testing.assert_array_equal(one.embedding.vector, other.embedding.vector)
    assert encoder.encode_portrait(noise(640, 480)) == ()


def test_it_takes_less_than_half_of_the_work(encoder: FaceEncoder) -> None:
    """Processor time, interleaved, minimum of several runs: the machine may be busy."""
    picture = portrait(1000)
    whole, only = [], []
    for _ in range(5):
        began = time.process_time()
        encoder.encode([picture])
        between = time.process_time()
        encoder.encode_portrait(picture)
        whole.append(between - began)
        only.append(time.process_time() - between)
    assert min(only) < min(whole) / 2
