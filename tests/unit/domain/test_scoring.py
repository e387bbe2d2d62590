"""The rules by which evidence becomes a score, and the cursor between pages."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.scoring import (
    SUPPORT_FROM,
    SUPPORT_LIFT,
    cursor_after,
    follows,
    lines_with,
    position,
    shares,
    similarities_in_context,
    text_value,
    time_value,
)
from photofinish.domain.search import Part, PhotoFilter, SearchQuery, Weights
from photofinish_kernels import hybrid_scores
from support.faces import embedding, photo

NOON = datetime(2026, 5, 3, 12)
BY_BIB = SearchQuery(album="race", bib="42")
unit = st.floats(0, 1)
weight = st.one_of(st.just(0.0), st.floats(1e-300, 1e300))


class TestSimilarityInContext:
    @given(st.floats(-1, 1), unit, st.floats(-1, 1), unit)
    def test_grows_with_both(self, similarity: float, support: float, other: float, more: float) -> None:
        similarities, supports = np.sort([similarity, other]), np.sort([support, more])
        low, high = similarities_in_context(similarities, supports)
        assert low <= high

    @given(st.floats(-1, 1), unit)
    def test_lifts_by_no_more_than_it_may(self, similarity: float, support: float) -> None:
        [lifted] = similarities_in_context(np.array([similarity]), np.array([support]))
        assert similarity <= lifted <= similarity + SUPPORT_LIFT
        if support <= SUPPORT_FROM:
            assert lifted == similarity


class TestShares:
    @given(st.tuples(*[weight] * 6), st.booleans(), st.booleans(), st.booleans())
    def test_add_up_to_one_in_the_ratios_of_the_weights(
        self, values: tuple[float, ...], has_bib: bool, has_name: bool, has_text: bool
    ) -> None:
        weights = Weights(**dict(zip(("face", "bib", "name", "text", "time", "quality"), values, strict=True)))
        try:
            query = SearchQuery(
                album="race",
                bib="1" if has_bib else None,
                name="Ann" if has_name else None,
                where=PhotoFilter(camera="x", text="finish" if has_text else None),
                weights=weights,
            )
        except ValueError as error:
            assert "weights of everything" in str(error)  # noqa: PT017  (only then)
            return
        found = shares(query)
        assert set(found) == {
            part
            for part, asked in ((Part.BIB, has_bib), (Part.NAME, has_name), (Part.TEXT, has_text), (Part.QUALITY, True))
            if asked
        }
        assert math.fsum(found.values()) == pytest.approx(1)
        largest = max(found, key=weights.of)
        for part, share in found.items():
            assert share == pytest.approx(found[largest] * (weights.of(part) / weights.of(largest)))

    @given(st.lists(st.tuples(unit, unit, unit), min_size=1, max_size=5), st.integers(0, 2), unit)
    def test_a_score_grows_with_every_part_and_stays_below_1(
        self, values: list[tuple[float, float, float]], part: int, more: float
    ) -> None:
        query = SearchQuery(album="race", bib="1", name="Ann")
        weights = np.array(list(shares(query).values()), np.float32)
        before = np.array(values, np.float32)
        after = before.copy()
        after[0, part] = max(after[0, part], more)
        [low, high] = (hybrid_scores(rows, weights)[0] for rows in (before, after))
        assert low[0] <= high[0] <= 1 + 1e-6
        assert (low[1:] == high[1:]).all()


class TestTextValue:
    @pytest.mark.parametrize(
        ("wanted", "lines", "value"),
        [
            (["finish"], ["FINISH!"], 1.0),
            (["finish"], ["finishline"], 0.5),
            (["finish"], ["finishline", "the finish"], 1.0),
            (["finish", "2906"], ["2906", "finishers"], 0.75),
            (["muller"], ["Müller"], 1.0),
            (["finish"], [], 0.0),
        ],
    )
    def test_whole_words_count_more(self, wanted: list[str], lines: list[str], value: float) -> None:
        assert text_value(wanted, lines) == value

    @given(
        st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=3),
        st.lists(st.text("abc ", max_size=6), max_size=4),
        st.text("abc ", max_size=6),
    )
    def test_more_text_never_counts_less(self, wanted: list[str], lines: list[str], line: str) -> None:
        assert 0 <= text_value(wanted, lines) <= text_value(wanted, [*lines, line]) <= 1

    def test_shows_the_lines_that_count(self) -> None:
        assert lines_with(["finish", "29"], ["FINISHLINE", "no", "2906", ""]) == ("FINISHLINE", "2906")


class TestTimeValue:
    window = PhotoFilter(taken_from=NOON, taken_until=NOON + timedelta(minutes=20))

    @pytest.mark.parametrize(("minute", "value"), [(0, 0.0), (5, 0.5), (10, 1.0), (15, 0.5), (20, 0.0)])
    def test_falls_from_the_middle_to_the_ends(self, minute: int, value: float) -> None:
        assert time_value(NOON + timedelta(minutes=minute), self.window) == pytest.approx(value)

    def test_a_moment_is_its_own_middle(self) -> None:
        assert time_value(NOON, PhotoFilter(taken_from=NOON, taken_until=NOON)) == 1.0


class TestCursor:
    @given(st.floats(0, 1), st.text(max_size=20))
    def test_leads_back_to_where_the_page_ended(self, score: float, name: str) -> None:
        last = photo(f"race/{name}")
        query = replace(BY_BIB, cursor=cursor_after(BY_BIB, score, last))
        assert position(query) == (score, last.photo_id)
        assert query.cursor is not None
        assert query.cursor.isascii()
        assert query.cursor.isprintable()

    def test_the_first_page_has_none(self) -> None:
        assert position(BY_BIB) is None

    @pytest.mark.parametrize(
        "other",
        [
            SearchQuery(album="other", bib="42"),
            SearchQuery(album="race", bib="43"),
            SearchQuery(album="race", name="42"),
            SearchQuery(album="race", bib="42", embeddings=(embedding([1, 0]),)),
            SearchQuery(album="race", bib="42", where=PhotoFilter(camera="x")),
            SearchQuery(album="race", bib="42", min_similarity=0.5),
            SearchQuery(album="race", bib="42", weights=Weights(bib=2)),
        ],
    )
    def test_of_another_query_is_refused(self, other: SearchQuery) -> None:
        cursor = cursor_after(BY_BIB, 0.5, photo("race/1.jpg"))
        with pytest.raises(ValueError, match="another query"):
            position(replace(other, cursor=cursor))
        assert position(replace(BY_BIB, limit=7, cursor=cursor)) is not None

    @given(st.one_of(st.text(), st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode())))
    def test_anything_else_is_refused_in_words(self, cursor: str) -> None:
        with pytest.raises(ValueError, match="the cursor"):
            position(replace(BY_BIB, cursor=cursor))

    @pytest.mark.parametrize("place", range(4))
    @pytest.mark.parametrize("wrong", [None, [], "x", float("nan"), {"a": 1}, 99])
    def test_a_changed_one_is_refused(self, place: int, wrong: object) -> None:
        cursor = cursor_after(BY_BIB, 0.5, photo("race/1.jpg"))
        content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if (place, wrong) in ((2, 99), (3, "x")):
            return  # another place in the order, which is the reader's own business
        content[place] = wrong
        changed = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
        with pytest.raises(ValueError, match="the cursor"):
            position(replace(BY_BIB, cursor=changed))

    @given(st.lists(st.tuples(st.sampled_from([0.25, 0.5]), st.integers(0, 9)), unique=True, max_size=12))
    def test_what_follows_is_what_is_left_in_order(self, scored: list[tuple[float, int]]) -> None:
        photos = [(score, photo(f"race/{number}.jpg")) for score, number in scored]
        order = sorted(photos, key=lambda item: (-item[0], item[1].photo_id))
        for count, (score, ref) in enumerate(order, 1):
            last = (score, ref.photo_id)
            assert [item for item in order if follows(*item, last)] == order[count:]
        assert all(follows(*item, None) for item in order)
