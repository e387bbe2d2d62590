"""Which numbers are bibs, and which face wears each."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from photofinish.domain.bib import PARTIAL_SCORE, TextLine, find_bibs, numbers_in, other_numbers
from photofinish.domain.bib_rules import LOOKALIKES, BibRules, Letters
from photofinish.domain.face import Face
from photofinish.domain.geometry import Box, Quad
from photofinish.domain.start_list import BibCandidate, StartList
from support.faces import bib as made_up_bib
from support.faces import face_in

WIDTH, HEIGHT = 1000, 800
AS_DIGITS = str.maketrans(dict(LOOKALIKES))


def face(x: float, y: float, side: float) -> Face:
    """A face whose box has this centre and side, in pixels."""
    box = Box.from_pixels(x - side / 2, y - side / 2, side, side, width=WIDTH, height=HEIGHT)
    return face_in(box)


def line(text: str, x: float, y: float, height: float, *, score: float = 0.99) -> TextLine:
    """A line whose box has this centre and height, in pixels."""
    width = height * 0.6 * len(text)
    box = Box.from_pixels(x - width / 2, y - height / 2, width, height, width=WIDTH, height=HEIGHT)
    return TextLine(text=text, ocr_score=score, box=box)


def bibs(lines: list[TextLine], faces: list[Face], rules: BibRules | None = None) -> list[tuple[str, int | None]]:
    found = find_bibs(lines, faces, width=WIDTH, height=HEIGHT, rules=rules or BibRules())
    return [(bib.number, bib.face_index) for bib in found]


def test_a_number_on_the_chest_belongs_to_the_face_above_it() -> None:
    assert bibs([line("3638", 500, 400, 40)], [face(500, 200, 80)]) == [("3638", 0)]


def test_numbers_elsewhere_are_no_bibs() -> None:
    runner = face(500, 200, 80)
    elsewhere = [
        line("1", 500, 400, 40),  # too short
        line("123456", 500, 400, 40),  # too long
        line("12", 700, 400, 40),  # beside the runner
        line("13", 500, 100, 40),  # above the face
        line("14", 500, 780, 40),  # far below
        line("15", 500, 400, 10),  # small print
        line("16", 500, 400, 200),  # a banner
        line("17", 500, 400, 40, score=0.6),  # hardly readable
        line("SPAR", 500, 400, 40),
    ]
    assert bibs(elsewhere, [runner]) == []


def test_limits_scale_with_the_face() -> None:
    for side in (20, 40, 80, 120):
        number = line("77", 500 + side * 0.5, 200 + side * 2.5, side * 0.5)
        assert bibs([number], [face(500, 200, side)]) == [("77", 0)]
        assert bibs([line("77", 500 + side * 1.4, 200 + side * 2.5, side * 0.5)], [face(500, 200, side)]) == []


def test_each_face_wears_the_number_below_it() -> None:
    faces = [face(300, 200, 80), face(600, 210, 70)]
    lines = [line("22", 610, 400, 35), line("11", 310, 400, 40)]
    assert bibs(lines, faces) == [("11", 0), ("22", 1)]


def test_one_number_per_face_and_one_face_per_number() -> None:
    assert bibs([line("11", 500, 400, 40), line("2024", 560, 330, 30)], [face(500, 200, 80)]) == [("11", 0)]
    assert len(bibs([line("11", 500, 400, 40)], [face(500, 200, 80), face(520, 190, 70)])) == 1


def test_without_a_face_confident_numbers_are_kept_once() -> None:
    lines = [line("11", 100, 100, 40), line("22", 300, 100, 40, score=0.7), line("11", 500, 100, 40, score=0.95)]
    (bib,) = find_bibs(lines, [], width=WIDTH, height=HEIGHT)
    assert (bib.number, bib.face_index, bib.ocr_score) == ("11", None, 0.99)


def test_rules_may_allow_other_lengths() -> None:
    wide = BibRules(min_digits=1, max_digits=6)
    assert bibs([line("7", 500, 400, 40)], [face(500, 200, 80)], wide) == [("7", 0)]
    assert bibs([line("123456", 500, 400, 40)], [face(500, 200, 80)], wide) == [("123456", 0)]


def test_numbers_inside_a_line_get_a_proportional_part_of_its_box() -> None:
    (first, second) = numbers_in(TextLine(text="No 123 / 45", ocr_score=0.9, box=Box(0.0, 0.5, 0.11, 0.1)))
    assert (first.text, second.text) == ("123", "45")
    assert abs(first.box.x - 0.03) < 1e-9
    assert abs(first.box.w - 0.03) < 1e-9
    assert (first.box.y, first.box.h, first.ocr_score) == (0.5, 0.1, 0.9)


def test_digits_of_other_scripts_are_no_numbers() -> None:
    assert numbers_in(TextLine(text="١٢٣ 四五 ²³", ocr_score=0.9, box=Box(0, 0, 1, 1))) == []


coordinates = st.floats(0, 1000)
some_faces = st.lists(st.builds(face, coordinates, coordinates, st.floats(1, 200)), max_size=5)
some_lines = st.lists(
    st.builds(line, st.from_regex(r"[0-9A-Z ]{1,8}", fullmatch=True), coordinates, coordinates, st.floats(1, 100)),
    max_size=8,
)


def test_without_a_face_a_number_stands_alone_on_its_line() -> None:
    lines = [line("AB 1234", 100, 100, 40), line("No. 22", 300, 100, 40), line("LAP 77", 500, 100, 40)]
    assert bibs(lines, []) == [("22", None)]
    assert bibs([line("ANNA 77", 500, 400, 40)], [face(500, 200, 80)]) == [("77", 0)]


def test_a_number_has_its_letters_where_the_album_has_some() -> None:
    lines, runner = [line("B123", 500, 400, 40)], [face(500, 200, 80)]
    assert bibs(lines, runner) == [("123", 0)]
    assert bibs(lines, runner, BibRules(letters=Letters.BEFORE)) == [("B123", 0)]


def test_a_letter_that_the_start_list_does_not_have_costs_no_bib() -> None:
    runner = [face(500, 200, 80)]
    listed = BibRules(start_list=StartList({"123": "", "A77": ""}))
    assert bibs([line("B123", 500, 400, 40)], runner, listed) == [("123", 0)]
    assert bibs([line("A77", 500, 400, 40)], runner, listed) == [("A77", 0)]
    assert bibs([line("77", 500, 400, 40)], runner, listed) == [("A77", 0)]


@given(lines=some_lines, faces=some_faces)
def test_bibs_are_numbers_that_were_read(lines: list[TextLine], faces: list[Face]) -> None:
    found = find_bibs(lines, faces, width=WIDTH, height=HEIGHT)
    wearers = [bib.face_index for bib in found if bib.face_index is not None]
    assert len(wearers) == len(set(wearers)), "a face wears one number"
    assert all(0 <= wearer < len(faces) for wearer in wearers)
    for bib in found:
        assert 2 <= len(bib.number) <= 5
        assert bib.number.isdigit()
        assert any(bib.number in line.text.translate(AS_DIGITS) for line in lines)
        assert (bib.face_index is None) == (not faces)


@given(lines=some_lines, faces=some_faces)
def test_the_order_of_the_lines_does_not_matter(lines: list[TextLine], faces: list[Face]) -> None:
    expected = sorted(bibs(lines, faces), key=str)
    for order in itertools.islice(itertools.permutations(lines), 6):
        assert sorted(bibs(list(order), faces), key=str) == expected


def turned(number: TextLine, tilt_deg: float) -> TextLine:
    """The same line turned clockwise around its centre."""
    cos, sin = math.cos(math.radians(tilt_deg)), math.sin(math.radians(tilt_deg))
    x, y, w, h = number.box.to_pixels(WIDTH, HEIGHT)
    corners = [
        ((x + w / 2 + right * cos - down * sin) / WIDTH, (y + h / 2 + right * sin + down * cos) / HEIGHT)
        for right, down in ((-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2))
    ]
    quad = Quad(*corners)
    return replace(number, box=quad.bounds, quad=quad)


@given(tilt_deg=st.floats(-180, 180), height=st.floats(10, 90), text=st.sampled_from(["12", "1234", "No. 12345"]))
@example(tilt_deg=33.0, height=24.001, text="12")
def test_whether_a_face_wears_a_number_does_not_depend_on_its_tilt(tilt_deg: float, height: float, text: str) -> None:
    """Long numbers turned by 45 degrees have a box that is three times as high as their digits."""
    assume(abs(height - 0.4 * 60) > 1e-6)  # at the limit itself, rounding decides
    upright, runner = line(text, 500, 400, height), [face(500, 200, 60)]
    straight = line(text.removeprefix("No. "), 500, 400, height)
    expected = bibs([straight], runner)
    assert bibs([turned(straight, tilt_deg)], runner) == expected
    if text == straight.text:
        assert bibs([upright], runner) == expected


def test_a_tilted_number_has_its_part_of_the_line() -> None:
    whole = turned(line("No 1234", 500, 400, 40), 90)
    (number,) = numbers_in(whole)
    assert number.quad == whole.quad.part(3 / 7, 1) if whole.quad else False
    assert number.box.h == pytest.approx(whole.box.h * 4 / 7), "it is read downwards"
    assert number.box.w == pytest.approx(whole.box.w)


def test_a_number_at_the_edge_of_the_photo_is_partial() -> None:
    cut, whole = line("365", 960, 400, 44), line("3651", 500, 400, 44)
    first, second = find_bibs([cut, whole], [face(960, 200, 80), face(500, 200, 80)], width=WIDTH, height=HEIGHT)
    assert first.box.x + first.box.w >= 0.996
    assert (first.number, first.partial, first.ocr_score) == ("365", True, 0.99 * PARTIAL_SCORE)
    assert (second.number, second.partial, second.ocr_score) == ("3651", False, 0.99)


def test_a_number_much_narrower_than_the_longer_ones_is_partial() -> None:
    faces = [face(200, 200, 80), face(500, 200, 80), face(800, 200, 80)]
    lines = [line("36", 200, 400, 40), line("3651", 500, 400, 40), line("775", 800, 400, 40)]
    found = find_bibs(lines, faces, width=WIDTH, height=HEIGHT)
    assert [(bib.number, bib.partial) for bib in found] == [("36", True), ("3651", False), ("775", False)]
    (alone,) = find_bibs(lines[:1], faces[:1], width=WIDTH, height=HEIGHT)
    assert not alone.partial, "short numbers exist"


def test_a_start_list_decides_what_is_a_bib() -> None:
    rules = BibRules(start_list=StartList({"2906": "Ada", "2908": "Bob", "36": "Eve"}))
    runners = [face(200, 200, 80), face(500, 200, 80), face(800, 200, 80)]
    lines = [line("2906", 200, 400, 40), line("36", 500, 400, 40), line("7777", 800, 400, 40)]
    found = find_bibs(lines, runners, width=WIDTH, height=HEIGHT, rules=rules)
    assert [(bib.number, bib.face_index, bib.partial, bib.candidates) for bib in found] == [
        ("2906", 0, False, ()),
        ("36", 1, False, ()),
    ]


def test_similar_listed_numbers_are_kept_with_their_probability() -> None:
    rules = BibRules(start_list=StartList({"2906": "Ada", "2908": "Bob"}))
    number = line("2907", 500, 400, 40)
    likely = ({2: 1.0}, {9: 1.0}, {0: 1.0}, {7: 0.4, 6: 0.3, 8: 0.29})
    probabilities = tuple(tuple(position.get(digit, 0.0) for digit in range(10)) for position in likely)
    number = replace(number, digit_probabilities=probabilities)
    (bib,) = find_bibs([number], [face(500, 200, 80)], width=WIDTH, height=HEIGHT, rules=rules)
    assert bib.number == "2906"
    assert [candidate.number for candidate in bib.candidates] == ["2906", "2908"]
    assert sum(candidate.probability for candidate in bib.candidates) > 0.95
    assert bib.ocr_score < 0.55


@given(lines=some_lines, faces=some_faces)
def test_with_a_start_list_every_bib_is_on_it(lines: list[TextLine], faces: list[Face]) -> None:
    start_list = StartList(dict.fromkeys(("12", "34", "123", "1234", "99999"), ""))
    rules = BibRules(start_list=start_list)
    for bib in find_bibs(lines, faces, width=WIDTH, height=HEIGHT, rules=rules):
        assert bib.number in start_list
        assert 0 <= bib.ocr_score <= 1


def test_a_bib_may_be_other_numbers() -> None:
    candidates = tuple(
        BibCandidate(number=number, probability=share) for number, share in (("6", 0.5), ("8", 0.4), ("9", 0.1))
    )
    assert other_numbers(replace(made_up_bib("6", 0.5), candidates=candidates)) == pytest.approx({"8": 0.4, "9": 0.1})
    assert other_numbers(made_up_bib("6")) == {}
