"""Measuring searches by words: the measures, the file of queries, and what is asked."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.errors import RejectedInput
from photofinish_cli import api_client
from photofinish_cli.evaluation.evaluating_search import SIGNALS, LabelledQuery, measure, read_queries
from photofinish_cli.evaluation.search_measures import ndcg, reciprocal_rank

PHOTOS = [f"{number}.jpg" for number in range(12)]
CSV = "query,relevant,group\na dog,a/1.jpg;a/2.jpg,en\nein Hund, a/1.jpg ,de\n"
READ = [
    LabelledQuery(text="a dog", relevant=frozenset({"a/1.jpg", "a/2.jpg"}), group="en"),
    LabelledQuery(text="ein Hund", relevant=frozenset({"a/1.jpg"}), group="de"),
]


def test_known_values() -> None:
    assert ndcg(["a", "x", "b"], {"a", "b"}) == pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3)))
    assert reciprocal_rank(["x", "y", "a"], {"a", "b"}) == pytest.approx(1 / 3)
    assert (ndcg([], {"a"}), reciprocal_rank([], {"a"})) == (0, 0)
    assert ndcg([*("x" * 10), "a"], {"a"}) == 0, "what comes after the tenth place does not count"


@given(st.permutations(PHOTOS), st.sets(st.sampled_from(PHOTOS), min_size=1))
def test_measures_are_shares_and_relevant_photos_first_is_best(ranked: list[str], relevant: set[str]) -> None:
    assert 0 <= ndcg(ranked, relevant) <= 1 + 1e-9
    best = sorted(ranked, key=lambda photo: photo not in relevant)
    assert ndcg(best, relevant) == pytest.approx(1)
    assert reciprocal_rank(best, relevant) == 1


def test_queries_are_read_from_csv_and_json(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(CSV, encoding="utf-8-sig")
    rows = [{"query": one.text, "relevant": sorted(one.relevant), "group": one.group} for one in READ]
    (tmp_path / "q.json").write_text(json.dumps(rows))
    assert read_queries(tmp_path / "q.csv") == read_queries(tmp_path / "q.json") == READ


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("q.csv", ""), ("q.csv", "a,b\n1,2\n"), ("q.csv", "query,relevant\ndog,\n")),
        *(("q.csv", "query,relevant\ndog\n"), ("q.json", "{"), ("q.json", "[]"), ("q.json", "[1]")),
        *(("q.json", '[{"query": "dog"}]'), ("q.json", '{"a": 1}')),
    ],
)
def test_another_form_is_refused_with_a_sentence(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(RejectedInput, match="query, relevant"):
        read_queries(tmp_path / name)


def test_each_signal_is_measured_alone_and_by_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def search(album: str, criteria: dict[str, Any]) -> dict[str, Any]:
        seen = "a/1.jpg" if criteria["weights"]["vision"] else "x.jpg"
        photos = [(seen, 0.5), ("a/2.jpg", 0.0)]
        return {"photos": [{"photo": {"name": f"{album}/{name}"}, "score": score} for name, score in photos]}

    monkeypatch.setattr(api_client, "search", search)
    found = {(one.group, one.signal): one for one in measure("race", READ)}
    assert {signal for _, signal in found} == set(SIGNALS)
    assert {group for group, _ in found} == {"", "en", "de"}
    assert (found["", "words"].ndcg, found["", "words"].mrr, found["", "words"].queries) == (0, 0, 2)
    assert (found["de", "vision"].ndcg, found["", "vision"].mrr) == (1, 1)
    assert found["en", "vision"].ndcg < 1, "a photo without a score is not found"
