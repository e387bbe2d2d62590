"""Faces with embeddings: people are told apart, and chips of several photos share a batch."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.face import Face
from photofinish.domain.quality import QualityReason
from support.pictures import astronaut, group, noise, shared_data


@pytest.fixture(scope="module")
def encoder(model_settings: ModelSettings) -> FaceEncoder:
    return FaceEncoder.load(model_settings)


def vector(face: Face) -> np.ndarray:
    return face.embedding.vector


def test_all_values_of_a_face(encoder: FaceEncoder) -> None:
    ((face,),) = encoder.encode([astronaut()])
    assert face.embedding.space == encoder.embedding_space == "sface-2021dec-2"
    assert vector(face).shape == (128,)
    assert (face.box.x, face.box.y) == pytest.approx((179 / 512, 62 / 512), abs=0.01)
    assert face.box.x < face.landmarks[2][0] < face.box.x + face.box.w
    assert 0.9 < face.detection_score <= 1
    assert 0.4 < face.sharpness < 0.8
    assert face.quality > 0.8


@pytest.mark.parametrize("degrees", [-40, -15, 20, 40])
def test_a_tilted_picture_has_tilted_heads(encoder: FaceEncoder, degrees: float) -> None:
    """The roll is underestimated: the detector places landmarks closer to an upright face."""

    def turned(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        # OpenCV turns anticlockwise.
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 0.6)
        return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_AREA).astype(np.uint8)

    (upright,), (tilted,) = encoder.encode([astronaut(), turned(astronaut())])
    change = tilted.pose.roll_deg - upright.pose.roll_deg
    assert 0.15 < change / degrees < 1.1
    assert tilted.pose.yaw_deg == pytest.approx(upright.pose.yaw_deg, abs=40)


def test_heads_in_a_mirrored_picture_look_to_the_other_side(encoder: FaceEncoder) -> None:
    faces, mirrored = encoder.encode([group(), np.ascontiguousarray(group()[:, ::-1])])
    off = []
    for face in faces:
        mirrored_x = 1 - face.box.x - face.box.w
        other = min(mirrored, key=lambda one: abs(one.box.x - mirrored_x) + abs(one.box.y - face.box.y))
        off.append((abs(face.pose.roll_deg + other.pose.roll_deg), abs(face.pose.yaw_deg + other.pose.yaw_deg)))
    roll, yaw = np.median(off, axis=0)
    assert (roll < 6, yaw < 12) == (True, True), off


def test_brightness_follows_the_light(encoder: FaceEncoder) -> None:
    images = [astronaut(), *(cv2.convertScaleAbs(astronaut(), alpha=light).astype(np.uint8) for light in (0.5, 0.1))]
    bright, half, dark = (faces[0] for faces in encoder.encode(images))
    assert half.brightness == pytest.approx(bright.brightness / 2, rel=0.1)
    assert dark.brightness == pytest.approx(bright.brightness / 10, rel=0.2)
    assert bright.quality_reasons == half.quality_reasons == ()
    assert dark.quality_reasons == (QualityReason.DARK,)


def test_quality_reasons_follow_from_the_picture(encoder: FaceEncoder) -> None:
    small = cv2.resize(astronaut(), None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA).astype(np.uint8)
    blurred = cv2.GaussianBlur(astronaut(), (0, 0), 5).astype(np.uint8)
    (of_small,), (of_blurred,) = encoder.encode([small, blurred])
    assert QualityReason.SMALL in of_small.quality_reasons
    assert QualityReason.BLURRED in of_blurred.quality_reasons
    assert QualityReason.SMALL not in of_blurred.quality_reasons


def test_the_embedding_of_a_large_face_is_the_mean_of_both_passes(encoder: FaceEncoder) -> None:
    (found,) = encoder.detect([astronaut()])
    ((both,),) = encoder.embed([astronaut()], [found])
    ((second,),) = encoder.embed([astronaut()], [replace(found, first_landmarks=found.landmarks)])
    ((first,),) = encoder.embed([astronaut()], [replace(found, landmarks=found.first_landmarks)])
    mean = vector(first) + vector(second)
    np.testing.assert_allclose(vector(both), mean / np.linalg.norm(mean), atol=1e-5)
    assert vector(first) @ vector(second) < 0.9999, "the passes differ"


def test_no_faces_and_no_images(encoder: FaceEncoder) -> None:
    assert encoder.encode([noise(640, 480)]) == [()]
    assert encoder.encode([]) == []


def test_faces_of_several_pictures_stay_with_their_pictures(encoder: FaceEncoder) -> None:
    images = [astronaut(), noise(640, 480), group(), astronaut()]
    together = encoder.encode(images)
    assert [len(faces) for faces in together] == [1, 0, 6, 1]
    for image, faces in zip(images, together, strict=True):
        (alone,) = encoder.encode([image])
        for one, other in zip(faces, alone, strict=True):
            np.testing.assert_array_equal(vector(one), vector(other))
            assert (one.box, one.quality, one.sharpness) == (other.box, other.quality, other.sharpness)


def test_the_same_person_is_more_similar_than_all_others(encoder: FaceEncoder) -> None:
    changed = cv2.convertScaleAbs(cv2.resize(astronaut()[:, ::-1], None, fx=0.7, fy=0.7), alpha=1.2, beta=-20)
    ((original,), (mirrored,), others) = encoder.encode([astronaut(), changed.astype(np.uint8), group()])
    assert vector(original) @ vector(mirrored) > 0.7
    strangers = [vector(original) @ vector(other) for other in others]
    strangers += [vector(a) @ vector(b) for a in others for b in others if a is not b]
    assert max(strangers) < 0.36, "the group is six people, none of them the astronaut"


def test_blur_lowers_sharpness_and_quality(encoder: FaceEncoder) -> None:
    images = [astronaut(), *(cv2.GaussianBlur(astronaut(), (0, 0), sigma).astype(np.uint8) for sigma in (2, 4))]
    faces = [faces[0] for faces in encoder.encode(images)]
    assert faces[0].sharpness > faces[1].sharpness > faces[2].sharpness
    assert faces[0].quality > faces[1].quality > faces[2].quality


@pytest.mark.shared_data
def test_verification_of_ten_people(encoder: FaceEncoder) -> None:
    """Ten photos each of ten people: every pair of one person is more similar than 99.9 % of the other pairs."""
    files = sorted(shared_data("faces").glob("*/*.jpg"))
    images = [image.astype(np.uint8) for file in files if (image := cv2.imread(str(file))) is not None]
    faces = encoder.encode(images)
    assert len(images) == 100
    assert all(faces), "a face is found in every portrait"
    vectors = np.stack([vector(found[0]) for found in faces])
    people = np.array([file.parent.name for file in files])
    first, second = np.triu_indices(len(people), 1)
    similarity, same = (vectors @ vectors.T)[first, second], (people[:, None] == people)[first, second]
    threshold = np.quantile(similarity[~same], 0.999)
    assert (similarity[same] > threshold).mean() > 0.995
