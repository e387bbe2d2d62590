"""The whole analysis of pictures that were sent with a request; nothing of them is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from photofinish.application.pictures import PICTURE_LIMITS, IsWanted, Pictures, always
from photofinish.domain.analysis import PhotoAnalysis

if TYPE_CHECKING:
    from photofinish.analysis.analyzer import Analyzer


class PictureAnalysis:
    """Finds in a picture what a task finds in a photo; it waits for its turn among `pictures`."""

    def __init__(self, analyzer: Callable[[], Analyzer], pictures: Pictures) -> None:
        self._analyzer = analyzer
        self._pictures = pictures

    def analyse(self, content: bytes, *, is_wanted: IsWanted = always) -> PhotoAnalysis:
        """Return everything found in a picture.

        Raises:
            RejectedInput: it cannot be decoded.
            Unavailable: too many pictures are being analysed, or the answer is not wanted any more.
        """
        with self._pictures.slot(is_wanted):
            analyzer = self._analyzer()
            photo = analyzer.decode(content, limits=PICTURE_LIMITS)
            [analyzed] = analyzer.analyze_decoded([photo])
        return analyzed.analysis
