"""The rules by which evidence becomes a score."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.application.search.scoring import normalised_weights, time_value
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.search import Part, PhotoFilter, SearchQuery, Weights
from photofinish.domain.search_results import BibEvidence, FaceEvidence, FoundInVideo, ScoredPhoto
from photofinish.errors import InvalidQuery
from photofinish_kernels import hybrid_scores

NOON = datetime(2026, 5, 3, 12)
unit = st.floats(0, 1)
weight = st.one_of(st.just(0.0), st.floats(1e-300, 1e300))


class TestWeights:
    @given(st.tuples(*[weight] * 6), st.booleans(), st.booleans(), st.booleans())
    def test_add_up_to_one_in_the_ratios_of_the_weights(
        self, values: tuple[float, ...], has_bib: bool, has_name: bool, has_text: bool
    ) -> None:
        weights = Weights(**dict(zip(("face", "bib", "name", "text", "time", "quality"), values, strict=True)))
        asked = {Part.BIB: has_bib, Part.NAME: has_name, Part.TEXT: has_text, Part.QUALITY: True}
        scored = {part for part, is_asked in asked.items() if is_asked}
        criteria = {
            "album": "race",
            "bib": "1" if has_bib else None,
            "name": "Ann" if has_name else None,
            "where": PhotoFilter(camera="x", text="finish" if has_text else None),
            "weights": weights,
        }
        if not any(weights.of(part) for part in scored):
            with pytest.raises(InvalidQuery, match="weight above 0"):
                SearchQuery(**criteria)  # type: ignore[arg-type]
            return
        found = normalised_weights(SearchQuery(**criteria))  # type: ignore[arg-type]
        assert set(found) == scored
        assert math.fsum(found.values()) == pytest.approx(1)
        largest = max(found, key=weights.of)
        for part, share in found.items():
            assert share == pytest.approx(found[largest] * (weights.of(part) / weights.of(largest)))

    @given(st.lists(st.tuples(unit, unit, unit), min_size=1, max_size=5), st.integers(0, 2), unit)
    def test_a_score_is_the_weighted_sum_so_it_grows_with_every_part_and_stays_below_1(
        self, values: list[tuple[float, float, float]], part: int, more: float
    ) -> None:
        query = SearchQuery(album="race", bib="1", name="Ann")
        weights = np.array(list(normalised_weights(query).values()), np.float32)
        before = np.array(values, np.float32)
        after = before.copy()
        after[0, part] = max(after[0, part], more)
        [low, high] = (hybrid_scores(rows, weights)[0] for rows in (before, after))
        assert low == pytest.approx((before * weights).sum(axis=1), abs=1e-6)
        assert low[0] <= high[0] <= 1 + 1e-6
        assert (low[1:] == high[1:]).all()


class TestTimeValue:
    window = PhotoFilter(taken_from=NOON, taken_until=NOON + timedelta(minutes=20))

    @pytest.mark.parametrize(("minute", "value"), [(0, 0.0), (5, 0.5), (10, 1.0), (15, 0.5), (20, 0.0)])
    def test_falls_from_the_middle_to_the_ends(self, minute: int, value: float) -> None:
        assert time_value(NOON + timedelta(minutes=minute), self.window) == pytest.approx(value)

    def test_a_moment_is_its_own_middle(self) -> None:
        assert time_value(NOON, PhotoFilter(taken_from=NOON, taken_until=NOON)) == 1.0


class TestInVideo:
    def test_a_hit_tells_its_time_and_scene(self) -> None:
        face = FaceEvidence(
            face_id="f",
            box=Box(0.1, 0.1, 0.2, 0.2, at_s=83.2),
            similarity=0.8,
            is_certain=True,
            shared_neighbours=0.0,
            detection_score=0.9,
            quality=0.7,
        )
        found = replace(IN_VIDEO, face=face)
        assert found.in_video == FoundInVideo(duration_s=120.0, at_s=83.2, scene=1, scene_start_s=79.5)
        assert found.face_box is None, "the picture is of another moment"

    def test_a_number_without_a_face_tells_it_too(self) -> None:
        bib = BibEvidence(
            number="1",
            ocr_score=0.9,
            partial=False,
            box=Box(0.1, 0.5, 0.1, 0.1, at_s=2.0),
            face_id=None,
            face_box=None,
        )
        assert replace(IN_VIDEO, bib=bib).in_video == FoundInVideo(
            duration_s=120.0, at_s=2.0, scene=0, scene_start_s=0.0
        )

    def test_a_video_found_by_its_time_alone_tells_none(self) -> None:
        assert IN_VIDEO.in_video == FoundInVideo(duration_s=120.0, at_s=None, scene=None, scene_start_s=None)

    def test_a_photo_is_in_no_video(self) -> None:
        assert replace(IN_VIDEO, duration_s=None, scene_starts=()).in_video is None


IN_VIDEO = ScoredPhoto(
    photo=PhotoRef(bucket="b", name="race/clip.mp4", generation=1),
    score=0.5,
    parts=(),
    width=1920,
    height=1080,
    sharpness=0.5,
    pipeline_version="1",
    duration_s=120.0,
    scene_starts=(0.0, 79.5),
)
