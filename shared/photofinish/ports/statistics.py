"""Statistics of albums."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from photofinish.domain.album_statistics import AlbumStatistics, PhotosPerPerson

MAX_GROUPS = 1000
"""Of each kind, in what :meth:`Statistics.read` returns."""


class Statistics(Protocol):
    """Counts of results, which grow with the event log."""

    def count(self, album: str, *, limit: int) -> bool:
        """Count up to `limit` more results of the log, each once; return whether all are counted.

        False also while another caller counts. A photo counts by its newest result, and no more once it is erased.
        """
        ...

    def read(self, album: str) -> AlbumStatistics | None:
        """Return what is counted, at most MAX_GROUPS groups of each kind (the latest hours, else those with most
        photos); None if nothing is."""
        ...

    def people(self, album: str) -> PhotosPerPerson | None:
        """Return on how many photos the album's people are now; None without people."""
        ...

    def failures(self, since: datetime) -> Mapping[str, int]:
        """Return how many photos of all albums failed since then, by code."""
        ...
