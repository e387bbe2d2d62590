"""Faces and text in the protocol's shapes. Boxes and points are fractions of the upright picture's sides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from photofinish.domain.face import Face
from photofinish.domain.geometry import Box
from photofinish.ports import CollectionFace

# The protocol names eyes and mouth corners from the viewer's side, the domain from the person's.
_LANDMARKS = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")
_DIGITS = 6


def face_model_version(embedding_space: str) -> str:
    """Return the numbers in a space's name, because the protocol allows digits and dots: `sface-2021dec` is `2021`."""
    return ".".join(re.findall(r"\d+", embedding_space)) or "0"


def box_json(box: Box) -> dict[str, float]:
    return {
        "Width": _rounded(box.w),
        "Height": _rounded(box.h),
        "Left": _rounded(box.x),
        "Top": _rounded(box.y),
    }


def percent(fraction: float) -> float:
    return round(min(100.0, max(0.0, 100 * fraction)), 4)


def face_detail(face: Face) -> dict[str, Any]:
    """Return the default attributes. No model here estimates age, gender or emotions, so these are absent."""
    return {
        "BoundingBox": box_json(face.box),
        "Confidence": percent(face.detection_score),
        "Landmarks": [
            {"Type": kind, "X": _rounded(x), "Y": _rounded(y)}
            for kind, (x, y) in zip(_LANDMARKS, face.landmarks, strict=True)
        ],
        "Pose": {"Roll": face.pose.roll_deg, "Yaw": face.pose.yaw_deg, "Pitch": face.pose.pitch_deg},
        "Quality": {"Brightness": round(face.brightness, 4), "Sharpness": percent(face.sharpness)},
    }


def collection_face(face: CollectionFace, user_id: str | None) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "FaceId": face.face_id,
        "BoundingBox": box_json(face.box),
        "ImageId": face.image_id,
        "Confidence": percent(face.detection_score),
        "IndexFacesModelVersion": face_model_version(face.embedding_space),
    }
    if face.external_image_id is not None:
        answer["ExternalImageId"] = face.external_image_id
    if user_id is not None:
        answer["UserId"] = user_id
    return answer


def polygon_json(points: Sequence[tuple[float, float]]) -> list[dict[str, float]]:
    return [{"X": _rounded(x), "Y": _rounded(y)} for x, y in points]


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
