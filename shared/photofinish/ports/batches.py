"""Batches of uploads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from photofinish.domain.photo import PhotoRef
from photofinish.domain.upload_batch import AnnouncedFile, Batch, BatchFile, FileStatus
from photofinish.errors import NotFound


class UnknownBatch(NotFound):
    code = "unknown_batch"

    def __init__(self) -> None:
        super().__init__("This album has no such batch.")


class Batches(Protocol):
    """What was announced, and which photos came by it. Results are those of the event log: no other is kept.

    A batch's events are recorded in the transaction of what they tell.
    """

    def create(self, album: str, files: Sequence[AnnouncedFile], *, expires_at: datetime) -> Batch:
        """Make a batch of 1 or more files, which :func:`check_announced` allows."""
        ...

    def add(self, album: str, batch_id: str, files: Sequence[AnnouncedFile]) -> Batch:
        """Announce more files; one that was announced before is announced anew.

        Raises:
            UnknownBatch
            Conflict: `batch_ended`, or `batch_full` with more than MAX_BATCH_FILES.
        """
        ...

    def get(self, album: str, batch_id: str) -> Batch | None: ...

    def files(
        self, album: str, batch_id: str, *, status: FileStatus | None, after: str | None, limit: int
    ) -> list[BatchFile]:
        """Return the first `limit` files with this status (None: any) whose names follow `after`, by name."""
        ...

    def cancel(self, album: str, batch_id: str) -> Batch:
        """End a batch: what arrives from now on does not belong to it. Twice equals once.

        Raises:
            UnknownBatch
            Conflict: `batch_ended`: it is completed or expired.
        """
        ...

    def batch_of(self, photo: PhotoRef) -> str | None:
        """Return the batch by which this version of a photo came: the newest open one that awaits its name, if any.

        Once told, the answer stays the same.
        """
        ...

    def settle(self, batch_id: str) -> bool:
        """Complete the batch if it is open and every file has a result; return whether it did."""
        ...

    def settle_all(self) -> int:
        """Settle every open batch, such as one whose awaited photo was erased; return how many were completed."""
        ...

    def expire(self, now: datetime) -> int:
        """End the batches that should have been completed by now; return how many."""
        ...

    def forget(self, before: datetime) -> int:
        """Delete batches that ended before then; return how many."""
        ...
