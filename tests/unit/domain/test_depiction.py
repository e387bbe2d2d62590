"""What pictures show: kept in sidecars as the index has it, and what cosines mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.analysis.models.label_space import depicted
from photofinish.domain.depiction import Depiction, Label, SimilarityScale, depiction_of, stored_depiction
from photofinish.domain.face import Embedding
from support.faces import embedding, random_embeddings

SCALE = SimilarityScale(unrelated=0.2, related=0.6)


@given(st.integers(0, 1000), st.integers(1, 600))
def test_a_sidecar_keeps_a_depiction_in_half_precision(seed: int, dimension: int) -> None:
    [place] = random_embeddings(1, dimension, seed, space="labels")
    kept = depiction_of(stored_depiction(Depiction(embedding=place, labels=(Label(name="dog", score=0.25),))))
    assert (kept.embedding.space, kept.labels) == ("labels", (Label(name="dog", score=0.25),))
    assert float(kept.embedding.vector @ place.vector) > 0.9999
    again = depiction_of(stored_depiction(kept))
    assert float(again.embedding.vector @ kept.embedding.vector) > 0.999999, "what is kept stays as it is"


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_more_similar_picture_never_counts_less(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= SCALE.value(low) <= SCALE.value(high) <= 1


def test_the_ends_of_a_scale_count_nothing_and_all() -> None:
    assert [SCALE.value(cosine) for cosine in (0.1, 0.2, 0.4, 0.6, 0.9)] == pytest.approx([0, 0, 0.5, 1, 1])


@pytest.mark.parametrize(("unrelated", "related"), [(0.5, 0.5), (0.6, 0.5), (-2.0, 0.5), (0.0, 2.0)])
def test_a_scale_rises(unrelated: float, related: float) -> None:
    with pytest.raises(ValueError, match="a scale rises"):
        SimilarityScale(unrelated=unrelated, related=related)


def test_a_picture_lies_between_the_names_of_its_classes() -> None:
    names = np.eye(12, 4, dtype=np.float32)
    names[4:, 3] = 1
    probabilities = np.array([0.6, 0.3, *[0.01] * 10], np.float32)
    shown = depicted(probabilities, names, [f"thing {number}" for number in range(12)], "labels")
    dog, cat = embedding([1, 0, 0, 0]), embedding([0, 1, 0, 0])

    def similarity(of: Embedding) -> float:
        return float(of.vector @ shown.embedding.vector)

    assert similarity(dog) == pytest.approx(2 * similarity(cat))
    assert [label.name for label in shown.labels] == ["thing 0", "thing 1"], "only likely classes are told"
