"""Reading torsos again: where, and how the lines are merged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.bib import Bib, TextLine
from photofinish.domain.face import Face
from photofinish.domain.geometry import Box
from photofinish.domain.torso import merged_lines, torso_windows
from support.faces import face_in

WIDTH, HEIGHT = 1000, 800


def face(x: float, y: float, side: float) -> Face:
    """A face whose box has this centre and side, in pixels."""
    box = Box.from_pixels(x - side / 2, y - side / 2, side, side, width=WIDTH, height=HEIGHT)
    return face_in(box)


def bib(number: str, face_index: int | None) -> Bib:
    return Bib(number=number, ocr_score=0.9, box=Box(0.5, 0.5, 0.1, 0.05), face_index=face_index)


def line(text: str, x: float, *, score: float = 0.9, w: float = 0.1) -> TextLine:
    return TextLine(text=text, ocr_score=score, box=Box(x, 0.5, w, 0.05))


def test_a_window_lies_below_its_face() -> None:
    (window,) = torso_windows([face(500, 200, 100)], [], width=WIDTH, height=HEIGHT)
    assert (window.left, window.top, window.right, window.bottom) == (330, 290, 670, 640)
    assert window.face_px == 100


def test_only_faces_without_a_whole_number_are_read_again() -> None:
    faces = [face(200, 200, 50), face(500, 200, 50), face(800, 200, 50)]
    bibs = [bib("2906", 0), bib("290", 1)]
    windows = torso_windows(faces, bibs, width=WIDTH, height=HEIGHT)
    assert [(window.left + window.right) / 2 for window in windows] == [500, 800]


def test_tiny_faces_and_torsos_outside_the_photo_have_no_window() -> None:
    assert torso_windows([face(500, 200, 15), face(500, 780, 100)], [], width=WIDTH, height=HEIGHT) == ()


coordinates = st.floats(-50, 1050)


@given(faces=st.lists(st.builds(face, coordinates, coordinates, st.floats(0, 400)), max_size=5))
def test_windows_lie_inside_the_photo(faces: list[Face]) -> None:
    for window in torso_windows(faces, [], width=WIDTH, height=HEIGHT):
        assert 0 <= window.left < window.right <= WIDTH
        assert 0 <= window.top < window.bottom <= HEIGHT


def test_of_overlapping_lines_the_one_with_more_digits_is_kept() -> None:
    part, whole, elsewhere = line("125", 0.30, score=0.99, w=0.07), line("1251", 0.30), line("1251", 0.7)
    assert merged_lines([part, elsewhere], [whole]) == (whole, elsewhere)
    better, worse = line("2475", 0.3, score=0.9), line("9475", 0.3, score=0.8)
    assert merged_lines([worse], [better]) == merged_lines([better], [worse]) == (better,)


lines = st.lists(
    st.builds(
        TextLine,
        text=st.from_regex(r"[0-9A-C]{1,5}", fullmatch=True),
        ocr_score=st.floats(0.5, 1),
        box=st.builds(Box, st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 0.3), st.floats(0.01, 0.3)),
    ),
    max_size=6,
)


@given(first=lines, second=lines)
def test_merging_adds_nothing_and_repeats_nothing(first: list[TextLine], second: list[TextLine]) -> None:
    merged = merged_lines(first, second)
    assert all(line in [*first, *second] for line in merged)
    assert merged_lines(merged, merged) == merged
    assert merged_lines(merged, second) == merged, "a dropped line stays dropped"
