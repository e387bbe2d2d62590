"""Embedding spaces that pictures and texts share, so that pictures are found by words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.label_space import LabelSpace, LabelTexts
from photofinish.analysis.models.pair_space import PairPictures, PairTexts
from photofinish.analysis.models.picture_pair import PicturePair
from photofinish.analysis.models.settings import ModelSettings
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


def load_pictures(settings: ModelSettings) -> PictureSpace | None:
    """Load the side of pictures of the space in the settings: the operator's pair, or label search; None: neither.

    Raises:
        Misconfigured: a model file or a provider is missing, or the pair is not as it is described.
    """
    if pair := PicturePair.of(settings):
        return PairPictures.load(pair, settings)
    return LabelSpace.load(settings) if settings.label_search else None


def load_texts(settings: ModelSettings) -> TextSpace | None:
    """Load the side of texts; raises what :func:`load_pictures` does."""
    if pair := PicturePair.of(settings):
        return PairTexts(pair, settings.threads)
    return LabelTexts.load(settings) if settings.label_search else None
