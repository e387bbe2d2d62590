"""Two lanes of the queue: no album's flood makes another album's photos wait for all of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

PROMPT_PHOTOS = 200
"""So many outstanding photos of one album are in the prompt lane; the others are bulk."""


class Lane(StrEnum):
    """Where a photo waits. Each lane is a queue of its own, in order of arrival."""

    PROMPT = "prompt"
    BULK = "bulk"


SHARES: Mapping[Lane, int] = {Lane.PROMPT: 3, Lane.BULK: 1}
"""How the tasks' time is shared while both lanes have photos; a lane alone gets all of it."""


def lane_of(outstanding: int) -> Lane:
    """Return the lane of a photo with which its album has `outstanding` photos, queued and processing.

    The photo is recorded before it is counted, so of those that are ingested at the same time each counts itself and
    all that were recorded before: never more than :data:`PROMPT_PHOTOS` unfinished photos of an album are in the prompt
    lane, and all photos of an album are that never has more outstanding.
    """
    return Lane.PROMPT if outstanding <= PROMPT_PHOTOS else Lane.BULK


class LaneTurns:
    """Whose turn it is, by start-time fair queuing: photos that were taken divided by the lane's share.

    A lane that was empty has saved nothing up: it continues where the others are, so it gets its share from then on and
    no burst. (Goyal, Vin, Cheng: Start-time Fair Queuing, SIGCOMM 1996.)
    """

    def __init__(self) -> None:
        self._finished = dict.fromkeys(Lane, 0.0)
        self._now = 0.0

    def order(self) -> list[Lane]:
        """Return the lanes by how much they are due: the first that has photos is next."""
        return sorted(Lane, key=self._start)

    def took(self, lane: Lane, photos: int) -> None:
        """Count photos that were taken from a lane."""
        self._now = self._start(lane)
        self._finished[lane] = self._now + photos / SHARES[lane]

    def _start(self, lane: Lane) -> float:
        return max(self._finished[lane], self._now)
