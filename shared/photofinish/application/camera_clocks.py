"""Find by how much the cameras of an album should be shifted."""

from __future__ import annotations

from dataclasses import dataclass

from photofinish.domain.camera_clocks import AlbumCamera, ShiftEstimate, estimate_shifts, reference_camera
from photofinish.errors import InvalidQuery
from photofinish.ports import CameraClocks

# Of a race of 30,000 runners on 100,000 photos; more make the estimate slower, and no better.
MAX_SIGHTINGS = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundShifts:
    """The cameras of an album, and what was found about their clocks."""

    cameras: tuple[AlbumCamera, ...]
    reference: str | None
    """The camera whose clock is taken to be right, up to its own shift; None for an album without cameras."""
    found: dict[str, ShiftEstimate]
    """By camera; without the reference, and those without a person or number in common with another."""


def find_shifts(clocks: CameraClocks, album: str, *, reference: str | None = None) -> FoundShifts:
    """Estimate the shift of each camera of `album` from the people and numbers that it shares with others.

    `reference` is the camera that is taken to be right; None: the one with most photos.

    Raises:
        InvalidQuery: the album has no such camera.
    """
    cameras = {camera.name: camera for camera in clocks.cameras(album)}
    if reference is not None and reference not in cameras:
        raise InvalidQuery(f"No photo of this album is from the camera {reference!r}.")
    chosen = reference or reference_camera({name: camera.photos for name, camera in cameras.items()})
    found: dict[str, ShiftEstimate] = {}
    if chosen is not None:
        sightings = clocks.sightings(album, limit=MAX_SIGHTINGS)
        found = estimate_shifts(sightings, reference=chosen, reference_shift=cameras[chosen].shift)
    return FoundShifts(cameras=tuple(cameras.values()), reference=chosen, found=found)
