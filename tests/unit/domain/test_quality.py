"""Face quality and the decision about blur."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.face import Face
from photofinish.domain.geometry import Box
from photofinish.domain.quality import face_quality, frontality
from photofinish.domain.sharpness import FACE_THRESHOLD, FRAME_THRESHOLD, is_blurry

# The ArcFace template: a face that looks into the camera.
FRONTAL = np.array([[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]])
PROFILE = np.array([[50.0, 51.7], [60.0, 51.5], [80.0, 71.7], [52.0, 92.4], [60.0, 92.2]])


def turned(points: np.ndarray, degrees: float, scale: float = 1.0) -> np.ndarray:
    angle = np.radians(degrees)
    return scale * points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def quality(**changes: object) -> float:
    values: dict[str, object] = {"size_px": 120, "detection_score": 0.95, "landmarks": FRONTAL, "sharpness": 0.6}
    return face_quality(**(values | changes))  # type: ignore[arg-type]


def test_a_large_sharp_frontal_face_is_perfect() -> None:
    assert quality() > 0.95


@pytest.mark.parametrize(
    ("name", "values"),
    [("size_px", [8, 20, 40, 80]), ("detection_score", [0.5, 0.6, 0.8, 0.9]), ("sharpness", [0.1, 0.25, 0.35, 0.5])],
)
def test_quality_grows_with_each_factor(name: str, values: list[float]) -> None:
    qualities = [quality(**{name: value}) for value in values]
    assert qualities == sorted(qualities)
    assert qualities[0] == 0 < qualities[1] < qualities[-1]


def test_a_profile_is_poor() -> None:
    assert quality(landmarks=PROFILE) < 0.3 < quality(landmarks=FRONTAL)


@given(degrees=st.floats(-180, 180), scale=st.floats(0.1, 50))
def test_pose_ignores_tilt_and_size(degrees: float, scale: float) -> None:
    assert frontality(turned(FRONTAL, degrees, scale)) == pytest.approx(frontality(FRONTAL), abs=1e-6)


@given(st.lists(st.floats(-1e4, 1e4), min_size=10, max_size=10), st.floats(0, 1e4), st.floats(0, 1), st.floats(0, 1))
def test_quality_is_a_share(points: list[float], size: float, score: float, sharpness: float) -> None:
    landmarks = np.array(points).reshape(5, 2)
    assert 0 <= quality(landmarks=landmarks, size_px=size, detection_score=score, sharpness=sharpness) <= 1


def face(side: float, sharpness: float) -> Face:
    return Face(
        box=Box(0.1, 0.1, side, side), landmarks=((0, 0),) * 5, detection_score=0.9, sharpness=sharpness, quality=0.5
    )


SHARP, BLURRED = FACE_THRESHOLD + 0.1, FACE_THRESHOLD - 0.1


def test_without_faces_the_frame_decides() -> None:
    assert is_blurry(FRAME_THRESHOLD - 0.01, [])
    assert not is_blurry(FRAME_THRESHOLD + 0.01, [])


def test_a_blurred_runner_before_a_sharp_background_is_blurry() -> None:
    assert is_blurry(0.9, [face(0.3, BLURRED), face(0.05, SHARP)])


def test_a_sharp_runner_before_a_panned_background_is_sharp() -> None:
    assert not is_blurry(0.0, [face(0.3, SHARP), face(0.05, BLURRED)])


def test_one_sharp_subject_of_several_is_enough() -> None:
    assert not is_blurry(0.5, [face(0.3, BLURRED), face(0.25, SHARP)])
