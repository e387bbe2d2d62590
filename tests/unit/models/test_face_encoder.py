"""Faces with embeddings: people are told apart, chips of many photos share a batch."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from photofinish.domain.face import Face
from photofinish.models.face_encoder import FaceEncoder
from photofinish.models.settings import ModelSettings
from support.pictures import astronaut, group, noise, shared_data


@pytest.fixture(scope="module")
def encoder(model_settings: ModelSettings) -> FaceEncoder:
    return FaceEncoder.load(model_settings)


def vector(face: Face) -> np.ndarray:
    assert face.embedding is not None
    return face.embedding.vector


def test_everything_of_a_face(encoder: FaceEncoder) -> None:
    ((face,),) = encoder.encode([astronaut()])
    assert face.embedding is not None
    assert face.embedding.space == encoder.embedding_space == "sface-2021dec-2"
    assert vector(face).shape == (128,)
    assert (face.box.x, face.box.y) == pytest.approx((179 / 512, 62 / 512), abs=0.01)
    assert face.box.x < face.landmarks[2][0] < face.box.x + face.box.w
    assert 0.9 < face.detection_score <= 1
    assert 0.4 < face.sharpness < 0.8
    assert face.quality > 0.8


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


def test_the_same_person_is_closer_than_anybody_else(encoder: FaceEncoder) -> None:
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
