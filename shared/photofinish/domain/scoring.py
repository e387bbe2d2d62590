"""How the evidence for a photo becomes its score, and where a page of scored photos ends."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.photo import PhotoRef
from photofinish.domain.search import Part, PhotoFilter, SearchQuery, words

# Similarity alone misses small and blurred faces. One whose nearest faces in the album are also the nearest of what was
# asked for (k-reciprocal neighbours) counts as more similar than it is. Chosen on selfies of 10 people, 90 worse
# pictures of them and the faces of 667 runners: of portraits shrunk to 45 % of their size 98 % are found instead of
# 88 %, at 30 % of it 56 % instead of 32 %, and one false face is; of 44 searches for runners, who are there once or
# twice, 14 instead of 11 faces are false (docs/benchmarks/search.md).
SUPPORT_FROM = 0.6
SUPPORT_LIFT = 0.3
# A number that is only offered for a face counts less than any that was read well on the photo itself: what is read
# with a score below 0.5 is no text at all.
OFFERED_SHARE = 0.5
INSIDE_A_WORD = 0.5
"""What a word counts that was read only as a part of a longer one."""
_CURSOR_VERSION = 1


def similarities_in_context(similarities: NDArray[np.floating], supports: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) similarities of faces, each lifted by up to `SUPPORT_LIFT` where its neighbours are those of the query."""
    supported = np.clip((np.asarray(supports, np.float64) - SUPPORT_FROM) / (1 - SUPPORT_FROM), 0.0, 1.0)
    lifted: NDArray[np.float64] = np.asarray(similarities, np.float64) + SUPPORT_LIFT * supported
    return lifted


def offered_value(score: float) -> float:
    """What a number counts, 0 to 1, that is not read on a photo but worn with probability `score` by a face there."""
    return OFFERED_SHARE * score


def text_value(wanted: Sequence[str], lines: Sequence[str]) -> float:
    """How well the words `wanted` are there in `lines`, 0 to 1: the mean of their worths."""
    read = [words(line) for line in lines]

    def worth(word: str) -> float:
        if any(word in line for line in read):
            return 1.0
        return INSIDE_A_WORD if any(word in other for line in read for other in line) else 0.0

    return sum(map(worth, wanted)) / len(wanted)


def lines_with(wanted: Sequence[str], lines: Sequence[str]) -> tuple[str, ...]:
    """Those of `lines` that have any of the words."""
    return tuple(line for line in lines if any(word in other for other in words(line) for word in wanted))


def time_value(taken_at: datetime, window: PhotoFilter) -> float:
    """How near to the middle of the window a photo was taken: 1 there, falling to 0 at both ends."""
    assert window.taken_from is not None
    assert window.taken_until is not None
    half = (window.taken_until - window.taken_from) / 2
    if half == timedelta(0):
        return 1.0
    return 1.0 - min(abs(taken_at - (window.taken_from + half)) / half, 1.0)


def shares(query: SearchQuery) -> dict[Part, float]:
    """The weights of the parts that a query asks for, brought to a sum of 1."""
    weights = {part: query.weights.of(part) for part in query.parts}
    largest = max(weights.values())  # their sum may be too large for a float, or too small to divide by
    total = math.fsum(weight / largest for weight in weights.values())
    return {part: weight / largest / total for part, weight in weights.items()}


def cursor_after(query: SearchQuery, score: float, photo: PhotoRef) -> str:
    """Where the page that ends with this photo ends; printable, without anything of what was searched for."""
    content = [_CURSOR_VERSION, _fingerprint(query), score, photo.photo_id]
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def position(query: SearchQuery) -> tuple[float, str] | None:
    """Score and photo id of the last photo of the page before; None on the first page.

    Raises:
        ValueError: the query's cursor is none, or belongs to another query.
    """
    if query.cursor is None:
        return None
    try:
        padded = query.cursor + "=" * (-len(query.cursor) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        version, fingerprint, score, photo_id = content
        if not (isinstance(score, float | int) and math.isfinite(score) and isinstance(photo_id, str)):
            raise ValueError
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise ValueError("the cursor cannot be read: give `next_cursor` of the page before as it is") from None
    if version != _CURSOR_VERSION or fingerprint != _fingerprint(query):
        raise ValueError("the cursor belongs to another query: ask for everything else as on the page before")
    return float(score), photo_id


def follows(score: float, photo: PhotoRef, last: tuple[float, str] | None) -> bool:
    """Whether a photo comes after `last` in falling score, equal ones by photo id."""
    return last is None or (-score, photo.photo_id) > (-last[0], last[1])


def _fingerprint(query: SearchQuery) -> str:
    """Tells queries apart without anything of what people look like: the same selfie may embed a little differently."""
    criteria = (
        query.album,
        len(query.embeddings),
        query.bib,
        query.name,
        query.where,
        query.min_similarity,
        query.weights,
    )
    return hashlib.sha256(repr(criteria).encode("utf-8", "surrogatepass")).hexdigest()[:16]
