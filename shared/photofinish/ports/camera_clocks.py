"""Clocks of cameras: what is known of each camera of an album, and the shift that a user set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from photofinish.domain.camera_clocks import AlbumCamera, Sighting


class CameraClocks(Protocol):
    """The cameras of albums and their time shifts. Searches use the shifted time, `taken_at` stays as it is."""

    def cameras(self, album: str) -> list[AlbumCamera]:
        """Return the cameras on the photos of `album`, and those with a shift, by name."""
        ...

    def set_shifts(self, album: str, shifts: Mapping[str, timedelta]) -> None:
        """Make `shifts` the only shifts of `album`; twice equals once.

        They hold for photos that are indexed already and later. The album need not contain a photo yet.
        """
        ...

    def sightings(self, album: str, *, limit: int) -> Sequence[Sighting]:
        """Return up to `limit` readings of whole bib numbers, and faces of people, on photos with time and camera."""
        ...
