"""Precision, recall and F1 of numbers, against their definitions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish_cli.evaluation.bib_measures import PhotoCounts, bib_accuracy, precision_recall_curve
from support.examples import examples

_numbers = st.frozensets(st.sampled_from(["1", "12", "123", "2906", "2908"]))


def test_a_small_example() -> None:
    photos = [PhotoCounts.of({"12", "34"}, {"12", "35"}), PhotoCounts.of({"56"}, {"56"}), PhotoCounts.of(set(), {"7"})]
    assert photos[0] == PhotoCounts(right=1, wrong=1, missed=1)
    accuracy = bib_accuracy(photos)
    assert accuracy.precision.value == pytest.approx(2 / 4)
    assert accuracy.recall.value == pytest.approx(2 / 3)
    assert accuracy.f1.value == pytest.approx(4 / 7)
    assert (accuracy.precision.of, accuracy.recall.of, accuracy.f1.of) == (4, 3, 3)


@given(photos=st.lists(st.tuples(_numbers, _numbers), max_size=12))
@settings(max_examples=examples(60))
def test_f1_is_the_harmonic_mean_and_swapping_sides_swaps_precision_and_recall(
    photos: list[tuple[frozenset[str], frozenset[str]]],
) -> None:
    accuracy = bib_accuracy([PhotoCounts.of(labelled, read) for labelled, read in photos])
    swapped = bib_accuracy([PhotoCounts.of(read, labelled) for labelled, read in photos])
    assert (accuracy.precision, accuracy.recall) == (swapped.recall, swapped.precision)
    precision, recall, f1 = accuracy.precision.value, accuracy.recall.value, accuracy.f1.value
    assert (recall is None) == (not any(labelled for labelled, _ in photos))
    if precision and recall:
        assert f1 == pytest.approx(2 * precision * recall / (precision + recall))
    elif precision is not None or recall is not None:
        assert f1 == 0


@given(reads=st.lists(st.tuples(st.sampled_from([0.5, 0.7, 0.8, 0.95, 1.0]), st.booleans()), max_size=30))
@settings(max_examples=examples(60))
def test_the_curve_is_what_counting_above_each_score_gives(reads: list[tuple[float, bool]]) -> None:
    labelled = sum(is_right for _, is_right in reads) + 3
    points = precision_recall_curve(reads, labelled)
    assert [score for score, _, _ in points] == sorted({score for score, _ in reads}, reverse=True)
    for score, precision, recall in points:
        kept = [is_right for at, is_right in reads if at >= score]
        assert precision == pytest.approx(sum(kept) / len(kept))
        assert recall == pytest.approx(sum(kept) / labelled)
