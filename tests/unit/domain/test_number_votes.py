"""A number that several frames show: the readings vote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.geometry import Box
from photofinish.domain.number_votes import NumberReading, are_alike, follow_numbers, vote


def reading(
    number: str, frame: int = 0, score: float = 0.9, *, x: float = 0.4, scene: int = 0, partial: bool = False
) -> NumberReading:
    return NumberReading(
        frame=frame,
        at_s=float(frame),
        scene=scene,
        number=number,
        score=score,
        box=Box(x, 0.5, 0.05, 0.02),
        partial=partial,
    )


class TestVoting:
    def test_no_reading_decides_nothing(self) -> None:
        assert vote([]) is None

    def test_a_misread_frame_loses_even_with_the_best_score(self) -> None:
        decided = vote([reading("1234", 0, 0.8), reading("1284", 1, 0.99), reading("1234", 2, 0.7)])
        assert decided is not None
        assert (decided.number, decided.votes, decided.readings) == ("1234", 2, 3)
        assert decided.score == pytest.approx(1.5 / 2.49 * 0.75)

    def test_frames_that_agree_have_their_mean_score(self) -> None:
        decided = vote([reading("77", 0, 0.8), reading("77", 1, 0.6)])
        assert decided is not None
        assert decided.score == pytest.approx(0.7)

    def test_a_part_of_a_number_votes_for_the_whole(self) -> None:
        decided = vote([reading("234", 0, 0.9, partial=True), reading("1234", 1, 0.5), reading("1284", 2, 0.6)])
        assert decided is not None
        assert (decided.number, decided.votes) == ("1234", 2)

    def test_parts_alone_are_better_than_nothing(self) -> None:
        decided = vote([reading("23", 0, partial=True), reading("23", 1, partial=True)])
        assert decided is not None
        assert decided.number == "23"

    @given(
        st.lists(st.tuples(st.sampled_from(["7", "17", "171", "99"]), st.floats(0, 1), st.booleans()), min_size=1),
        st.randoms(use_true_random=False),
    )
    def test_the_order_of_frames_decides_nothing(self, read, random) -> None:  # type: ignore[no-untyped-def]
        readings = [reading(number, frame, score, partial=part) for frame, (number, score, part) in enumerate(read)]
        shuffled = list(readings)
        random.shuffle(shuffled)
        one, other = vote(readings), vote(shuffled)
        assert one is not None
        assert other is not None
        assert one.number == other.number
        assert one.number in {number for number, _, _ in read}
        assert 0 <= one.score <= 1
        assert 1 <= one.votes <= one.readings == len(readings)

    @given(st.integers(2, 9))
    def test_a_majority_of_equally_good_readings_wins(self, majority: int) -> None:
        readings = [reading("100", frame) for frame in range(majority)]
        readings += [reading("160", majority + frame) for frame in range(majority - 1)]
        decided = vote(readings)
        assert decided is not None
        assert decided.number == "100"


class TestFollowing:
    def numbers(self, *readings: NumberReading) -> list[list[str]]:
        return [[one.number for one in group] for group in follow_numbers(readings)]

    def test_a_misreading_joins_the_number_that_it_is_near(self) -> None:
        assert self.numbers(reading("512", 0), reading("572", 1), reading("512", 2)) == [["512", "572", "512"]]

    def test_numbers_in_one_frame_are_two_however_alike(self) -> None:
        assert self.numbers(reading("101", 0), reading("102", 0, x=0.5)) == [["101"], ["102"]]

    def test_neighbours_with_similar_numbers_stay_two(self) -> None:
        readings = [reading("101", 0), reading("102", 1), reading("101", 2), reading("102", 3)]
        assert self.numbers(*readings) == [["101", "101"], ["102", "102"]]

    def test_what_is_far_away_or_later_or_in_another_scene_is_another(self) -> None:
        assert len(self.numbers(reading("512", 0), reading("572", 1, x=0.95))) == 2
        assert len(self.numbers(reading("512", 0), reading("512", 9))) == 2
        assert len(self.numbers(reading("512", 0), reading("512", 1, scene=1))) == 2

    @given(st.lists(st.tuples(st.sampled_from(["101", "102", "10", "950"]), st.integers(0, 8), st.floats(0, 0.9))))
    def test_every_reading_is_in_one_group(self, read: list[tuple[str, int, float]]) -> None:
        readings = [reading(number, frame, x=x) for number, frame, x in read]
        grouped = [one for group in follow_numbers(readings) for one in group]
        assert sorted(map(id, grouped)) == sorted(map(id, readings))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [("101", "101", True), ("101", "107", True), ("101", "110", False), ("01", "101", True), ("1", "101", False),
     ("1", "7", False), ("12", "345", False)],
)  # fmt: skip
def test_which_numbers_are_alike(one: str, other: str, alike: bool) -> None:
    assert are_alike(one, other) is alike
    assert are_alike(other, one) is alike
