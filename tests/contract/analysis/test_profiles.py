"""What a task without GPU finds, compared with the models that a GPU runs.

docs/bibs.md states how far the two may differ; tests/bench/accuracy/profiles.py checks it on all labelled photos.
"""

from __future__ import annotations

import json

import pytest

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.models.cpu_features import multiplies_int8_exactly
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.face import face_id
from photofinish.domain.photo import PhotoRef
from support.gpu_models import models_of_a_gpu
from support.pictures import shared_data
from support.profile_comparison import MIN_COSINE, Labelled, compare, numbers_in

# Two photos that both read alike, and two whose numbers differ: float models take four times longer, so not more.
PHOTOS = ("set1_04", "set1_22", "set3_02", "set3_11")
DIFFERENT = {"set1_22.jpg", "set3_11.jpg"}


@pytest.fixture(scope="module")
def gpu_analyzer(model_settings: ModelSettings) -> Analyzer:
    with models_of_a_gpu():
        return Analyzer.load(model_settings)


def test_the_processor_is_a_part_of_the_version_where_results_may_differ(
    analyzer: Analyzer, gpu_analyzer: Analyzer
) -> None:
    assert (analyzer.pipeline_version != gpu_analyzer.pipeline_version) == multiplies_int8_exactly()
    assert analyzer.embedding_space == gpu_analyzer.embedding_space, "faces of both are searched together"


def test_a_photo_analysed_by_both_has_sidecars_and_face_ids_of_both(analyzer: Analyzer, gpu_analyzer: Analyzer) -> None:
    photo = PhotoRef(bucket="photos", name="race/1.jpg", generation=1)
    ids = {face_id(photo, one.pipeline_version, 0) for one in (analyzer, gpu_analyzer)}
    assert len(ids) == len({analyzer.pipeline_version, gpu_analyzer.pipeline_version})


@pytest.mark.shared_data
def test_results_differ_within_the_tolerance(analyzer: Analyzer, gpu_analyzer: Analyzer) -> None:
    folder = shared_data("bibs")
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    photos = [Labelled(f"{name}.jpg", frozenset(labels[f"{name}.jpg"]["numbers"])) for name in PHOTOS]
    contents = [(folder / photo.name).read_bytes() for photo in photos]
    found = []
    for one in (analyzer, gpu_analyzer):
        results = one.analyze(contents)
        assert all(isinstance(result, AnalyzedPhoto) for result in results)
        found.append([result.analysis for result in results if isinstance(result, AnalyzedPhoto)])
    difference = compare(photos, *found)
    assert (difference.face_counts_differ, difference.max_box_shift) == (0, 0.0)
    assert difference.min_cosine >= MIN_COSINE
    assert difference.faces > 0
    assert set(difference.numbers_differ) <= DIFFERENT, difference.numbers_differ
    assert sum(bool(numbers_in(one)) for one in found[0]) >= 2, "numbers were compared"
