"""Decisions about work: which photos need analysis, how many tasks to start, when a task stops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeGuard

from photofinish.domain.photo import FINAL_STATUSES, PhotoRef, PhotoStatus, check_album, check_name
from photofinish.errors import RejectedInput

# Larger than JPEG files of 100 to 200 megapixels and most raw files.
MAX_PHOTO_BYTES = 100_000_000
# A photo whose attempts ended so often with their task, the last ones alone in it, is what ends tasks.
MAX_OPEN_ATTEMPTS = 4


def tasks_to_start(*, outstanding: int, leased: int, max_tasks: int, photos_per_task: int) -> int:
    """How many tasks to add to the `leased` ones for `outstanding` photos (queued and processing)."""
    needed = min(max_tasks, math.ceil(outstanding / photos_per_task))
    return max(0, needed - leased)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoState:
    """What is recorded of a photo: its newest version, and how far that is."""

    generation: int
    status: PhotoStatus
    changed_at: datetime
    """When the status last changed."""
    duplicate_of: str | None = None
    """Id of the photo with the same bytes, which has the result."""
    open_attempts: int = 0
    """Attempts in a row that began and never ended, neither well nor with an error: their task ended first."""

    @property
    def is_final(self) -> bool:
        return self.status in FINAL_STATUSES


def is_version(state: PhotoState | None, photo: PhotoRef) -> TypeGuard[PhotoState]:
    """Whether `state` is recorded of this generation of `photo`."""
    return state is not None and state.generation == photo.generation


def needs_ingest(state: PhotoState | None, photo: PhotoRef) -> bool:
    """Whether the bucket's `photo` has no record, or only one of an older generation."""
    return state is None or state.generation < photo.generation


def needs_analysis(state: PhotoState | None, photo: PhotoRef) -> bool:
    """Whether this generation of `photo` still has to be analysed."""
    return needs_ingest(state, photo) or (is_version(state, photo) and not state.is_final)


def is_stuck(state: PhotoState | None, photo: PhotoRef, *, now: datetime, stale_after: timedelta) -> bool:
    """Whether `photo` has been queued or processing for longer than `stale_after`."""
    return is_version(state, photo) and not state.is_final and now - state.changed_at > stale_after


def may_be_requeued(state: PhotoState | None, photo: PhotoRef, changed_at: datetime | None) -> TypeGuard[PhotoState]:
    """Whether this generation may be queued again; where `changed_at` is given, if it has not changed since then."""
    return (
        is_version(state, photo)
        and state.status is not PhotoStatus.ERASED
        and (changed_at is None or state.changed_at == changed_at)
    )


def is_done(state: PhotoState | None, photo: PhotoRef) -> bool:
    """Whether this generation of `photo` was analysed successfully."""
    return is_version(state, photo) and state.status is PhotoStatus.DONE


def check_names(name: str) -> None:
    """Check the name of an uploaded object, before any GPU time is spent.

    Raises:
        RejectedInput: `photo_name_not_allowed` or `album_name_not_allowed`.
    """
    check_name(name)
    check_album(name)


def check_size(size_bytes: int, max_bytes: int = MAX_PHOTO_BYTES) -> None:
    """Check the size of a photo's file.

    Raises:
        RejectedInput: `empty_file` or `file_too_large`.
    """
    if size_bytes == 0:
        raise RejectedInput("empty_file", "The file is empty (0 bytes). Upload it again.")
    if size_bytes > max_bytes:
        raise RejectedInput(
            "file_too_large", f"The file has {size_bytes / 1e6:.0f} MB; the limit is {max_bytes / 1e6:.0f} MB."
        )


def must_stop(*, running_s: float, task_timeout_s: float, slowest_batch_s: float) -> bool:
    """Whether a task must stop pulling to end well before it would be killed.

    In reserve it keeps a tenth of its timeout, or three times its slowest batch if that is longer.
    """
    return running_s + max(task_timeout_s * 0.1, 3 * slowest_batch_s) >= task_timeout_s


@dataclass(frozen=True, slots=True)
class Attempts:
    """What a task does with the photos of one pull, by their numbers of open attempts; positions in the pull."""

    together: tuple[int, ...] = ()
    """Photos that are analysed side by side."""
    alone: int | None = None
    """A photo that may have ended a task: it is analysed while the task holds no other."""
    later: tuple[int, ...] = ()
    """Suspects that are returned to the queue first, so that none of them shares the end of another."""
    given_up: tuple[int, ...] = ()


def plan_attempts(open_attempts: Sequence[int]) -> Attempts:
    """Decide how the photos of one pull are tried; `open_attempts` are those of each.

    A photo with an open attempt is a suspect. Suspects wait until a pull has nothing else, and then the one with the
    fewest open attempts goes first: a photo that was only beside the one that ended the task is soon cleared.
    """
    suspects = [position for position, count in enumerate(open_attempts) if 0 < count < MAX_OPEN_ATTEMPTS]
    together = tuple(position for position, count in enumerate(open_attempts) if count == 0)
    given_up = tuple(position for position, count in enumerate(open_attempts) if count >= MAX_OPEN_ATTEMPTS)
    if together or not suspects:
        return Attempts(together=together, later=tuple(suspects), given_up=given_up)
    alone = min(suspects, key=lambda position: open_attempts[position])
    return Attempts(alone=alone, later=tuple(one for one in suspects if one != alone), given_up=given_up)


def is_later_verdict(known: PhotoStatus, status: PhotoStatus) -> bool:
    """Whether the result of an attempt replaces `known`: a photo that was given up was analysed all the same."""
    return known is PhotoStatus.FAILED and status in {PhotoStatus.DONE, PhotoStatus.REJECTED}
