"""The rules by which evidence becomes a score."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.application.search.scoring import normalised_weights, time_value
from photofinish.domain.search import Part, PhotoFilter, SearchQuery, Weights
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
