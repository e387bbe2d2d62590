"""Measures how relevant the answers to searches by words are, by each signal and by their mix, through the API."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from photofinish.errors import RejectedInput
from photofinish_cli import api_client
from photofinish_cli.evaluation.search_measures import ndcg, reciprocal_rank

_NONE = {"words": 0.0, "vision": 0.0, "face": 0.0, "bib": 0.0, "name": 0.0, "quality": 0.0}
SIGNALS: Mapping[str, dict[str, Any]] = {
    "words": {"weights": _NONE | {"words": 1.0}},
    "vision": {"weights": _NONE | {"vision": 1.0}},
    "people": {"weights": _NONE | {"name": 1.0}},
    "mix": {"weights": {"words": 0.5, "vision": 0.35, "face": 0.3, "bib": 0.3, "name": 0.3}},
    "mix, rrf": {"weights": {"words": 0.5, "vision": 0.35, "face": 0.3, "bib": 0.3, "name": 0.3}, "fusion": "rrf"},
}
"""What each is asked for with: one part alone, or all with the weights of a search by words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledQuery:
    """A query, and the photos that are relevant to it."""

    text: str
    relevant: frozenset[str]
    """Names below the album; at least one."""
    group: str = ""
    """Such as its language; measured apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAccuracy:
    """The means over the queries of one group, for one signal."""

    group: str
    """Empty: all queries."""
    signal: str
    queries: int
    ndcg: float
    mrr: float


def read_queries(file: Path) -> list[LabelledQuery]:
    """Read a JSON list of `{"query", "relevant", "group"}`, or a CSV of these columns with `;` between photos.

    Raises:
        RejectedInput: `labels_unreadable`: the file is of another form; the message says where.
    """
    try:
        content = file.read_text(encoding="utf-8-sig")
        if file.suffix.lower() == ".json":
            rows = [(one["query"], one["relevant"], one.get("group", "")) for one in json.loads(content)]
        else:
            read = csv.DictReader(content.splitlines())
            rows = [(one["query"], one["relevant"].split(";"), one.get("group") or "") for one in read]
        found = [
            LabelledQuery(text=text, relevant=frozenset(name.strip() for name in relevant if name.strip()), group=group)
            for text, relevant, group in rows
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(file, f"{type(error).__name__}: {error}") from error
    if not found:
        raise _unreadable(file, "it has no query")
    for number, query in enumerate(found, 1):
        if not query.text.strip() or not query.relevant:
            raise _unreadable(file, f"query {number} has no words, or no relevant photo")
    return found


def measure(
    album: str, queries: Sequence[LabelledQuery], on_progress: Callable[[], None] = lambda: None
) -> list[SearchAccuracy]:
    """Ask the API for each query by each signal; all queries first, then each group.

    Raises what :func:`photofinish_cli.api_client.search` does.
    """
    scores: dict[tuple[str, LabelledQuery], tuple[float, float]] = {}
    for query in queries:
        for signal, criteria in SIGNALS.items():
            ranked = _ranked(album, query.text, criteria)
            scores[signal, query] = ndcg(ranked, query.relevant), reciprocal_rank(ranked, query.relevant)
        on_progress()
    groups = ["", *sorted({query.group for query in queries if query.group})]
    return [_accuracy(group, signal, queries, scores) for group in groups for signal in SIGNALS]


def _accuracy(
    group: str,
    signal: str,
    queries: Sequence[LabelledQuery],
    scores: Mapping[tuple[str, LabelledQuery], tuple[float, float]],
) -> SearchAccuracy:
    found = [scores[signal, query] for query in queries if group in ("", query.group)]
    return SearchAccuracy(
        group=group,
        signal=signal,
        queries=len(found),
        ndcg=fmean(one for one, _ in found),
        mrr=fmean(one for _, one in found),
    )


def _ranked(album: str, text: str, criteria: Mapping[str, Any]) -> list[str]:
    """The names of the photos that the signal found, below the album."""
    answer = api_client.search(album, {"about": text, "limit": 200, **criteria})
    prefix = f"{album}/"
    return [found["photo"]["name"].removeprefix(prefix) for found in answer["photos"] if found["score"] > 0]


def _unreadable(file: Path, why: str) -> RejectedInput:
    return RejectedInput(
        "labels_unreadable",
        f"{file} is not read as queries ({why}): write a CSV with the columns query, relevant (names of photos below "
        "the album, with ; between them) and group, or a JSON list of objects with these fields.",
    )
