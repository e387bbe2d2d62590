"""How good the order of a search's answer is, by which photos are relevant to the query."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

CUTOFF = 10


def ndcg(ranked: Sequence[str], relevant: Collection[str], *, cutoff: int = CUTOFF) -> float:
    """Normalised discounted cumulative gain: 1 if the first places are all relevant, less the later they are.

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002; a photo is relevant or not.
    """
    gains = [1 / math.log2(place + 2) for place, photo in enumerate(ranked[:cutoff]) if photo in relevant]
    best = [1 / math.log2(place + 2) for place in range(min(cutoff, len(relevant)))]
    return math.fsum(gains) / math.fsum(best)


def reciprocal_rank(ranked: Sequence[str], relevant: Collection[str]) -> float:
    """1 over the place of the first relevant photo; 0 if none is there. The mean over queries is the MRR."""
    return next((1 / place for place, photo in enumerate(ranked, 1) if photo in relevant), 0.0)
