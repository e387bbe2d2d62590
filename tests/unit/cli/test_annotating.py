"""Annotated pictures and contact sheets: something is drawn where it should be, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photofinish_cli.annotating import annotate, found_in
from photofinish_cli.contact_sheet import Tile, contact_sheet
from support.examples import examples


def _picture(brightness: int, width: int = 800, height: int = 600) -> NDArray[np.uint8]:
    return np.full((height, width, 3), brightness, np.uint8)


def _document(
    faces: list[list[float]] | None = None,
    bibs: list[tuple[list[float], int | None]] | None = None,
    blurry: bool = False,
) -> dict[str, Any]:
    return {
        "faces": [{"box": _edges(box), "detection_score": 0.93, "sharpness": 0.5} for box in faces or []],
        "bibs": [
            {"box": _edges(box), "face_index": face, "number": "1234", "ocr_score": 0.99} for box, face in bibs or []
        ],
        "sharpness": {"frame": 0.3, "is_blurry": blurry},
    }


def _edges(box: list[float]) -> dict[str, float]:
    return dict(zip("xywh", box, strict=True))


def _changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(np.abs(before.astype(int) - after).max(axis=2) > 30)


def test_nothing_found_leaves_the_picture_as_it_is() -> None:
    picture = _picture(120)
    assert np.array_equal(annotate(picture, _document()), picture)


@pytest.mark.parametrize("brightness", [0, 255, 120])
def test_boxes_show_on_any_brightness_and_leave_the_rest_alone(brightness: int) -> None:
    picture = _picture(brightness)
    drawn = _changed(picture, annotate(picture, _document([[0.4, 0.4, 0.2, 0.2]])))
    for y, x in ((240, 400), (360, 400), (300, 320), (300, 480)):  # the middles of the four edges
        assert drawn[y - 4 : y + 5, x - 4 : x + 5].any(), f"no line at {x}, {y}"
    assert not drawn[250:350, 335:465].any(), "the face itself stays to be seen"
    assert not drawn[:, :200].any()
    assert not drawn[:, 600:].any()


def test_the_given_pixels_are_not_drawn_on() -> None:
    picture = _picture(120)
    annotate(picture, _document([[0.4, 0.4, 0.2, 0.2]], blurry=True))
    assert (picture == 120).all()


def test_a_line_joins_a_bib_to_its_face() -> None:
    picture = _picture(120)
    boxes = [[0.4, 0.1, 0.1, 0.1]], [0.4, 0.6, 0.2, 0.1]
    joined = annotate(picture, _document(boxes[0], [(boxes[1], 0)]))
    apart = annotate(picture, _document(boxes[0], [(boxes[1], None)]))
    between = np.s_[140:340, 300:420]
    assert _changed(apart, joined)[between].any(axis=1).all(), "every row between face and bib is crossed"
    assert not _changed(picture, apart)[between].any()


def test_a_blurry_photo_says_so_in_the_corner() -> None:
    picture = _picture(120)
    drawn = _changed(picture, annotate(picture, _document(blurry=True)))
    assert drawn[:60, :250].any()
    assert not drawn[100:].any()


def test_lines_grow_with_the_picture() -> None:
    shares = []
    for width in (800, 3200):
        picture = _picture(255, width, width * 3 // 4)
        drawn = annotate(picture, _document([[0.3, 0.3, 0.3, 0.3]]))
        shares.append(float(_changed(picture, drawn).mean()))
    assert shares[0] == pytest.approx(shares[1], rel=0.35)


_fraction = st.floats(-0.3, 1.3)
_box = st.tuples(_fraction, _fraction, st.floats(0, 0.8), st.floats(0, 0.8)).map(list)


@settings(max_examples=examples(60))
@given(
    faces=st.lists(_box, max_size=5), bibs=st.lists(_box, max_size=5), width=st.integers(16, 400), blurry=st.booleans()
)
def test_any_boxes_can_be_drawn(faces: list[list[float]], bibs: list[list[float]], width: int, blurry: bool) -> None:
    worn = [(box, index if index < len(faces) else None) for index, box in enumerate(bibs)]
    picture = _picture(90, width, 120)
    drawn = annotate(picture, _document(faces, worn, blurry))
    assert drawn.shape == picture.shape
    assert drawn.dtype == np.uint8


def test_a_contact_sheet_has_every_picture_and_its_caption() -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 200, 0), (0, 200, 200)]
    tiles = [Tile(np.full((90, 160, 3), colour, np.uint8), f"photo {number}") for number, colour in enumerate(colours)]
    sheet = contact_sheet(tiles, columns=3, tile_width=200)
    for colour in colours:
        here = (sheet == colour).all(axis=2)
        assert here.sum() >= 90 * 160 * 0.9, f"{colour} is on the sheet"
    assert np.array_equal(sheet, contact_sheet(tiles, columns=3, tile_width=200))
    rows = [int(np.argwhere((sheet == colour).all(axis=2))[0][0]) for colour in colours]
    assert rows[0] == rows[1] == rows[2] < rows[3] == rows[4]


def test_a_caption_too_long_stays_under_its_picture() -> None:
    tile = np.zeros((150, 200, 3), np.uint8)
    named, alone = (
        contact_sheet([Tile(tile, name, name), Tile(tile, "", "x")], columns=2, tile_width=200)
        for name in ("w" * 300, "")
    )
    changed = np.argwhere((named != alone).any(axis=2))
    assert len(changed) > 0
    assert changed[:, 1].max() <= 5 + 200


def test_an_empty_contact_sheet_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        contact_sheet([])


def test_of_a_video_only_what_is_on_its_poster_is_drawn() -> None:
    place, moment = {"x": 0.1, "y": 0.1, "w": 0.2, "h": 0.2}, {"x": 0.5, "y": 0.1, "w": 0.2, "h": 0.2, "at_s": 4.0}
    there = {"face_id": "there", "box": moment, "poster_box": place}
    elsewhere = {"face_id": "elsewhere", "box": moment, "poster_box": None}
    read = {"number": "42", "face_id": "there", "box": moment}
    by_hand = {"number": "7", "face_id": "there", "box": None, "by_hand": True}
    found = found_in({"faces": [elsewhere, there], "bibs": [read, by_hand]})
    assert [(face["face_id"], face["box"]) for face in found["faces"]] == [("there", place)]
    assert [(bib["number"], bib["face_index"]) for bib in found["bibs"]] == [("7", 0)]
