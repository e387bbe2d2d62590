"""The whole analysis of pictures that were sent with a request; nothing of them is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from photofinish.application.pictures import PICTURE_LIMITS, IsWanted, Pictures, always
from photofinish.domain.analysis import PictureAnalysis as Found

if TYPE_CHECKING:
    from photofinish.analysis.analyzer import Analyzer


class PictureAnalysis:
    """Finds in a picture what a task finds in a photo; it waits for its turn among `pictures`."""

    def __init__(self, analyzer: Callable[[], Analyzer], pictures: Pictures) -> None:
        self._analyzer = analyzer
        self._pictures = pictures

    def analyse(self, content: bytes, *, with_text: bool, is_wanted: IsWanted = always) -> Found:
        """Return what is found in a picture; without text there are no bibs, and the models that read do not run.

        Raises:
            RejectedInput: it cannot be decoded.
            Unavailable: too many pictures are being analysed, or the answer is not wanted any more.
        """
        with self._pictures.slot(is_wanted):
            analyzer = self._analyzer()
            photo = analyzer.decode(content, limits=PICTURE_LIMITS)
            return analyzer.analyze_picture(photo, with_text=with_text)
