"""TAR at FAR, AUC and rank-1, against their definitions and the laws that they obey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photofinish_cli.evaluation import face_measures
from photofinish_cli.evaluation.face_measures import auc, compare, pair_weights, tar_at, threshold_at
from support.examples import examples

# Few distinct values, so that ties are common.
_similarities = st.lists(st.integers(-10, 10).map(lambda step: step / 10), min_size=1, max_size=40).map(
    lambda values: np.array(sorted(values, reverse=True))
)
_fars = st.sampled_from([0.0, 1e-3, 1e-2, 0.1, 0.25, 0.5, 1.0])


@given(same=_similarities, strangers=_similarities, far=_fars)
def test_tar_is_the_best_of_all_thresholds_that_keep_the_far(
    same: NDArray[np.float64], strangers: NDArray[np.float64], far: float
) -> None:
    candidates = [-1.1, *same, *strangers]
    allowed = [cut for cut in candidates if (strangers > cut).mean() <= far]
    assert tar_at(far, same, strangers) == pytest.approx(max((same > cut).mean() for cut in allowed))


@given(strangers=_similarities, far=_fars)
def test_the_threshold_keeps_the_far_and_says_what_it_is(strangers: NDArray[np.float64], far: float) -> None:
    threshold, share = threshold_at(far, strangers)
    assert (strangers > threshold).mean() <= far + 1e-12
    if np.isfinite(threshold):
        assert share == pytest.approx((strangers > threshold).mean())
        lower = strangers[strangers < threshold]
        if len(lower):
            assert (strangers > lower[0]).mean() > far, "a lower threshold would have kept the FAR too"


@given(same=_similarities, strangers=_similarities)
def test_auc_is_the_share_of_comparisons_won(same: NDArray[np.float64], strangers: NDArray[np.float64]) -> None:
    won = (same[:, None] > strangers).mean() + (same[:, None] == strangers).mean() / 2
    assert auc(same, strangers) == pytest.approx(won)


@given(same=_similarities, strangers=_similarities, far=_fars)
def test_only_the_order_of_similarities_matters(
    same: NDArray[np.float64], strangers: NDArray[np.float64], far: float
) -> None:
    def bent(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values**3 / 2 + 0.1

    assert auc(bent(same), bent(strangers)) == pytest.approx(auc(same, strangers))
    assert tar_at(far, bent(same), bent(strangers)) == pytest.approx(tar_at(far, same, strangers))


@given(
    same=_similarities,
    strangers=_similarities,
    far=_fars,
    weights=st.lists(st.integers(0, 3), min_size=80, max_size=80),
)
def test_a_weight_is_a_number_of_copies(
    same: NDArray[np.float64], strangers: NDArray[np.float64], far: float, weights: list[int]
) -> None:
    of_same, of_strangers = np.array(weights[: len(same)]), np.array(weights[40 : 40 + len(strangers)])
    copies = np.repeat(same, of_same), np.repeat(strangers, of_strangers)
    for measure in (auc, lambda *pairs: tar_at(far, *pairs)):
        weighted = measure(same, strangers, of_same.astype(float), of_strangers.astype(float))
        assert weighted == pytest.approx(measure(*copies), nan_ok=True)


@given(same=_similarities, strangers=_similarities)
def test_a_higher_far_never_accepts_less(same: NDArray[np.float64], strangers: NDArray[np.float64]) -> None:
    tars = [tar_at(far, same, strangers) for far in (0.0, 1e-3, 1e-2, 0.1, 0.5, 1.0)]
    assert tars == sorted(tars)
    assert tars[-1] == 1


def test_what_is_missing_cannot_be_measured() -> None:
    some, none = np.array([0.5]), np.zeros(0)
    assert all(np.isnan(tar_at(0.01, *pairs)) for pairs in ((some, none), (none, some)))
    assert all(np.isnan(auc(*pairs)) for pairs in ((some, none), (none, some)))


@given(
    labels=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 1)), max_size=14),
    seed=st.integers(0, 99),
)
@settings(max_examples=examples(60))
def test_faces_are_compared_once_across_photos_of_a_group(labels: list[tuple[int, int, int]], seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(len(labels), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    # The same person of two groups is two people: a number tells nothing beyond its race.
    people = [(group, person) for person, _, group in labels]
    photos = [(group, photo) for _, photo, group in labels]
    found = compare(vectors, people, photos, [group for _, _, group in labels])
    expected = [
        (i, j)
        for i in range(len(labels))
        for j in range(i + 1, len(labels))
        if labels[i][2] == labels[j][2] and photos[i] != photos[j]
    ]
    same = {(i, j) for i, j in expected if people[i] == people[j]}
    for pairs, wanted in ((found.same, same), (found.strangers, set(expected) - same)):
        assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == wanted
        assert len(pairs) == len(wanted)
        assert (np.diff(pairs.similarity) <= 0).all()
        for i, j, similarity in zip(pairs.first, pairs.second, pairs.similarity, strict=True):
            assert similarity == pytest.approx(float(vectors[i] @ vectors[j]), abs=1e-5)
    for index in range(len(labels)):
        others = [j if i == index else i for i, j in expected if index in (i, j)]
        assert found.has_mate[index] == any(people[other] == people[index] for other in others)
        if others:
            best = max(others, key=lambda other: float(vectors[index] @ vectors[other]))
            assert found.hits[index] == (people[best] == people[index])
        else:
            assert not found.hits[index]


def test_a_person_drawn_twice_is_not_compared_with_the_copy() -> None:
    vectors = np.eye(4, dtype=np.float32)
    found = compare(vectors, ["ann", "ann", "ben", "cat"], [1, 2, 3, 4], [0, 0, 0, 0])
    drawn = np.array([2.0, 1.0, 0.0])
    assert pair_weights(found.people, found.same, drawn).tolist() == [2]
    by_pair = {
        frozenset(pair): weight
        for *pair, weight in zip(
            found.strangers.first.tolist(),
            found.strangers.second.tolist(),
            pair_weights(found.people, found.strangers, drawn).tolist(),
            strict=True,
        )
    }
    assert by_pair == {
        frozenset({0, 2}): 2, frozenset({1, 2}): 2, frozenset({0, 3}): 0, frozenset({1, 3}): 0, frozenset({2, 3}): 0,
    }  # fmt: skip


def test_unclear_people_are_compared_with_everybody_else_only() -> None:
    vectors = np.eye(5, dtype=np.float32)
    people = ["359", "3594", "17", "359", "3594"]
    found = compare(vectors, people, [1, 2, 3, 4, 5], [0] * 5, unclear=[("359", "3594"), ("359", "359")])
    strangers = {
        tuple(sorted(pair))
        for pair in zip(found.strangers.first.tolist(), found.strangers.second.tolist(), strict=True)
    }
    assert strangers == {(0, 2), (1, 2), (2, 3), (2, 4)}
    assert list(zip(found.same.first.tolist(), found.same.second.tolist(), strict=True)) == [(1, 4)]
    assert found.has_mate.tolist() == [False, True, False, False, True]


def test_very_many_strangers_are_sampled_and_measure_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(300, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    people, photos, groups = list(range(150)) * 2, list(range(300)), [0] * 300
    whole = compare(vectors, people, photos, groups)
    monkeypatch.setattr(face_measures, "MAX_STRANGER_PAIRS", 20_000)
    part = compare(vectors, people, photos, groups)
    assert part.stranger_pairs == whole.stranger_pairs == len(whole.strangers) == 300 * 299 // 2 - 150
    assert len(part.strangers) == 20_000
    assert (np.diff(part.strangers.similarity) <= 0).all()
    assert threshold_at(0.1, part.strangers.similarity)[0] == pytest.approx(
        threshold_at(0.1, whole.strangers.similarity)[0], abs=0.02
    )
