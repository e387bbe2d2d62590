"""Pure decisions about people: stable ids, calibration by album, inferred numbers, fitting pictures."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.application.people.assignment import assign
from photofinish.application.people.clustering import MAX_WAIT_S, seconds_apart, seconds_to_wait
from photofinish.application.people.linkage import Linkage
from photofinish.domain.album_calibration import MIN_PAIRS, calibrate_album, same_photo_similarities
from photofinish.domain.album_clusters import AlbumFace, AlbumSpace, EnrolledFace
from photofinish.domain.bib_links import (
    ConflictKind,
    FaceOfPerson,
    NumberEvidence,
    NumberState,
    PersonNumber,
    inferred_faces,
    person_numbers,
)
from photofinish.domain.geometry import Box
from photofinish.domain.people import FaceSource, WeightedEmbedding, centroids, check_name, fitting
from photofinish.errors import RejectedInput
from support.faces import embedding, photo
from support.people import CALIBRATION, people

LINKAGE = Linkage(single=0.6, least=0.5)


def space(counts: list[int], before: dict[int, tuple[str, FaceSource]], **more: object) -> AlbumSpace:
    """Faces of persons, one person after another; `before` has the assignments of some of them."""
    vectors = people(counts)
    faces = [
        AlbumFace(
            face_id=f"f{row}",
            photo=row,
            quality=0.8,
            person_id=before.get(row, (None, None))[0],
            source=before.get(row, (None, None))[1],
        )
        for row in range(len(vectors))
    ]
    return AlbumSpace(faces=faces, vectors=vectors, **more)  # type: ignore[arg-type]


def owners(given: AlbumSpace, *, full: bool) -> list[str | None]:
    ids = itertools.count(1)
    found = assign(given, LINKAGE, full=full, min_quality=0.2, new_id=lambda: f"new{next(ids)}")
    return [face.person_id if face.is_decided else found.person_of.get(face.face_id) for face in given.faces]


class TestAssign:
    def test_a_single_face_is_not_assigned(self) -> None:
        assert owners(space([3, 1, 2], {}), full=True) == ["new1"] * 3 + [None] + ["new2"] * 2

    @pytest.mark.parametrize("full", [True, False])
    def test_a_person_found_again_keeps_their_id(self, full: bool) -> None:
        before = {0: ("ann", FaceSource.CLUSTERED), 1: ("ann", FaceSource.CLUSTERED), 5: ("bea", FaceSource.CLUSTERED)}
        assert owners(space([4, 3], before), full=full) == ["ann"] * 4 + ["bea"] * 3

    def test_a_full_run_undoes_a_wrong_join_and_the_larger_part_keeps_the_id(self) -> None:
        before = dict.fromkeys(range(7), ("both", FaceSource.CLUSTERED))
        given = space([3, 4], before)
        assert owners(given, full=False) == ["both"] * 7
        assert owners(given, full=True) == ["new1"] * 3 + ["both"] * 4

    def test_similar_faces_join_a_confirmed_one(self) -> None:
        before = {0: ("ann", FaceSource.CONFIRMED), 4: ("old", FaceSource.CLUSTERED), 5: ("old", FaceSource.CLUSTERED)}
        assert owners(space([4, 3], before), full=True) == ["ann"] * 4 + ["old"] * 3

    def test_an_enrolment_picture_finds_the_persons_faces(self) -> None:
        vectors = people([4, 3])
        given = space([4, 3], {}, enrolled=[EnrolledFace(person_id="ann", quality=0.9)], enrolled_vectors=vectors[:1])
        assert owners(given, full=True) == ["ann"] * 4 + ["new1"] * 3

    def test_a_rejected_face_does_not_block_similar_faces(self) -> None:
        before = {0: ("ann", FaceSource.KEPT)}
        given = space([4], before, rejected={"ann": frozenset({"f2"})})
        assert owners(given, full=True) == ["ann", "ann", None, "ann"]

    def test_faces_of_low_quality_are_left_out(self) -> None:
        given = space([3], {})
        poor = AlbumSpace(
            faces=[AlbumFace(face_id=face.face_id, photo=face.photo, quality=0.1) for face in given.faces],
            vectors=given.vectors,
        )
        assert owners(poor, full=True) == [None] * 3

    @given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.data())
    def test_a_second_run_changes_nothing(self, counts: list[int], data: st.DataObject) -> None:
        count = sum(counts)
        rows = st.integers(0, count - 1)
        before = data.draw(
            st.dictionaries(rows, st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(FaceSource)), max_size=count)
        )
        given = space(counts, before)
        full = data.draw(st.booleans())
        once = owners(given, full=full)
        again = space(
            counts,
            {
                row: (person, before[row][1] if given.faces[row].is_decided else FaceSource.CLUSTERED)
                for row, person in enumerate(once)
                if person is not None
            },
        )
        assert owners(again, full=full) == once


class TestAlbumCalibration:
    def test_too_few_pairs_change_nothing_but_are_counted(self) -> None:
        here = calibrate_album(np.full(10, 0.9, np.float32), CALIBRATION)
        assert here.calibration == CALIBRATION
        assert (here.stranger_pairs, here.false_matches) == (10, 10)
        assert calibrate_album(np.zeros(0, np.float32), CALIBRATION).rate_at_most == 1

    def test_similar_strangers_raise_the_thresholds(self) -> None:
        rng = np.random.default_rng(0)
        alike = rng.normal(0.35, 0.08, size=MIN_PAIRS * 4).astype(np.float32)
        here = calibrate_album(alike, CALIBRATION)
        assert here.calibration.min_similarity == pytest.approx(float(np.quantile(alike, 0.999)), abs=1e-4)
        assert here.false_matches <= 0.0011 * alike.size
        assert 0.001 <= here.rate_at_most < 0.002

    @given(st.floats(-1, 1), st.integers(MIN_PAIRS, MIN_PAIRS + 5))
    def test_thresholds_never_fall_and_never_rise_by_much(self, similarity: float, count: int) -> None:
        here = calibrate_album(np.full(count, similarity, np.float32), CALIBRATION).calibration
        assert CALIBRATION.min_similarity <= here.min_similarity <= CALIBRATION.min_similarity + 0.15 + 1e-6
        assert here.stranger_similarity - here.min_similarity == pytest.approx(0.085, abs=1e-6)

    def test_pairs_are_those_of_one_photo(self) -> None:
        vectors = people([5])
        found = same_photo_similarities(vectors, np.array([7, 3, 7, 3, 9]))
        assert sorted(found.tolist()) == pytest.approx(sorted([vectors[0] @ vectors[2], vectors[1] @ vectors[3]]))
        assert same_photo_similarities(vectors[:0], np.zeros(0, np.int64)).size == 0


class TestFitting:
    def test_no_faces_fit(self) -> None:
        assert fitting([], min_similarity=0.5).tolist() == []

    @given(st.integers(1, 5), st.integers(0, 2), st.integers(0, 50))
    def test_the_largest_fitting_group_is_chosen(self, own: int, others: int, seed: int) -> None:
        vectors = people([own + others + 1] + [1] * others, spread=0.3, seed=seed, dimension=512)
        faces = [WeightedEmbedding(embedding(row), 0.5) for row in vectors]
        assert fitting(faces, min_similarity=0.6).tolist() == [True] * (own + others + 1) + [False] * others

    def test_of_two_different_faces_the_better_one_is_chosen(self) -> None:
        faces = [WeightedEmbedding(embedding([1, 0]), 0.5), WeightedEmbedding(embedding([0, 1]), 0.9)]
        assert fitting(faces, min_similarity=0.5).tolist() == [False, True]

    def test_faces_of_different_spaces_are_not_compared(self) -> None:
        faces = [WeightedEmbedding(embedding([1, 0]), 0.5), WeightedEmbedding(embedding([0, 1], space="z"), 0.9)]
        assert fitting(faces, min_similarity=0.5).tolist() == [True, True]

    def test_a_centroid_is_weighted_and_of_one_space(self) -> None:
        [one, other] = centroids(
            [
                WeightedEmbedding(embedding([1, 0]), 0.9),
                WeightedEmbedding(embedding([0, 1]), 0.1),
                WeightedEmbedding(embedding([0, 1], space="z"), 0.5),
            ]
        )
        assert one.vector.tolist() == pytest.approx(embedding([0.9, 0.1]).vector.tolist())
        assert (other.space, other.vector.tolist()) == ("z", [0, 1])
        assert centroids([WeightedEmbedding(embedding([1, 0]), 0.5), WeightedEmbedding(embedding([-1, 0]), 0.5)]) == []

    @given(st.text(max_size=300))
    def test_a_name_is_accepted_or_refused(self, text: str) -> None:
        try:
            assert check_name(text) == text.strip()
        except RejectedInput:
            assert not text.strip() or len(text.strip()) > 200 or not text.strip().isprintable()


def evidence(person: str, number: str, score: float = 0.9, name: str = "1", partial: bool = False) -> NumberEvidence:
    return NumberEvidence(
        person_id=person,
        number=number,
        ocr_score=score,
        partial=partial,
        face_id=f"{person}-{name}",
        photo=photo(f"race/{name}.jpg"),
        box=Box(0.1, 0.1, 0.1, 0.1),
    )


def inferred(read: list[NumberEvidence], decisions: dict[tuple[str, str], bool], number: str) -> list[str]:
    """The people whose face a search for `number` finds, if each has one."""
    faces = [
        FaceOfPerson(person_id=person, face_id=person, photo_id=person, box=Box(0.1, 0.1, 0.1, 0.1))
        for person in ("ann", "bea", "cid")
    ]
    return [one.face.person_id for one in inferred_faces(number, faces, person_numbers(read, decisions))]


some_evidence = st.lists(
    st.builds(
        evidence,
        st.sampled_from(["ann", "bea", "cid"]),
        st.sampled_from(["12", "123", "77"]),
        st.floats(0.05, 1),
        st.sampled_from(["1", "2", "3"]),
        st.booleans(),
    ),
    max_size=12,
)
some_decisions = st.dictionaries(
    st.tuples(st.sampled_from(["ann", "bea", "cid"]), st.sampled_from(["12", "123", "77"])), st.booleans(), max_size=4
)


class TestNumbers:
    def test_more_photos_make_it_likelier(self) -> None:
        [one] = person_numbers([evidence("ann", "12")], {})["ann"]
        [two] = person_numbers([evidence("ann", "12"), evidence("ann", "12", name="2")], {})["ann"]
        [same] = person_numbers([evidence("ann", "12"), evidence("ann", "12", 0.5)], {})["ann"]
        assert one.score == same.score < two.score < 1

    def test_a_part_of_a_number_contradicts_nothing(self) -> None:
        read = [evidence("ann", "2906"), evidence("ann", "290", 0.4, name="2", partial=True)]
        whole, part = person_numbers(read, {})["ann"]
        assert (whole.number, whole.conflicts, part.part_of, part.conflicts) == ("2906", (), "2906", ())
        assert inferred(read, {}, "2906") == ["ann"]
        assert inferred(read, {}, "290") == []

    def test_a_confirmed_number_needs_no_evidence(self) -> None:
        [number] = person_numbers([], {("ann", "7"): True})["ann"]
        assert (number.state, number.score, number.evidence) == (NumberState.CONFIRMED, 1, ())
        assert inferred([], {("ann", "7"): True}, "7") == ["ann"]

    @given(some_evidence, some_decisions)
    def test_conflicts_are_mutual_and_nothing_is_lost(
        self, read: list[NumberEvidence], decisions: dict[tuple[str, str], bool]
    ) -> None:
        found = person_numbers(read, decisions)
        numbers = {(one.person_id, one.number): one for own in found.values() for one in own}
        assert set(numbers) == {(one.person_id, one.number) for one in read} | set(decisions)
        for one in numbers.values():
            assert one.state == {True: NumberState.CONFIRMED, False: NumberState.REJECTED}.get(
                decisions.get((one.person_id, one.number)),  # type: ignore[arg-type]
                NumberState.INFERRED,
            )
            for conflict in one.conflicts:
                other = numbers[conflict.person_id, conflict.number]
                assert (conflict.kind, one.number, one.person_id) in {
                    (back.kind, back.number, back.person_id) for back in other.conflicts
                }
                assert (conflict.kind is ConflictKind.OTHER_NUMBER) == (conflict.person_id == one.person_id)
            if one.state is NumberState.REJECTED or one.part_of:
                assert one.conflicts == ()

    @given(some_evidence, some_decisions)
    def test_two_claims_of_one_person_are_always_flagged(
        self, read: list[NumberEvidence], decisions: dict[tuple[str, str], bool]
    ) -> None:
        for own in person_numbers(read, decisions).values():
            claims = [one for one in own if one.state is not NumberState.REJECTED and one.part_of is None]
            for one in claims:
                assert {other.number for other in claims if other is not one} == {
                    conflict.number for conflict in one.conflicts if conflict.kind is ConflictKind.OTHER_NUMBER
                }

    @given(some_evidence, some_decisions)
    def test_a_search_finds_a_number_only_where_it_is_confirmed_or_without_conflicts(
        self, read: list[NumberEvidence], decisions: dict[tuple[str, str], bool]
    ) -> None:
        for number in ("12", "123", "77"):
            worn = set(inferred(read, decisions, number))
            assert {person for (person, one), said in decisions.items() if one == number and said} <= worn
            for person in worn:
                decided = decisions.get((person, number))
                assert decided is not False
                if decided is None:
                    assert any(one.person_id == person and one.number == number for one in read)
                    assert worn == {person}, "two people have an undecided number"
                    others = {one.number for one in read if one.person_id == person and one.number not in number}
                    assert all(
                        decisions.get((person, other)) is False or other in number or number in other
                        for other in others
                    )

    @given(st.permutations([evidence("ann", "12"), evidence("ann", "77", 0.8), evidence("bea", "12", name="2")]))
    def test_the_order_does_not_matter(self, read: list[NumberEvidence]) -> None:
        def flat(found: dict[str, list[PersonNumber]]) -> list[PersonNumber]:
            return [one for person in sorted(found) for one in found[person]]

        assert flat(person_numbers(read, {})) == flat(person_numbers(sorted(read, key=str), {}))


@pytest.mark.parametrize(
    ("took_s", "apart_s"), [(0.0, 5.0), (0.5, 5.0), (1.0, 10.0), (6.0, MAX_WAIT_S), (600.0, MAX_WAIT_S)]
)
def test_runs_are_apart_by_their_cost_within_bounds(took_s: float, apart_s: float) -> None:
    assert seconds_apart(took_s, run_every_s=5.0, max_share=0.1) == pytest.approx(apart_s)


@pytest.mark.parametrize(("ran_before_s", "wait_s"), [(0, 5.0), (2, 3.0), (5, 0.0), (60, 0.0), (-60, 5.0)])
def test_a_run_waits_for_what_is_left(ran_before_s: int, wait_s: float) -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    assert seconds_to_wait(now - timedelta(seconds=ran_before_s), now, 5.0) == pytest.approx(wait_s)


def test_a_face_of_no_quality_alone_is_its_persons_centroid() -> None:
    (only,) = centroids([WeightedEmbedding(embedding([1.0, 0.0]), quality=0.0)])
    assert only.vector.tolist() == pytest.approx([1.0, 0.0])
