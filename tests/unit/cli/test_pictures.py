"""Pictures that commands draw, cut out and write."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.errors import NotFound, RejectedInput
from photofinish_cli import pictures
from photofinish_cli.annotating import annotate, found_in

_PICTURE = np.full((60, 90, 3), 120, np.uint8)


@given(
    width=st.integers(1, 60),
    height=st.integers(1, 60),
    box=st.fixed_dictionaries(dict.fromkeys("xy", st.floats(-0.3, 1.3)) | dict.fromkeys("wh", st.floats(0, 1.5))),
    margin=st.floats(0, 2),
)
def test_the_cut_out_is_a_square_inside_the_picture(
    width: int, height: int, box: dict[str, float], margin: float
) -> None:
    cut = pictures.square_around(np.zeros((height, width, 3), np.uint8), box, margin=margin)
    assert 1 <= cut.shape[0] == cut.shape[1] <= min(width, height)


def test_the_cut_out_has_the_box_in_its_middle_and_moves_at_an_edge() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[40:60, 90:110] = 255
    cut = pictures.square_around(picture, {"x": 0.45, "y": 0.4, "w": 0.1, "h": 0.2}, margin=0.5)
    assert cut.shape == (40, 40, 3)
    assert (cut[10:30, 10:30] == 255).all()
    assert cut.sum() == picture.sum()
    at_edge = pictures.square_around(picture, {"x": -0.05, "y": 0.4, "w": 0.1, "h": 0.2}, margin=0.5)
    assert at_edge.shape == (40, 40, 3)


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".webp"])
def test_a_written_picture_replaces_the_file_whole(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"found{suffix}"
    file.write_text("older")
    pictures.write_picture(file, _PICTURE)
    read = cv2.imread(str(file))
    assert read is not None
    assert np.abs(read.astype(int) - _PICTURE).max() <= 2
    assert list(tmp_path.iterdir()) == [file], "nothing half-written is left"


def test_what_cannot_be_written_is_said_before_anything_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(RejectedInput, match=r"found\.gif names no format"):
        pictures.check_picture_file(tmp_path / "found.gif")
    with pytest.raises(NotFound, match="missing does not exist"):
        pictures.check_picture_file(tmp_path / "missing" / "found.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(RejectedInput, match=r"folder\.jpg cannot be written"):
        pictures.write_picture(tmp_path / "folder.jpg", _PICTURE)
    assert [file.name for file in tmp_path.iterdir()] == ["folder.jpg"]


def test_without_a_screen_the_file_is_named_instead_of_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pictures.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(NotFound, match=r"the picture is .*found\.jpg"):
        pictures.open_picture(tmp_path / "found.jpg")


def _box(x: float) -> dict[str, float]:
    return {"x": x, "y": 0.2, "w": 0.1, "h": 0.2}


def test_a_document_is_drawn_as_its_sidecar_is() -> None:
    scores = {"detection_score": 0.9, "sharpness": 0.5}
    document = {
        "faces": [{"face_id": "a", "box": _box(0.1), **scores}, {"face_id": "b", "box": _box(0.6), **scores}],
        "bibs": [{"number": "7", "ocr_score": 0.8, "box": _box(0.3), "face_id": "b"}],
        "sharpness": {"frame": 0.1, "is_blurry": True},
    }
    sidecar = {
        "faces": [{"box": _box(0.1), **scores}, {"box": _box(0.6), **scores}],
        "bibs": [{"number": "7", "ocr_score": 0.8, "box": _box(0.3), "face_index": 1}],
        "sharpness": {"frame": 0.1, "is_blurry": True},
    }
    picture = np.full((300, 400, 3), 120, np.uint8)
    assert np.array_equal(annotate(picture, found_in(document)), annotate(picture, sidecar))


def test_a_number_without_a_place_is_at_its_face_or_in_the_corner() -> None:
    picture = np.full((600, 800, 3), 120, np.uint8)
    face = {"face_id": "a", "box": {"x": 0.7, "y": 0.6, "w": 0.1, "h": 0.1}, "detection_score": 0.9, "sharpness": 0.5}
    added = {"number": "1495", "ocr_score": 1.0, "box": None, "by_hand": True}

    def drawn(face_id: str | None) -> np.ndarray:
        with_number = annotate(picture, found_in({"faces": [face], "bibs": [added | {"face_id": face_id}]}))
        without = annotate(picture, found_in({"faces": [face], "bibs": []}))
        return np.argwhere((with_number != without).any(axis=2))

    at_face, in_corner = drawn("a"), drawn(None)
    assert at_face[:, 0].min() > 600 * 0.6
    assert in_corner[:, 0].max() < 600 * 0.2
    assert in_corner[:, 1].max() < 800 * 0.3
