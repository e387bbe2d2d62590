"""Embedding spaces that pictures and texts share, so that pictures are found by words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.depiction import Depiction, SimilarityScale
from photofinish.domain.face import Embedding


class TextSpace(Protocol):
    """The side of texts. Threads may share it."""

    @property
    def space(self) -> str:
        """Name of the embedding space."""
        ...

    @property
    def scale(self) -> SimilarityScale:
        """What cosines mean in it."""
        ...

    def of_text(self, text: str) -> Embedding:
        """Return the place of a text; it is not empty."""
        ...


class PictureSpace(Protocol):
    """The side of pictures. Threads may share it."""

    def depict(self, images: Sequence[NDArray[np.uint8]]) -> list[Depiction]:
        """Say what each of these (H, W, 3) BGR pictures of any size shows, in order."""
        ...
