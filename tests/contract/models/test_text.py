"""Text detection and recognition."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.analysis.models.settings import ModelSettings
from photofinish.analysis.models.text_detection import _clockwise_from_top_left, boxes_of_map
from photofinish.analysis.models.text_reader import TextReader
from photofinish.analysis.models.text_recognition import ctc_decode, cut_line, readings_of
from photofinish.domain.torso import TorsoWindow
from support.pictures import noise, write


@pytest.fixture(scope="module")
def reader(model_settings: ModelSettings) -> TextReader:
    return TextReader.load(model_settings)


def page(width: int = 800, height: int = 600) -> np.ndarray:
    return np.full((height, width, 3), 230, np.uint8)


def test_numbers_are_read_at_their_positions(reader: TextReader) -> None:
    picture = page()
    write(picture, "3638", middle=(200, 150), height=50)
    write(picture, "Marathon 2024", middle=(450, 450), height=40)
    (lines,) = reader.read([picture])
    assert [line.text for line in lines] == ["3638", "Marathon 2024"]
    number = lines[0]
    assert number.ocr_score > 0.95
    assert number.box.x < 200 / 800 < number.box.x + number.box.w
    assert number.box.y < 150 / 600 < number.box.y + number.box.h
    assert 0.05 < number.box.h < 0.2


def test_a_picture_without_text_has_no_lines(reader: TextReader) -> None:
    assert reader.read([page(), noise(64, 64)]) == [(), ()]
    assert reader.read([]) == []


def test_a_line_does_not_depend_on_the_others_in_its_batch(reader: TextReader) -> None:
    first, second, third = page(), page(640, 900), page(1600, 400)
    write(first, "77", middle=(200, 150), height=40)
    write(second, "2906 long line of text", middle=(320, 450), height=30)
    for index in range(12):
        write(third, str(100 + index), middle=(100 + 120 * index, 200), height=30)
    pictures = [first, second, third, first]
    together = reader.read(pictures)
    assert [len(lines) for lines in together] == [1, 1, 12, 1]
    assert together == [reader.read([picture])[0] for picture in pictures]


@pytest.mark.parametrize("angle", [-60, -45, -30, -12, 12, 30, 45, 60])
def test_slanted_numbers(reader: TextReader, angle: float) -> None:
    picture = page()
    write(picture, "4862", middle=(400, 300), height=60)
    turn = cv2.getRotationMatrix2D((400, 300), angle, 1.0)
    turned = cv2.warpAffine(picture, turn, (800, 600), borderValue=(230, 230, 230)).astype(np.uint8)
    (lines,) = reader.read([turned])
    assert [line.text for line in lines] == ["4862"]
    quad = lines[0].quad
    assert quad is not None
    _, height = quad.size_px(800, 600)
    assert 50 < height < lines[0].box.h * 600


def test_lines_of_large_photos_are_cut_from_the_full_picture(reader: TextReader) -> None:
    """Detection sees 1280 pixels a side, recognition the original pixels."""
    picture = page(6000, 4000)
    write(picture, "1234", middle=(3000, 2000), height=110)
    (lines,) = reader.read([picture])
    assert [line.text for line in lines] == ["1234"]
    assert lines[0].ocr_score > 0.95


def test_map_to_boxes_grows_by_the_vatti_distance() -> None:
    """A marked rectangle of 40 × 10 grows by 40·10·1.6 / (2·(40 + 10)) = 6.4 on every side."""
    probability = np.zeros((100, 200), np.float32)
    probability[40:50, 60:100] = 0.9
    (corners,) = boxes_of_map(probability)
    top_left, top_right, bottom_right, bottom_left = corners
    assert top_right[0] - top_left[0] == pytest.approx(40 + 2 * 6.4, abs=1.5)
    assert bottom_left[1] - top_left[1] == pytest.approx(10 + 2 * 6.4, abs=1.5)
    assert tuple(corners.mean(axis=0)) == pytest.approx((79.5, 44.5), abs=1)
    assert bottom_right[0] > bottom_left[0]
    assert bottom_right[1] > top_right[1]


def test_faint_and_tiny_marks_are_ignored() -> None:
    probability = np.zeros((100, 200), np.float32)
    probability[40:50, 60:100] = 0.35
    probability[10:12, 10:12] = 0.9
    assert boxes_of_map(probability).shape == (0, 4, 2)


def test_cut_line_turns_a_quadrilateral_into_a_strip() -> None:
    picture = noise(200, 200)
    corners = np.array([[50, 60], [120, 60], [120, 80], [50, 80]], np.float32)
    np.testing.assert_array_equal(cut_line(picture, corners), picture[60:80, 50:120])


def test_a_column_is_read_downwards_or_upwards() -> None:
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[60:80] = 200  # the upper half of the column is bright
    column = np.array([[50, 60], [60, 60], [60, 100], [50, 100]], np.float32)
    downwards, upwards = (cut_line(picture, reading) for reading in readings_of(column))
    assert downwards.shape == upwards.shape == (10, 40, 3)
    assert downwards[:, :18].min() == upwards[:, 22:].min() == 200
    assert downwards[:, 22:].max() == upwards[:, :18].max() == 0


def test_an_upright_line_has_one_reading() -> None:
    assert len(readings_of(rectangle(100, 30, 0))) == len(readings_of(rectangle(40, 30, 3))) == 1
    assert len(readings_of(rectangle(100, 30, 45))) == 1
    assert len(readings_of(rectangle(40, 30, 45))) == 3, "two digits: any side may be the upper one"
    assert len(readings_of(rectangle(100, 30, 90))) == 2


def rectangle(width: float, height: float, angle_deg: float) -> np.ndarray:
    return _clockwise_from_top_left(cv2.boxPoints(((200, 200), (width, height), angle_deg)))


def test_ctc_joins_repeats_and_drops_blanks() -> None:
    characters = ["", "a", "b", " "]
    read = ctc_decode(one_hot([1, 1, 0, 1, 2, 2, 0, 0, 3, 2]), characters)
    assert read.text == "aab b"
    assert read.score == pytest.approx(0.8)
    assert ctc_decode(one_hot([0, 0, 0]), characters) == ("", 0.0, ())


@given(st.text(alphabet="0123456789", min_size=0, max_size=10), st.data())
def test_ctc_decodes_any_alignment(text: str, data: st.DataObject) -> None:
    """Repeats, and blanks between doubled characters, decode to the text."""
    characters = ["", *"0123456789"]
    steps = [0] * data.draw(st.integers(0, 2))
    for character in text:
        if steps and steps[-1] == characters.index(character):
            steps.append(0)
        steps += [characters.index(character)] * data.draw(st.integers(1, 3))
        steps += [0] * data.draw(st.integers(0, 2))
    assert ctc_decode(one_hot(steps or [0], len(characters)), characters).text == text


def one_hot(steps: list[int], classes: int = 4) -> np.ndarray:
    probabilities = np.full((len(steps), classes), 0.2 / classes, np.float32)
    probabilities[np.arange(len(steps)), steps] = 0.8
    return probabilities


def test_a_torso_is_read_closer_and_located_in_the_whole_photo(reader: TextReader) -> None:
    """Digits of 14 pixels below a face of 32 are read at three times the size."""
    picture = page()
    write(picture, "4862", middle=(600, 450), height=14)
    window = TorsoWindow(left=545, top=400, right=655, bottom=510, face_px=32)
    (lines, nothing) = reader.read_torsos([picture, page()], [[window], []])
    assert nothing == ()
    (line,) = lines
    assert line.text == "4862"
    assert line.box.x < 600 / 800 < line.box.x + line.box.w
    assert line.box.y < 450 / 600 < line.box.y + line.box.h


def test_a_line_cut_off_by_its_window_is_dropped(reader: TextReader) -> None:
    picture = page()
    write(picture, "4862", middle=(300, 300), height=40)
    left, right = (
        TorsoWindow(left=side, top=200, right=side + 160, bottom=400, face_px=60) for side in (300 - 160, 300)
    )
    whole = TorsoWindow(left=200, top=200, right=400, bottom=400, face_px=60)
    assert reader.read_torsos([picture], [[left, right]]) == [()]
    assert [line.text for line in reader.read_torsos([picture], [[whole]])[0]] == ["4862"]
    at_the_photo_edge = np.ascontiguousarray(picture[:, 300:])
    cut = TorsoWindow(left=0, top=200, right=160, bottom=400, face_px=60)
    assert [line.text for line in reader.read_torsos([at_the_photo_edge], [[cut]])[0]] == ["62"]


def test_every_character_has_its_digit_probabilities(reader: TextReader) -> None:
    picture = page()
    write(picture, "No 3638", middle=(300, 300), height=50)
    ((line,),) = reader.read([picture])
    assert len(line.digit_probabilities) == len(line.text)
    for character, probabilities in zip(line.text, line.digit_probabilities, strict=True):
        assert len(probabilities) == 10
        assert sum(probabilities) <= 1.001
        if character.isdigit():
            assert probabilities[int(character)] > 0.9
        else:
            assert max(probabilities) < 0.5
