"""Head poses from five landmarks, compared with heads turned by known angles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from photofinish.domain.pose import _HEAD as HEAD
from photofinish.domain.pose import Pose, head_pose

# The ArcFace template: the average face that looks into the camera.
TEMPLATE = np.array([[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]])
degrees = st.floats(-170, 170)


def rotation(pose: Pose) -> NDArray[np.float64]:
    """The definition: pitch (nod), then yaw (turn), then roll (tilt); x right, y down."""
    (roll, yaw, pitch) = np.radians([pose.roll_deg, pose.yaw_deg, pose.pitch_deg])
    nod = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    turn = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    tilt = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    return np.array(tilt) @ np.array(turn) @ np.array(nod)


def seen(pose: Pose, *, scale: float = 40.0, at: tuple[float, float] = (300.0, 200.0)) -> NDArray[np.float64]:
    """(5, 2) landmarks of a head in that pose."""
    landmarks: NDArray[np.float64] = (HEAD @ rotation(pose).T)[:, :2] * scale + at
    return landmarks


@given(roll=degrees, yaw=st.floats(-85, 85), pitch=st.floats(-60, 60), scale=st.floats(1, 2000))
def test_the_pose_of_a_turned_head_is_recovered(roll: float, yaw: float, pitch: float, scale: float) -> None:
    found = head_pose(seen(Pose(roll_deg=roll, yaw_deg=yaw, pitch_deg=pitch), scale=scale))
    assert found.yaw_deg == pytest.approx(yaw, abs=0.2)
    assert found.pitch_deg == pytest.approx(pitch, abs=0.2)
    assert found.roll_deg == pytest.approx(roll, abs=0.2)


def test_signs_are_as_the_viewer_sees_the_head() -> None:
    right_eye, left_eye, _, right_mouth, left_mouth = TEMPLATE
    middle = TEMPLATE.mean(axis=0)

    def with_nose(x: float, y: float) -> Pose:
        return head_pose(np.array([right_eye, left_eye, np.add(middle, (x, y)), right_mouth, left_mouth]))

    assert with_nose(10, 0).yaw_deg > 20, "the nose to the right of the picture"
    assert with_nose(0, -10).pitch_deg > 15, "the nose near the eyes: the head looks up"
    lower_left_eye = TEMPLATE @ np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])
    assert head_pose(lower_left_eye).roll_deg == pytest.approx(np.degrees(0.3), abs=1), "clockwise in the picture"


def test_the_average_portrait_looks_into_the_camera() -> None:
    pose = head_pose(TEMPLATE)
    assert max(abs(pose.roll_deg), abs(pose.yaw_deg), abs(pose.pitch_deg)) < 3
    assert pose.turned_deg < 3


@given(pitch=st.floats(-60, 60), yaw=st.floats(-85, 85), roll=degrees)
def test_a_mirrored_face_looks_to_the_other_side(pitch: float, yaw: float, roll: float) -> None:
    landmarks = seen(Pose(roll_deg=roll, yaw_deg=yaw, pitch_deg=pitch))
    mirrored = (landmarks * (-1, 1))[[1, 0, 2, 4, 3]]
    one, other = head_pose(landmarks), head_pose(mirrored)
    assert other.yaw_deg == pytest.approx(-one.yaw_deg, abs=0.2)
    assert other.roll_deg == pytest.approx(-one.roll_deg, abs=0.2)
    assert other.pitch_deg == pytest.approx(one.pitch_deg, abs=0.2)


def test_yaw_and_pitch_together_turn_a_face_away() -> None:
    assert Pose(roll_deg=90, yaw_deg=0, pitch_deg=0).turned_deg == 0
    assert Pose(roll_deg=0, yaw_deg=-40, pitch_deg=0).turned_deg == pytest.approx(40)
    assert Pose(roll_deg=0, yaw_deg=30, pitch_deg=-30).turned_deg == pytest.approx(41.4, abs=0.1)


@given(st.lists(st.floats(-1e4, 1e4), min_size=10, max_size=10))
def test_any_five_points_give_a_pose(points: list[float]) -> None:
    pose = head_pose(np.array(points).reshape(5, 2))
    assert -180 <= pose.roll_deg <= 180
    assert -90 <= pose.yaw_deg <= 90
    assert -180 <= pose.pitch_deg <= 180
    assert 0 <= pose.turned_deg <= 180


def test_the_error_on_other_heads() -> None:
    """The errors that the docstring of `head_pose` states."""
    random = np.random.default_rng(0)
    errors = []
    for yaw in (0.0, 15.0, 30.0, 45.0):
        pose = Pose(roll_deg=0, yaw_deg=yaw, pitch_deg=0)
        for _ in range(300):
            head = HEAD * (1 + 0.05 * random.normal(size=(5, 3)))
            head[2, 2] *= 1 + 0.2 * random.normal()
            landmarks = (head @ rotation(pose).T)[:, :2] + 0.03 * random.normal(size=(5, 2))
            found = head_pose(landmarks)
            errors.append((found.roll_deg, found.yaw_deg - yaw, found.pitch_deg))
    roll, yaw, pitch = np.sqrt(np.square(errors).mean(axis=0))
    assert (roll < 4, yaw < 8, pitch < 9) == (True, True, True)
    assert pitch > 4, "it is only an estimate"
