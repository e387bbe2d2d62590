"""A calibration out of similarities whose truth is known."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photofinish.analysis.models.calibration_file import CalibrationOrigin, MeasuredCalibration, read_calibration
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.matching import Calibration, match_probability
from photofinish.errors import RejectedInput
from photofinish_cli.evaluation.calibrating import (
    POOR_COPIES,
    Probes,
    calibrated,
    fitted_curve,
    poor_selfies,
    reliable_quality,
)
from photofinish_cli.evaluation.evaluating_faces import Portrait, evaluate_people
from photofinish_cli.evaluation.findings import Findings, FoundFace
from photofinish_cli.evaluation.labels import LabelledFace
from photofinish_cli.evaluation.results import Crop, FaceEvaluation
from support.examples import examples
from support.pictures import astronaut, encode, group


def compared(people: int, photos: int, noise: float, seed: int = 0) -> FaceEvaluation:
    """A folder of people whose embeddings scatter by `noise` around their own direction."""
    random = np.random.default_rng(seed)
    labels, found = [], {}
    for person in range(people):
        middle = random.normal(size=16)
        for photo in range(photos):
            vector = middle / np.linalg.norm(middle) + noise * random.normal(size=16) / 4
            path = Path(f"{person}/{photo}.jpg")
            face = FoundFace(
                box=(10, 10, 80, 80),
                sharpness=0.5,
                turned_deg=0,
                vector=(vector / np.linalg.norm(vector)).astype(np.float32),
            )
            found[path] = Findings(width=100, height=100, faces=(face,), bibs=(), bibs_of_any_number=())
            labels.append(LabelledFace(path=path, name=str(path), person=str(person)))
    return evaluate_people(labels, found, lambda: None)


def probes(floor: float, similarity: float = 0.9, pairs: int = 2000) -> Probes:
    """Selfies that find their person from a quality of `floor` on."""
    quality = np.random.default_rng(0).uniform(0, 1, pairs)
    return Probes(quality, np.where(quality >= floor, similarity, 0.0))


def test_thresholds_accept_as_few_strangers_as_they_say() -> None:
    easy, hard = compared(25, 4, 0.3), compared(25, 4, 0.9, seed=1)
    found = calibrated([easy, hard], probes(0.4))
    for one in (easy, hard):
        assert (one.stranger_similarities > found.min_similarity + 5e-4).mean() <= 1e-3
        assert (one.stranger_similarities > found.stranger_similarity + 5e-4).mean() <= 1e-4
    assert found.min_similarity <= found.stranger_similarity
    assert calibrated([hard, easy], probes(0.4)) == found, "the order of the folders is of no matter"


@settings(max_examples=examples(20))
@given(slope=st.floats(4, 25), even_at=st.floats(0.2, 0.6), seed=st.integers(0, 9))
def test_a_curve_is_found_again(slope: float, even_at: float, seed: int) -> None:
    """Pairs drawn so that the log odds are a line in the similarity."""
    random = np.random.default_rng(seed)
    similarity = random.uniform(even_at - 0.5, even_at + 0.5, 60_000)
    same = random.random(60_000) < 1 / (1 + np.exp(-slope * (similarity - even_at)))
    found_slope, offset = fitted_curve([(similarity[same], similarity[~same])])
    assert found_slope == pytest.approx(slope, rel=0.1)
    assert -offset / found_slope == pytest.approx(even_at, abs=0.02)


@given(gap=st.floats(0.01, 1.5))
def test_people_who_never_overlap_still_have_a_curve(gap: float) -> None:
    slope, offset = fitted_curve([(np.full(40, gap / 2), np.full(4000, -gap / 2))])
    space = Calibration(min_similarity=0, stranger_similarity=0.5, slope=slope, offset=offset, selfie_min_quality=0)
    assert match_probability(gap / 2, space) > 0.9
    assert match_probability(-gap / 2, space) < 0.1


def test_each_folder_counts_the_same() -> None:
    """A folder with a thousand times the pairs does not drown the other."""
    one = (np.array([0.6, 0.5]), np.array([0.3, 0.2]))
    other = (np.full(2000, 0.9), np.full(2000, 0.7))
    slope, offset = fitted_curve([one, other])
    swapped = fitted_curve([other, one])
    assert swapped == pytest.approx((slope, offset), rel=1e-3)
    assert 0.3 < -offset / slope < 0.7


@pytest.mark.parametrize("floor", [0.2, 0.4, 0.6])
def test_the_quality_floor_is_where_selfies_begin_to_find(floor: float) -> None:
    # A window of 0.1 that begins 0.05 below the floor still finds half.
    assert floor - 0.06 <= reliable_quality(probes(floor), 0.5) <= floor + 0.01


def test_selfies_that_find_nothing_are_all_refused() -> None:
    assert reliable_quality(probes(0.2, similarity=0.4), 0.5) == 1
    assert reliable_quality(probes(0.0), 0.5) == 0


def test_too_few_faces_are_told() -> None:
    with pytest.raises(RejectedInput, match="1000 pairs of strangers and 20 pairs"):
        calibrated([compared(4, 3, 0.5)], probes(0.4))
    with pytest.raises(RejectedInput, match="takes"):
        calibrated([], probes(0.4))


@pytest.mark.parametrize("folder", ["bibs", 'Mädchen "10k" \\ 2026'])
def test_the_lines_are_what_packs_and_the_catalogue_read(folder: str, tmp_path: Path) -> None:
    origin = CalibrationOrigin(
        embedding_space="a-1",
        model_sha256="0" * 64,
        folders=(folder, "faces"),
        same_pairs=150,
        stranger_pairs=4800,
        date=date(2026, 11, 21),
    )
    measured = MeasuredCalibration(calibration=calibrated([compared(25, 4, 0.5)], probes(0.4)), origin=origin)
    (tmp_path / "calibration.toml").write_text(measured.as_toml(), encoding="utf-8")
    assert read_calibration(tmp_path / "calibration.toml") == measured
    (model,) = tomllib.loads(f'[[model]]\nname = "a"\n{measured.as_toml()}')["model"]
    assert Calibration(**model["calibration"]) == measured.calibration
    assert CalibrationOrigin.of_table(model["calibrated_on"]) == origin


def test_poor_selfies_are_compared_with_the_other_photos_of_their_person(
    model_settings: ModelSettings, tmp_path: Path
) -> None:
    encoder = FaceEncoder.load(model_settings)
    portraits = []
    brighter: NDArray[np.uint8] = cv2.convertScaleAbs(astronaut(), alpha=1.1, beta=10).astype(np.uint8)
    for name, person, image in (("1", "ann", astronaut()), ("2", "ann", brighter), ("3", "ben", group())):
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(encode(image))
        ((face, *_),) = encoder.encode([image])
        box = face.box.to_pixels(image.shape[1], image.shape[0])
        found = FoundFace(box=box, sharpness=0.5, turned_deg=0, vector=face.embedding.vector)
        portraits.append(Portrait(Crop(path=path, name=name, box=box), person, "", found))
    seen = []
    result = poor_selfies(encoder, portraits, lambda: seen.append(1))
    assert len(seen) == 3
    assert 6 <= len(result.quality) == len(result.similarity) <= 2 * POOR_COPIES, "ben has no other photo"
    assert result.quality.min() < 0.5 < result.quality.max()
    good = result.quality > 0.7
    assert result.similarity[good].mean() > result.similarity[~good].mean()
