"""Boxes, text and page tokens in the shapes of the protocol."""

from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.bib import TextLine
from photofinish.domain.geometry import Box
from photofinish.domain.secret_versions import SecretVersions
from photofinish_functions.rekognition.answers import box_json, face_detail, face_model_version
from photofinish_functions.rekognition.errors import RekognitionError
from photofinish_functions.rekognition.text import MAX_WORDS, TextFilters, text_detections, words_of
from photofinish_functions.rekognition.tokens import PageTokens
from support.faces import face

OLD, NEW = "the one before " * 3, "the one that comes next " * 2
SECRET = SecretVersions.parse(OLD)
fractions = st.floats(0, 1)


@given(st.floats(-0.2, 1.1), st.floats(-0.2, 1.1), fractions, fractions)
def test_a_box_is_converted_even_outside_the_picture(x: float, y: float, w: float, h: float) -> None:
    shown = box_json(Box(x, y, w, h))
    assert shown == {
        "Left": pytest.approx(x, abs=1e-6),
        "Top": pytest.approx(y, abs=1e-6),
        "Width": pytest.approx(w, abs=1e-6),
        "Height": pytest.approx(h, abs=1e-6),
    }


def test_a_face_is_described_in_percent() -> None:
    detail = face_detail(face())
    assert detail["Confidence"] == 90
    assert detail["Quality"]["Sharpness"] == 50


@pytest.mark.parametrize(("space", "version"), [("sface-2021dec", "2021"), ("dlib-1.2", "1.2"), ("arcface", "0")])
def test_a_model_version_is_of_digits_and_dots(space: str, version: str) -> None:
    assert face_model_version(space) == version


@given(st.text("ab 1", max_size=30), st.floats(0, 0.5), st.floats(0, 0.5))
def test_words_lie_in_their_line_from_left_to_right(text: str, x: float, w: float) -> None:
    line = TextLine(text=text, ocr_score=0.9, box=Box(x, 0.1, w, 0.1))
    words = list(words_of(line))
    assert [word for word, _ in words] == text.split()
    edges = [edge for _, box in words for edge in (box.x, box.x + box.w)]
    assert all(earlier <= later + 1e-9 for earlier, later in itertools.pairwise(edges))
    assert all(x - 1e-9 <= edge <= x + w + 1e-9 for edge in edges)


def test_a_picture_full_of_text_has_100_words() -> None:
    lines = [TextLine(text="one two three", ocr_score=0.9, box=Box(0, y / 100, 1, 0.01)) for y in range(60)]
    detections = text_detections(lines, TextFilters())
    assert sum(one["Type"] == "WORD" for one in detections) == MAX_WORDS == 100
    assert sum(one["Type"] == "LINE" for one in detections) == 34


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_a_token_opens_for_its_own_list(position: str, operation: str, collection: str) -> None:
    tokens = PageTokens(SECRET)
    token = tokens.seal(position, operation=operation, collection=collection)
    assert tokens.open(token, operation=operation, collection=collection) == position
    for other in (
        lambda: tokens.open(token, operation=operation + "x", collection=collection),
        lambda: tokens.open(token, operation=operation, collection=collection + "x"),
        lambda: PageTokens(SecretVersions.parse(NEW)).open(token, operation=operation, collection=collection),
    ):
        with pytest.raises(RekognitionError):
            other()


@given(st.text(max_size=20), st.data())
def test_a_changed_token_is_refused(position: str, data: st.DataObject) -> None:
    tokens = PageTokens(SECRET)
    raw = bytearray(base64.urlsafe_b64decode(tokens.seal(position, operation="ListFaces") + "=="))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    changed = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
    with pytest.raises(RekognitionError) as caught:
        tokens.open(changed, operation="ListFaces")
    assert caught.value.code == "InvalidPaginationTokenException"


@given(st.text(max_size=60))
def test_a_made_up_token_is_refused(token: str) -> None:
    with pytest.raises(RekognitionError):
        PageTokens(SECRET).open(token, operation="ListFaces")


def test_a_token_stays_valid_until_the_previous_secret_is_removed() -> None:
    token = PageTokens(SECRET).seal("p", operation="ListFaces")
    both = PageTokens(SecretVersions.parse(f"{NEW},{OLD}"))
    assert both.open(token, operation="ListFaces") == "p"
    newer, new = both.seal("p", operation="ListFaces"), PageTokens(SecretVersions.parse(NEW))
    assert new.open(newer, operation="ListFaces") == "p"
    with pytest.raises(RekognitionError):
        new.open(token, operation="ListFaces")


def test_the_longest_position_fits_into_a_token() -> None:
    assert len(PageTokens(SECRET).seal("u" * 128, operation="ListUsers", collection="c" * 255)) <= 255
