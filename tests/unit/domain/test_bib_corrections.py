"""Corrections of bib numbers, applied to whatever was read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.bib_changes import NumberChanges, is_same_reading, number_changes
from photofinish.domain.bib_corrections import (
    BibCorrection,
    CorrectionKind,
    CorrectionRequest,
    EffectiveBib,
    UnknownBib,
    UnknownFace,
    corrected,
    correction_of,
)
from photofinish.domain.geometry import Box
from photofinish.domain.start_list import BibCandidate
from photofinish.errors import Conflict, RejectedInput

FACES = {"ada": Box(0.1, 0.1, 0.1, 0.1), "bob": Box(0.4, 0.1, 0.1, 0.1), "eve": Box(0.7, 0.1, 0.1, 0.1)}
ON = {face: Box(box.x, 0.4, 0.1, 0.05) for face, box in FACES.items()}
"""Where each of them wears a number."""
REPLACE, ADD, REMOVE, MOVE = CorrectionKind.REPLACE, CorrectionKind.ADD, CorrectionKind.REMOVE, CorrectionKind.MOVE


def read(number: str, face: str | None = None, box: Box | None = None, **more: object) -> EffectiveBib:
    made = EffectiveBib(number=number, ocr_score=0.9, box=box or ON[face or "ada"], face_id=face)
    return replace(made, **more)  # type: ignore[arg-type]


def asked(kind: CorrectionKind, number: str, new: str | None = None, **more: object) -> CorrectionRequest:
    return replace(CorrectionRequest(kind=kind, number=number, new_number=new), **more)  # type: ignore[arg-type]


def after(bibs: list[EffectiveBib], *requests: CorrectionRequest) -> tuple[EffectiveBib, ...]:
    """The bibs of the photo after these requests, one after the other."""
    corrections: list[BibCorrection] = []
    for request in requests:
        corrections.append(correction_of(request, corrected(bibs, FACES, corrections), FACES))
    return corrected(bibs, FACES, corrections)


def told(bibs: tuple[EffectiveBib, ...]) -> list[tuple[str, str | None, bool]]:
    return [(bib.number, bib.face_id, bib.by_hand) for bib in bibs]


def test_a_replaced_number_keeps_its_place_and_wearer() -> None:
    (bib, other) = after([read("14951", "ada"), read("77", "bob")], asked(REPLACE, "14951", "1495"))
    assert (bib.number, bib.face_id, bib.box, bib.by_hand, bib.ocr_score) == ("1495", "ada", ON["ada"], True, 1.0)
    assert (other.number, other.by_hand) == ("77", False)


def test_numbers_are_added_and_removed() -> None:
    assert told(after([read("77", "bob")], asked(ADD, "12", face_id="ada"))) == [
        ("12", "ada", True),
        ("77", "bob", False),
    ]
    (_, added) = after([read("77", "bob")], asked(ADD, "12"))
    assert (added.number, added.face_id, added.box) == ("12", None, None)
    assert told(after([read("77", "bob"), read("12", "ada")], asked(REMOVE, "12"))) == [("77", "bob", False)]


def test_a_moved_number_frees_its_face_and_takes_the_place_of_another() -> None:
    bibs = [read("12", "ada"), read("77", "bob")]
    assert told(after(bibs, asked(MOVE, "12", face_id="bob"))) == [("12", "bob", True), ("77", None, False)]
    swapped = after(bibs, asked(MOVE, "12", face_id="bob"), asked(MOVE, "77", face_id="ada"))
    assert told(swapped) == [("77", "ada", True), ("12", "bob", True)]


def test_numbers_are_in_their_normal_form() -> None:
    assert told(after([read("A12", "ada")], asked(REPLACE, "a-12", "a 13"))) == [("A13", "ada", True)]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (asked(REMOVE, "99"), UnknownBib),
        (asked(REPLACE, "99", "1"), UnknownBib),
        (asked(REMOVE, "12", face_id="bob"), UnknownBib),
        (asked(ADD, "99", face_id="no-such-face"), UnknownFace),
        (asked(MOVE, "12", face_id="no-such-face"), UnknownFace),
        (asked(ADD, " - "), RejectedInput),
        (asked(REPLACE, "12", "x" * 21), RejectedInput),
        (asked(REMOVE, "88"), Conflict),
    ],
)
def test_requests_that_the_photo_does_not_allow_are_refused(
    request_: CorrectionRequest, error: type[Exception]
) -> None:
    with pytest.raises(error):
        after([read("12", "ada"), read("88", "bob"), read("88", "eve")], request_)


def test_of_a_number_that_is_there_twice_the_face_says_which() -> None:
    bibs = [read("88", "bob"), read("88", "eve")]
    assert told(after(bibs, asked(REPLACE, "88", "89", face_id="eve"))) == [("88", "bob", False), ("89", "eve", True)]


def test_another_analysis_cannot_bring_a_wrong_number_back() -> None:
    """The new analysis has other face ids and boxes, and may read the same, something else, or nothing there."""
    correction = correction_of(asked(REPLACE, "14951", "1495"), [read("14951", "ada")], FACES)
    faces = {f"new {face}": Box(box.x + 0.005, box.y, box.w, box.h) for face, box in FACES.items()}
    place = Box(ON["ada"].x + 0.02, ON["ada"].y, 0.08, 0.05)
    for reading in ("14951", "1495", "4951", None):
        found = [] if reading is None else [read(reading, "ada", place, face_id="new ada")]
        assert told(corrected(found, faces, [correction])) == [("1495", "new ada", True)], reading


def test_a_correction_does_not_touch_the_same_number_of_another_runner() -> None:
    correction = correction_of(asked(REPLACE, "14951", "1495"), [read("14951", "ada")], FACES)
    assert told(corrected([read("1495", "ada"), read("14951", "eve")], FACES, [correction])) == [
        ("1495", "ada", True),
        ("14951", "eve", False),
    ]


def test_a_removed_number_is_no_candidate_either() -> None:
    correction = correction_of(asked(REMOVE, "12"), [read("12", "ada")], FACES)
    candidates = tuple(BibCandidate(number=number, probability=0.5) for number in ("13", "12"))
    (bib,) = corrected([read("13", "ada", candidates=candidates)], FACES, [correction])
    assert [candidate.number for candidate in bib.candidates] == ["13"]


@pytest.mark.parametrize(
    ("then", "shown"),
    [
        (asked(MOVE, "1", face_id="ada"), [("1", "ada", True)]),
        (asked(REPLACE, "1", "12"), [("12", None, True)]),
        (asked(REMOVE, "1"), []),
    ],
)
def test_a_number_that_was_added_without_a_wearer_is_one_number_wherever_it_is_read_next(
    then: CorrectionRequest, shown: list[tuple[str, str | None, bool]]
) -> None:
    corrections = applied([read("1", "ada")], [asked(ADD, "1"), then])
    for face in FACES:
        assert told(corrected([read("1", face)], FACES, corrections)) == shown, face


def test_a_number_whose_face_is_lost_stays_in_the_photo() -> None:
    correction = correction_of(asked(ADD, "12", face_id="ada"), [], FACES)
    assert told(corrected([], {}, [correction])) == [("12", None, True)]


numbers = st.sampled_from(["1", "12", "14951", "1495"])
faces_or_none = st.sampled_from([*FACES, None])
some_bibs = st.lists(
    st.builds(lambda number, face: read(number, face), numbers, st.sampled_from(list(FACES))),
    max_size=3,
    unique_by=lambda bib: bib.face_id,
)
some_requests = st.lists(
    st.builds(
        lambda kind, number, new, face: CorrectionRequest(
            kind=kind,
            number=number,
            new_number=new if kind is REPLACE else None,
            face_id=face or "ada" if kind is MOVE else face,
        ),
        st.sampled_from(list(CorrectionKind)),
        numbers,
        numbers,
        faces_or_none,
    ),
    max_size=5,
)


def applied(bibs: list[EffectiveBib], requests: list[CorrectionRequest]) -> list[BibCorrection]:
    """The corrections of those requests that the photo allows."""
    corrections: list[BibCorrection] = []
    for request in requests:
        try:
            corrections.append(correction_of(request, corrected(bibs, FACES, corrections), FACES))
        except (UnknownBib, Conflict):
            continue
    return corrections


@given(bibs=some_bibs, requests=some_requests)
def test_a_correction_does_what_it_says(bibs: list[EffectiveBib], requests: list[CorrectionRequest]) -> None:
    corrections = applied(bibs, requests)
    shown = corrected(bibs, FACES, corrections)
    worn = [bib.face_id for bib in shown if bib.face_id is not None]
    assert len(worn) == len(set(worn)), "a face wears one number"
    if corrections:
        last = corrections[-1]
        there = [bib for bib in shown if bib.number == last.number and bib.by_hand]
        assert there or last.kind is REMOVE
        if last.kind in (ADD, MOVE) and last.face is not None:
            assert last.face in [FACES[bib.face_id] for bib in there if bib.face_id is not None]


@given(bibs=some_bibs, requests=some_requests, again=some_bibs)
def test_no_reading_changes_what_was_set_by_hand(
    bibs: list[EffectiveBib], requests: list[CorrectionRequest], again: list[EffectiveBib]
) -> None:
    """Whatever another analysis reads on the same faces, the numbers set by hand are there, on the same faces.

    One that was added without a wearer may be what is now read on a face.
    """
    corrections = applied(bibs, requests)

    def by_hand(found: list[EffectiveBib]) -> set[tuple[str, str | None]]:
        shown = {(bib.number, bib.face_id) for bib in corrected(found, FACES, corrections) if bib.by_hand}
        worn = {number for number, face in shown if face is not None}
        return {(number, face) for number, face in shown if face is not None or number not in worn}

    assert by_hand(again) == by_hand(bibs)


@given(bibs=some_bibs, requests=some_requests)
def test_applied_twice_equals_once(bibs: list[EffectiveBib], requests: list[CorrectionRequest]) -> None:
    for correction in applied(bibs, requests):
        once = corrected(bibs, FACES, [correction])
        assert set(told(corrected(once, FACES, [correction]))) == set(told(once))


def test_without_corrections_the_reading_stays_as_it_is() -> None:
    bibs = (read("2", "bob"), read("1", "ada"))
    assert corrected(bibs, FACES, []) == bibs


def test_number_changes_pair_what_is_at_the_same_place() -> None:
    before = (read("1", "ada"), read("2", "bob"), read("3", "eve"))
    after_ = (read("1", "ada"), read("22", "bob"), read("4", None, Box(0.9, 0.9, 0.1, 0.1)))
    assert number_changes(before, after_) == NumberChanges(added=1, removed=1, changed=1)
    assert number_changes(before, before) == NumberChanges()
    total = NumberChanges(added=1, removed=2, changed=3) + NumberChanges(added=1)
    assert total == NumberChanges(added=2, removed=2, changed=3)


def test_rounding_makes_no_other_reading() -> None:
    one = (read("1", "ada"),)
    rounded = (replace(one[0], ocr_score=0.900001, box=Box(0.100001, 0.4, 0.1, 0.05)),)
    assert is_same_reading(one, rounded)
    assert not is_same_reading(one, (replace(one[0], ocr_score=0.8),))
    assert not is_same_reading(one, ())
    assert not is_same_reading(one, (read("2", "ada"),))
