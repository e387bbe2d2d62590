"""Score the candidates of a search, and make a page of the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from photofinish.application.search.cursors import Position, encode_cursor
from photofinish.application.search.evidence import NO_EVIDENCE, Candidates
from photofinish.domain.rank_fusion import reciprocal_ranks
from photofinish.domain.search import Fusion, Part, PhotoFilter, SearchQuery
from photofinish.domain.search_results import FoldedPhoto, ScoredPart, ScoredPhoto, SearchPage
from photofinish.domain.words import text_match
from photofinish_kernels import hybrid_scores


class Scores(NamedTuple):
    """The scores of N photos, each the sum of P parts."""

    photo_ids: list[str]
    weights: dict[Part, float]
    """P, with a sum of 1."""
    values: NDArray[np.float32]
    """(N, P), 0 to 1; each contributes its value times its weight."""
    contributions: NDArray[np.float32]
    totals: NDArray[np.float32]
    """(N,)."""


def score_photos(query: SearchQuery, candidates: Candidates) -> Scores:
    weights = normalised_weights(query)
    ids = sorted(candidates.photos)
    values = np.array([_values(query, tuple(weights), candidates, id_) for id_ in ids], np.float32)
    values = values.reshape(len(ids), len(weights))
    if query.fusion is Fusion.RANKS:
        values = reciprocal_ranks(values)
    totals, contributions = hybrid_scores(values, np.array(list(weights.values()), np.float32))
    return Scores(ids, weights, values, contributions, totals)


def page_of(query: SearchQuery, candidates: Candidates, scores: Scores, previous: Position | None) -> SearchPage:
    """The photos that follow the `previous` page, best first, ties by photo id."""
    ranked = np.argsort(-scores.totals, kind="stable").tolist()  # stable, so that ties stay in the order of their ids
    groups = _groups(candidates, scores, ranked)
    positions = [Position(score, scores.photo_ids[rows[0]]) for score, rows in groups]
    start = 0
    if previous is not None:
        start = next((at for at, position in enumerate(positions) if position.follows(previous)), len(groups))
    end = start + query.limit
    return SearchPage(
        photos=tuple(_scored_photo(query, candidates, scores, rows) for _, rows in groups[start:end]),
        next_cursor=encode_cursor(query, positions[end - 1]) if end < len(groups) else None,
        best_matches=candidates.best_matches,
        numbers=candidates.entrants,
    )


def _groups(candidates: Candidates, scores: Scores, ranked: Sequence[int]) -> list[tuple[float, list[int]]]:
    """Each shown photo's row, followed by those of the photos folded under it, with the highest score of all.

    By falling score, ties by the id of the shown photo.
    """
    row_of = {photo_id: row for row, photo_id in enumerate(scores.photo_ids)}
    burst_of = {photo_id: [row_of[one] for one in burst] for burst in candidates.bursts or () for photo_id in burst}
    groups, seen = [], set[int]()
    for row in ranked:
        if row not in seen:
            rows = burst_of.get(scores.photo_ids[row], [row])
            seen.update(rows)
            groups.append((float(scores.totals[row]), rows))
    return sorted(groups, key=lambda group: (-group[0], scores.photo_ids[group[1][0]]))


def normalised_weights(query: SearchQuery) -> dict[Part, float]:
    """The weights of the query's parts, scaled to a sum of 1."""
    weights = {part: query.weights.of(part) for part in query.parts}
    largest = max(weights.values())  # their sum may be too large for a float, or too small to divide by
    total = math.fsum(weight / largest for weight in weights.values())
    return {part: weight / largest / total for part, weight in weights.items()}


def time_value(taken_at: datetime, window: PhotoFilter) -> float:
    """How near to the middle of the window a photo was taken: 1 there, falling to 0 at both ends."""
    assert window.taken_from is not None
    assert window.taken_until is not None
    half = (window.taken_until - window.taken_from) / 2
    if half == timedelta(0):
        return 1.0
    return 1.0 - min(abs(taken_at - (window.taken_from + half)) / half, 1.0)


def _values(query: SearchQuery, parts: tuple[Part, ...], candidates: Candidates, photo_id: str) -> list[float]:
    """The value of each of the query's parts for one photo."""
    photo = candidates.photos[photo_id]
    evidence = candidates.evidence.get(photo_id, NO_EVIDENCE)
    face = evidence.best_face
    values = {part: evidence.value(part) for part in (Part.FACE, Part.BIB, Part.NAME, Part.WORDS, Part.VISION)} | {
        Part.QUALITY: face.quality if face else photo.sharpness,
    }
    if Part.TEXT in parts:
        values[Part.TEXT] = text_match(query.where.words, photo.searchable_text)
    if Part.TIME in parts and photo.corrected_at is not None:
        values[Part.TIME] = time_value(photo.corrected_at, query.where)
    return [values[part] for part in parts]


def _scored_photo(query: SearchQuery, candidates: Candidates, scores: Scores, rows: Sequence[int]) -> ScoredPhoto:
    """The photo of the first row; the others are folded under it."""
    row = rows[0]
    photo_id = scores.photo_ids[row]
    photo = candidates.photos[photo_id]
    evidence = candidates.evidence.get(photo_id, NO_EVIDENCE)
    parts = zip(scores.weights.items(), scores.values[row], scores.contributions[row], strict=True)
    return ScoredPhoto(
        photo=photo.photo,
        score=float(scores.totals[row]),
        parts=tuple(
            ScoredPart(part=part, value=float(value), weight=weight, contribution=float(contribution))
            for (part, weight), value, contribution in parts
        ),
        face=evidence.face[1] if evidence.face else None,
        bib=evidence.bib[1] if evidence.bib else None,
        name=evidence.name[1] if evidence.name else None,
        words=None if query.about is None else evidence.words[1] if evidence.words else (),
        depiction=evidence.depiction[1] if evidence.depiction else None,
        text=None if query.where.text is None else photo.lines_with(query.where.words),
        taken_at=photo.taken_at,
        corrected_at=photo.corrected_at,
        camera=photo.camera,
        width=photo.width,
        height=photo.height,
        sharpness=photo.sharpness,
        pipeline_version=photo.pipeline_version,
        placeholder=photo.placeholder,
        duration_s=photo.duration_s,
        scene_starts=photo.scene_starts,
        folded=None
        if candidates.bursts is None
        else tuple(_folded_photo(candidates, scores.photo_ids[other]) for other in rows[1:]),
    )


def _folded_photo(candidates: Candidates, photo_id: str) -> FoldedPhoto:
    photo = candidates.photos[photo_id]
    evidence = candidates.evidence.get(photo_id, NO_EVIDENCE)
    return FoldedPhoto(
        photo=photo.photo,
        pipeline_version=photo.pipeline_version,
        placeholder=photo.placeholder,
        width=photo.width,
        height=photo.height,
        face=evidence.face[1] if evidence.face else None,
    )
