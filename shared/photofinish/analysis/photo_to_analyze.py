"""A decoded photo on its way through the analysis."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.decoded import DecodedPhoto
from photofinish.domain.bib import Bib, TextLine, find_bibs
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.face import DescribedFace


@dataclass(frozen=True, slots=True)
class PhotoToAnalyze:
    """One decoded photo, its album's bib rules, and how long each stage took so far."""

    decoded: DecodedPhoto
    bib_rules: BibRules
    timings_ms: dict[str, float]

    @property
    def image(self) -> NDArray[np.uint8]:
        """(H, W, 3) BGR."""
        return self.decoded.image

    @property
    def pixels(self) -> int:
        return self.image.size // 3

    def bibs(self, lines: Sequence[TextLine], faces: Sequence[DescribedFace]) -> tuple[Bib, ...]:
        info = self.decoded.info
        return find_bibs(lines, faces, width=info.width, height=info.height, rules=self.bib_rules)


@contextmanager
def timed(stage: str, photos: Sequence[PhotoToAnalyze]) -> Iterator[None]:
    """Record how long the block takes, shared equally by the photos."""
    started = time.perf_counter()
    yield
    for photo in photos:
        photo.timings_ms[stage] = (time.perf_counter() - started) * 1000 / len(photos)
