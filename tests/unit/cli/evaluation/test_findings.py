"""Which found box belongs to which labelled one, and whose face a portrait shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish_cli.evaluation.evaluating_bibs import wearer_of
from photofinish_cli.evaluation.evaluating_faces import perhaps_cut_off
from photofinish_cli.evaluation.findings import Findings, FoundFace, main_face, matched, overlap
from photofinish_cli.evaluation.labels import LabelledBib, PixelBox

_side = st.integers(0, 40).map(float)
_boxes = st.lists(st.tuples(_side, _side, st.integers(1, 30).map(float), st.integers(1, 30).map(float)), max_size=6)


def _face(box: PixelBox) -> FoundFace:
    return FoundFace(box=box, sharpness=0.5, turned_deg=0, vector=np.zeros(4, np.float32))


def test_overlap_of_known_boxes() -> None:
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0
    assert overlap((0, 0, 10, 10), (50, 50, 10, 10)) == 0


@given(labelled=_boxes, found=_boxes, least=st.sampled_from([0.1, 0.4, 0.9]))
def test_each_found_box_is_given_once_and_overlaps_enough(
    labelled: list[PixelBox], found: list[PixelBox], least: float
) -> None:
    matches = matched(labelled, found, at_least=least)
    given_away = [match for match in matches if match is not None]
    assert len(matches) == len(labelled)
    assert len(set(given_away)) == len(given_away)
    for box, match in zip(labelled, matches, strict=True):
        if match is not None:
            assert overlap(box, found[match]) >= least
        else:
            free = [other for index, other in enumerate(found) if index not in given_away]
            assert all(overlap(box, other) < least for other in free), "a free box was not given"


@given(boxes=_boxes)
def test_boxes_match_themselves(boxes: list[PixelBox]) -> None:
    for box, match in zip(boxes, matched(boxes, boxes, at_least=0.5), strict=True):
        assert match is not None
        assert boxes[match] == box


def test_a_portrait_shows_the_large_face_in_the_middle() -> None:
    middle, large_at_edge, small = _face((80, 80, 40, 40)), _face((0, 0, 60, 60)), _face((95, 95, 10, 10))
    findings = Findings(width=200, height=200, faces=(large_at_edge, small, middle), bibs=(), bibs_of_any_number=())
    assert main_face(findings) is middle
    assert main_face(Findings.nothing()) is None


def test_a_bib_is_worn_by_its_labelled_face_else_by_the_one_above() -> None:
    left, right = _face((100, 50, 40, 40)), _face((200, 50, 40, 40))
    bib_box = (195.0, 150.0, 50.0, 20.0)
    assert wearer_of(LabelledBib(number="7", box=bib_box), [left, right]) is right
    assert wearer_of(LabelledBib(number="7", box=bib_box, face_box=(98, 52, 40, 40)), [left, right]) is left
    assert wearer_of(LabelledBib(number="7", face_box=(500, 500, 40, 40)), [left, right]) is None
    assert wearer_of(LabelledBib(number="7", box=(195, 10, 50, 20)), [left, right]) is None, "the face is below"
    assert wearer_of(LabelledBib(number="7", box=(600, 150, 50, 20)), [left, right]) is None, "no face is near"
    assert wearer_of(LabelledBib(number="7"), [left]) is None


def test_a_number_that_others_begin_or_end_with_may_be_cut_off() -> None:
    people = [("a", "359"), ("a", "3594"), ("a", "1359"), ("a", "13592"), ("b", "3591"), ("a", "59"), ("a", "359")]
    pairs = [(one[1], other[1]) for one, other in perhaps_cut_off(people)]
    assert set(pairs) == {
        ("359", "359"), ("359", "3594"), ("359", "1359"), ("59", "59"), ("59", "359"), ("59", "1359"),
        ("1359", "1359"), ("1359", "13592"),
    }  # fmt: skip
    assert len(set(pairs)) == len(pairs)
    assert perhaps_cut_off(people[::-1]) == perhaps_cut_off(people)
    assert perhaps_cut_off([("a", "12"), ("a", "34"), ("b", "123")]) == []
