"""Cosines and the protocol's Similarity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.analysis.models.catalogue import model_for
from photofinish.domain.matching import Calibration
from photofinish_functions.rekognition.similarity import ANCHOR, SimilarityScale


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    low = draw(st.floats(0.1, 0.8))
    return Calibration(
        min_similarity=low,
        stranger_similarity=draw(st.floats(low, 0.95)),
        slope=draw(st.floats(2, 60)),
        offset=draw(st.floats(-30, 5)),
        selfie_min_quality=0.2,
    )


@given(calibrations(), st.floats(-1, 1), st.floats(-1, 1))
def test_similarity_grows_with_the_cosine_and_stays_in_its_range(
    calibration: Calibration, one: float, other: float
) -> None:
    scale = SimilarityScale(calibration)
    low, high = (scale.similarity(cosine) for cosine in sorted((one, other)))
    assert 0 <= low <= high <= 100


@given(calibrations(), st.floats(0.01, 99.9))
def test_a_threshold_is_the_cosine_of_that_similarity(calibration: Calibration, similarity: float) -> None:
    scale = SimilarityScale(calibration)
    cosine = scale.cosine(similarity)
    assert -1 <= cosine <= 1 + 1e-9
    if cosine > -1:
        assert scale.similarity(cosine) == pytest.approx(similarity, abs=1e-6)


@given(calibrations())
def test_the_ends_of_the_scale(calibration: Calibration) -> None:
    scale = SimilarityScale(calibration)
    assert scale.similarity(1.0) == 100
    assert scale.similarity(1.0000001) == 100
    assert scale.cosine(0) == -1
    assert scale.cosine(100) == 1


@given(calibrations())
def test_80_is_the_false_accept_rate_of_one_in_a_thousand(calibration: Calibration) -> None:
    scale = SimilarityScale(calibration)
    assert scale.cosine(ANCHOR) == pytest.approx(calibration.min_similarity, abs=1e-9)
    assert scale.similarity(calibration.min_similarity) == pytest.approx(ANCHOR, abs=1e-9)


def test_a_flat_curve_is_refused() -> None:
    with pytest.raises(ValueError, match="too flat"):
        SimilarityScale(
            Calibration(min_similarity=0.5, stranger_similarity=0.6, slope=0.1, offset=0, selfie_min_quality=0.2)
        )


def test_the_catalogues_model_spreads_over_the_scale() -> None:
    calibration = model_for("face_embedding").calibration
    assert calibration is not None
    scale = SimilarityScale(calibration)
    assert scale.similarity(calibration.min_similarity) == pytest.approx(80)
    assert 85 < scale.similarity(calibration.stranger_similarity) < 99
    assert scale.similarity(0.0) < 5
