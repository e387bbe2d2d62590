"""Face detection on real pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.detections import Detections
from photofinish.analysis.models.face_detection import FaceDetector
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings
from support.pictures import BgrImage, astronaut, group, noise


@pytest.fixture(scope="module")
def detector(model_settings: ModelSettings) -> FaceDetector:
    return FaceDetector(OrtSession(model_for("face_detection"), model_settings))


def test_one_face_is_found_at_its_position(detector: FaceDetector) -> None:
    (found,) = detector.detect([astronaut()])
    assert len(found) == 1
    x, y, w, h = found.boxes[0]
    assert (x, y, x + w, y + h) == pytest.approx((179, 62, 269, 175), abs=6)
    right_eye, left_eye, nose, right_mouth, left_mouth = found.landmarks[0]
    assert right_eye[0] < nose[0] < left_eye[0], "the person's right eye is left in the picture"
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    assert 0.9 < found.scores[0] <= 1


def test_all_faces_of_a_group_largest_first(detector: FaceDetector) -> None:
    (found,) = detector.detect([group()])
    assert len(found) == 6
    areas = found.boxes[:, 2] * found.boxes[:, 3]
    assert (np.diff(areas) <= 0).all()


def test_no_face_gives_empty_arrays(detector: FaceDetector) -> None:
    for image in (noise(640, 480), np.zeros((480, 640, 3), np.uint8), noise(16, 16), noise(2000, 16)):
        (found,) = detector.detect([image])
        assert len(found) == 0
        assert (found.boxes.shape, found.landmarks.shape, found.scores.shape) == ((0, 4), (0, 5, 2), (0,))
    assert detector.detect([]) == []


@pytest.mark.parametrize("side", [200, 500, 1500, 3000])
def test_a_face_that_fills_the_picture(detector: FaceDetector, side: int) -> None:
    """Selfies: without a pass at a small size, YuNet misses faces of more than about 600 pixels."""
    close_up = cv2.resize(astronaut()[40:200, 145:305], (side, side), interpolation=cv2.INTER_CUBIC)
    (found,) = detector.detect([close_up.astype(np.uint8)])
    assert len(found) == 1
    assert found.boxes[0, 2] > side * 0.4


def test_pictures_of_several_shapes_together_give_the_same_as_alone(detector: FaceDetector) -> None:
    images = [astronaut(), group(), noise(640, 480), astronaut()[:400], astronaut()]
    together = detector.detect(images)
    for image, found in zip(images, together, strict=True):
        (alone,) = detector.detect([image])
        assert_equal(found, alone)


def test_coordinates_are_in_pixels_of_the_original_picture(detector: FaceDetector) -> None:
    """A picture larger than the network's input is scaled down internally."""
    large: BgrImage = cv2.resize(group(), None, fx=2, fy=2).astype(np.uint8)
    (small_found,), (large_found,) = detector.detect([group()]), detector.detect([large])
    np.testing.assert_allclose(large_found.boxes / 2, small_found.boxes, atol=6)
    off = np.linalg.norm(large_found.landmarks / 2 - small_found.landmarks, axis=2) / small_found.boxes[:, 2:3]
    assert off.max() < 0.1, "a landmark is off by a tenth of its face's width"


def assert_equal(one: Detections, other: Detections) -> None:
    np.testing.assert_array_equal(one.boxes, other.boxes)
    np.testing.assert_array_equal(one.landmarks, other.landmarks)
    np.testing.assert_array_equal(one.scores, other.scores)
