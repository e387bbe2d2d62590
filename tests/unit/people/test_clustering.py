"""Properties of clustering that hold for any faces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from photofinish.application.people.linkage import Faces, Group, Linkage, cluster
from support.people import CALIBRATION, people

LINKAGE = Linkage(single=0.6, least=0.5)


def faces(vectors: NDArray[np.float32], photos: list[int] | None = None) -> Faces:
    count = len(vectors)
    return Faces(
        vectors=vectors,
        weights=np.ones(count, np.float32),
        photos=np.arange(count) if photos is None else np.array(photos, np.int64),
    )


def singles(count: int) -> list[Group]:
    return [Group(rows=(row,)) for row in range(count)]


def partition(labels: NDArray[np.int64]) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


some_people = st.builds(
    people,
    st.lists(st.integers(1, 6), min_size=1, max_size=6),
    spread=st.sampled_from([0.3, 0.8, 1.2]),
    seed=st.integers(0, 1000),
)


def test_persons_are_separated() -> None:
    counts = [5, 4, 1, 3]
    labels = cluster(faces(people(counts)), singles(13), LINKAGE)
    assert labels.tolist() == np.repeat(np.arange(4), counts).tolist()


def test_no_groups_and_one_group() -> None:
    assert cluster(faces(people([1])), [], LINKAGE).tolist() == []
    assert cluster(faces(people([1])), singles(1), LINKAGE).tolist() == [0]


@given(vectors=some_people, seed=st.integers(0, 100))
def test_the_order_of_faces_does_not_matter(vectors: NDArray[np.float32], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(vectors))
    straight = partition(cluster(faces(vectors), singles(len(vectors)), LINKAGE))
    shuffled = cluster(faces(vectors[order]), singles(len(vectors)), LINKAGE)
    assert {frozenset(order[sorted(group)].tolist()) for group in partition(shuffled)} == straight


@given(vectors=some_people, photo_count=st.integers(1, 8), seed=st.integers(0, 100))
def test_two_faces_of_one_photo_are_never_one_persons(
    vectors: NDArray[np.float32], photo_count: int, seed: int
) -> None:
    photos = np.random.default_rng(seed).integers(0, photo_count, size=len(vectors)).tolist()
    for group in partition(cluster(faces(vectors, photos), singles(len(vectors)), LINKAGE)):
        assert len({photos[row] for row in group}) == len(group)


@given(vectors=some_people, data=st.data())
def test_decisions_are_respected(vectors: NDArray[np.float32], data: st.DataObject) -> None:
    """Groups stay whole, groups of two persons stay apart, and no person gets a face rejected for them."""
    rows = list(range(len(vectors)))
    owner = data.draw(st.lists(st.sampled_from([None, "a", "b"]), min_size=len(rows), max_size=len(rows)))
    refused = {name: data.draw(st.frozensets(st.sampled_from(rows))) for name in ("a", "b")}
    groups = [Group(rows=(row,)) for row in rows if owner[row] is None]
    for name in ("a", "b"):
        own = tuple(row for row in rows if owner[row] == name)
        groups += [Group(rows=own, person=name, refused=refused[name] - set(own))] if own else []
    labels = cluster(faces(vectors), groups, LINKAGE)
    together: dict[int, list[Group]] = {}
    for group, label in zip(groups, labels.tolist(), strict=True):
        together.setdefault(label, []).append(group)
    for members in together.values():
        assert len([group for group in members if group.person]) <= 1
        refusals = frozenset().union(*(group.refused for group in members))
        assert refusals.isdisjoint(row for group in members for row in group.rows)


@given(vectors=some_people)
def test_groups_below_the_least_similarity_are_not_joined(vectors: NDArray[np.float32]) -> None:
    """The last join of every cluster had a mean of at least `least`, so the mean over all its pairs is not lower."""
    for group in partition(cluster(faces(vectors), singles(len(vectors)), LINKAGE)):
        rows = vectors[sorted(group)]
        if len(rows) > 1:
            pairs = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
            assert pairs.mean() >= LINKAGE.least - 1e-4


def test_one_wrong_pair_does_not_join_two_persons() -> None:
    """One photo each of Ann and Bea is similar: joining every similar pair would join them."""
    vectors = people([6, 6], spread=0.3, seed=3)
    vectors[0] = vectors[6] = (vectors[0] + vectors[6]) / np.linalg.norm(vectors[0] + vectors[6])
    labels = cluster(faces(vectors), singles(12), LINKAGE)
    assert len(set(labels[[1, 2, 3, 4, 5]].tolist())) == 1
    assert len(set(labels[[7, 8, 9, 10, 11]].tolist())) == 1
    assert labels[1] != labels[7]


class TestLinkage:
    @given(st.integers(1, 10**7), st.integers(1, 10**7))
    def test_a_larger_album_needs_more_similarity(self, a: int, b: int) -> None:
        fewer, more = sorted((a, b))
        assert Linkage.of(CALIBRATION, more).among(fewer) == Linkage.of(CALIBRATION, fewer)
        assert Linkage.of(CALIBRATION, fewer).single <= Linkage.of(CALIBRATION, more).single <= 1

    def test_a_small_album_uses_the_calibrated_threshold(self) -> None:
        assert Linkage.of(CALIBRATION, 100).single == Linkage.of(CALIBRATION, 100).least == 0.515
        # A tenth of a face is similar by chance: 1e-4 of 1,000.
        assert Linkage.of(CALIBRATION, 1000).single == pytest.approx(CALIBRATION.stranger_similarity)

    @given(st.integers(1, 1000), st.integers(1, 1000), st.integers(1, 10**6))
    def test_more_faces_need_less_but_never_below_the_least(self, a: int, b: int, count: int) -> None:
        linkage = Linkage.of(CALIBRATION, count)
        [smaller], [larger] = (
            linkage.thresholds(np.array([n]), np.array([m])).tolist() for n, m in ((a, b), (a + 1, b + 1))
        )
        assert linkage.least - 1e-6 <= larger <= smaller <= linkage.single + 1e-6
