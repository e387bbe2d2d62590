"""Large photos and crowds: no face is lost that a crop finds, none is found twice, small photos cost no more."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from photofinish.analysis.models.face_detection import FaceDetector
from photofinish.analysis.models.settings import ModelSettings
from support.crowds import PixelCounter, Portrait, crowd, portraits
from support.pictures import BgrImage, astronaut, group, noise, shared_data


@pytest.fixture(scope="module")
def session(model_settings: ModelSettings) -> PixelCounter:
    return PixelCounter(model_settings, second_passes=False)


@pytest.fixture(scope="module")
def detector(session: PixelCounter) -> FaceDetector:
    return FaceDetector(session)


@pytest.fixture(scope="module")
def people(detector: FaceDetector) -> list[Portrait]:
    found = portraits(detector)
    assert len(found) == 7
    return found


def crop_around(picture: BgrImage, x: float, y: float, size: float) -> BgrImage:
    reach = max(64, 3 * size)
    return picture[max(0, int(y - reach)) : int(y + reach), max(0, int(x - reach)) : int(x + reach)]


@pytest.mark.parametrize(("width", "height"), [(6000, 4000), (4000, 3000)])
def test_a_large_photo_loses_no_face_that_a_crop_finds(
    detector: FaceDetector, people: list[Portrait], width: int, height: int
) -> None:
    """Faces from 48 to 900 px side by side, so that many lie on the seams of tiles."""
    sizes = [900.0, 400.0, 250.0, *[160.0] * 14, *[96.0] * 28, *[64.0] * 35, *[48.0] * 35]
    scene = crowd(people, width, height, sizes)
    assert len(scene.faces) > 90
    (found,) = detector.detect([scene.picture])
    times = scene.found_once(found.boxes)
    assert max(times) == 1, "a face is found once"
    missed = [face for face, count in zip(scene.faces, times, strict=True) if count == 0]
    in_crops = [face for face in missed if len(detector.detect([crop_around(scene.picture, *face)])[0])]
    assert in_crops == []


@pytest.mark.parametrize(("width", "height"), [(2560, 1707), (5100, 3400)])
def test_a_crowd_keeps_its_small_faces(detector: FaceDetector, people: list[Portrait], width: int, height: int) -> None:
    """Faces of 24 px, of which half the scale leaves 12: one in twenty would be lost."""
    scene = crowd(people, width, height, [24.0] * 400)
    assert len(scene.faces) == 400
    (found,) = detector.detect([scene.picture])
    times = scene.found_once(found.boxes)
    assert max(times) == 1, "a face is found once"
    assert sum(times) >= 396


@pytest.mark.parametrize("offset", range(0, 300, 60))
def test_a_face_across_a_seam_is_found_once(detector: FaceDetector, people: list[Portrait], offset: int) -> None:
    """The middle of a 24 MP photo is where four tiles meet."""
    picture = noise(6000, 4000)
    person = people[0].of_size(80)
    rows, columns = person.pixels.shape[:2]
    left, top = 3000 - columns // 2 + offset - 120, 2000 - rows // 2 + offset - 120
    picture[top : top + rows, left : left + columns] = person.pixels
    (found,) = detector.detect([picture])
    assert len(found) == 1
    assert found.boxes[0, :2] + found.boxes[0, 2:] / 2 == pytest.approx(np.add(person.middle, (left, top)), abs=8)
    assert (found.landmarks[0] > found.boxes[0, :2]).all(), "landmarks are shifted too"


def test_what_the_network_sees_is_bounded(
    detector: FaceDetector, session: PixelCounter, people: list[Portrait]
) -> None:
    """In megapixels; large photos cost more only where they show many small faces."""

    def seen(picture: BgrImage) -> float:
        session.pixels = 0
        detector.detect([picture])
        return session.pixels / 1e6

    def enlarged(picture: BgrImage, width: int) -> BgrImage:
        return cv2.resize(picture, (width, width * picture.shape[0] // picture.shape[1])).astype(np.uint8)

    assert seen(group()) < 1.3
    assert seen(enlarged(group(), 2560)) < 1.3, "the same for up to 2560 pixels a side"
    assert seen(enlarged(astronaut(), 3500)) < 1.9, "one large face in 12 MP: no closer pass"
    small = [40.0] * 200
    assert 3 < seen(crowd(people, 4000, 3000, small).picture) < 7, "the tiles where the crowd is"
    assert 5 < seen(enlarged(astronaut(), 4900)) < 9, "in 24 MP a face may be too small for the first pass"
    assert 10 < seen(crowd(people, 6000, 4000, small).picture) < 27


def test_noise_has_no_faces(detector: FaceDetector) -> None:
    for seed in range(3):
        (found,) = detector.detect([noise(4500, 3000, seed=seed)])
        assert len(found) == 0


@pytest.mark.shared_data
def test_a_24_megapixel_collage_of_race_photos_has_their_faces(detector: FaceDetector) -> None:
    folder = shared_data("bibs")
    picture = np.full((4000, 6000, 3), 110, np.uint8)
    single: list[tuple[float, float, float]] = []
    left = top = row_height = 0
    for name in sorted(json.loads((folder / "labels.json").read_text())):
        photo = cv2.imread(str(folder / name))
        assert photo is not None
        rows, columns = photo.shape[:2]
        if left + columns > picture.shape[1]:
            left, top, row_height = 0, top + row_height, 0
        if top + rows > picture.shape[0]:
            break
        picture[top : top + rows, left : left + columns] = photo
        (found,) = detector.detect([photo.astype(np.uint8)])
        single += [(left + x + w / 2, top + y + h / 2, (w * h) ** 0.5) for x, y, w, h in found.boxes.tolist()]
        left, row_height = left + columns, max(row_height, rows)
    (together,) = detector.detect([picture])
    middles = together.boxes[:, :2] + together.boxes[:, 2:] / 2
    for smallest, at_least in ((24, 0.94), (32, 0.96)):
        hits = [(np.hypot(*(middles - (x, y)).T) < 0.4 * size).any() for x, y, size in single if size >= smallest]
        assert len(hits) > 60
        assert np.mean(hits) >= at_least, f"faces of {smallest} px and more"
