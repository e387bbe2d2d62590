"""Clusters of an album's faces."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from photofinish.domain.album_clusters import AlbumContent, Assignment, ClusteringState


class Clusters(Protocol):
    """What a clustering run reads and writes. Postgres is the only implementation: runs rely on its locks."""

    def request(self, album: str) -> None:
        """Remember that the album's faces changed; an album that was never indexed has none."""
        ...

    def waiting(self) -> list[str]:
        """Albums that changed since their last run, those that wait longest first."""
        ...

    def changed_since_full(self) -> list[str]:
        """Albums that were clustered since they were last clustered from scratch."""
        ...

    def state(self, album: str) -> ClusteringState | None:
        """None where nothing was ever asked for."""
        ...

    def exclusively(self, album: str) -> AbstractContextManager[bool]:
        """Whether this is the only run of the album; while the block runs, another's answer is False."""
        ...

    def carry_over(self, album: str, *, min_similarity: Mapping[str, float]) -> int:
        """Take decisions on faces that the album lost to the faces that lie where they lay; forget the others.

        A photo that is analysed again gets new face ids. A new face that does not look like the person (less similar
        than `min_similarity` of its space) shows that the photo was replaced by another. Returns how many were taken.
        """
        ...

    def load(self, album: str) -> AlbumContent | None:
        """Everything that a run decides on; None for an album that there is not."""
        ...

    def apply(
        self,
        album: str,
        content: AlbumContent,
        assignments: Mapping[str, Assignment],
        *,
        full: bool,
        summary: Mapping[str, Any],
    ) -> bool:
        """Write what a run decided on `content`; False, and nothing changes, where people were changed meanwhile."""
        ...
