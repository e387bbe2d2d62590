"""Figures with 95 % intervals by the bootstrap (Efron 1979, percentile method), over whole photos or whole people.

Errors come in clusters: two bibs in one dark photo, all pairs of one person with a cap. So the resampled unit is what
could have been photographed again (a photo, a person), never single bibs or pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 1000
SEED = 20120903
_PERCENTILES = (2.5, 97.5)
_UNITS_PER_BLOCK = 4_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; all None where nothing was there to measure it on."""

    value: float | None
    low: float | None
    high: float | None
    of: int
    """How many things the figure is a share of (bibs, reads, pairs, faces)."""


def resamples(units: int, *, count: int = RESAMPLES, seed: int = SEED) -> Iterator[NDArray[np.int64]]:
    """Blocks of (B, units): how often each unit was drawn in each of `count` draws of `units` with replacement."""
    random = np.random.default_rng(seed)
    block = max(1, min(count, _UNITS_PER_BLOCK // max(1, units)))
    for start in range(0, count, block):
        rows = min(block, count - start)
        yield random.multinomial(units, np.full(units, 1 / units), size=rows) if units else np.zeros((rows, 0), int)


def ratio(parts: ArrayLike, wholes: ArrayLike, *, of: int | None = None, seed: int = SEED) -> Estimate:
    """Σ parts / Σ wholes with its interval; (N,) each, of N photos or people, resampled together.

    `of` is the whole that the estimate names, where it is not Σ wholes.
    """
    numerators, denominators = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    whole = denominators.sum()
    count = round(float(whole)) if of is None else of
    if whole == 0:
        return Estimate(None, None, None, count)
    drawn = [(block @ numerators, block @ denominators) for block in resamples(len(numerators), seed=seed)]
    tops, bottoms = (np.concatenate(column) for column in zip(*drawn, strict=True))
    values = tops[bottoms > 0] / bottoms[bottoms > 0]
    return _estimate(float(numerators.sum() / whole), values, count)


def statistics(
    measure: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    units: int,
    *,
    of: tuple[int, ...],
    seed: int = SEED,
    advance: Callable[[], None] = lambda: None,
) -> list[Estimate]:
    """Estimates of several figures that are no ratios of sums.

    `measure` takes (units,) weights (how often each unit counts) and gives (K,) figures, NaN where one cannot be
    measured; draws that give NaN are left out. `of` has a number per figure; `advance` is called after each draw.
    """
    whole = measure(np.ones(units))
    rows = []
    for block in resamples(units, seed=seed):
        for weights in block:
            rows.append(measure(weights.astype(np.float64)))
            advance()
    drawn = np.array(rows)
    return [
        Estimate(None, None, None, count) if np.isnan(value) else _estimate(float(value), values, count)
        for value, values, count in zip(whole, drawn.T, of, strict=True)
    ]


def _estimate(value: float, drawn: NDArray[np.float64], of: int) -> Estimate:
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return Estimate(value, None, None, of)
    low, high = np.percentile(drawn, _PERCENTILES)
    return Estimate(value, float(low), float(high), of)
