"""Clusters of an album's faces."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from photofinish.domain.album_clusters import AlbumContent, Assignment, ClusteringState


class Clusters(Protocol):
    """What a clustering run reads and writes. Only Postgres implements it, without a double: runs need its locks."""

    def request(self, album: str) -> None:
        """Request a run, because the album's faces changed; does nothing for an album that was never indexed."""
        ...

    def waiting(self) -> list[str]:
        """Albums that changed since their last run, the longest waiting first."""
        ...

    def changed_since_full(self) -> list[str]:
        """Albums that were clustered since their last run from scratch."""
        ...

    def state(self, album: str) -> ClusteringState | None:
        """The state of the album's clustering; None where no run was ever requested."""
        ...

    def exclusively(self, album: str) -> AbstractContextManager[bool]:
        """Take the album's lock for a run, held until the block ends; False where another run holds it."""
        ...

    def carry_over(self, album: str, *, min_similarity: Mapping[str, float]) -> int:
        """Carry decisions over to re-detected faces at the same position; forget those without such a face.

        A photo that is analysed again gets new face ids. A new face that is not similar to the person (below
        `min_similarity` of its space) shows that the photo was replaced by another. Returns how many were carried over.
        """
        ...

    def load(self, album: str) -> AlbumContent | None:
        """Everything that a run decides on; None for an unknown album."""
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
        """Write what a run decided about `content`; False, without writing, where users changed people since `load`."""
        ...
