"""Decisions about work, for all numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.photo import FINAL_STATUSES, PhotoRef, PhotoStatus
from photofinish.domain.work import (
    MAX_OPEN_ATTEMPTS,
    MAX_PHOTO_BYTES,
    PhotoState,
    check_names,
    check_size,
    is_done,
    is_later_verdict,
    is_stuck,
    must_stop,
    needs_analysis,
    needs_ingest,
    plan_attempts,
    tasks_to_start,
)
from photofinish.errors import RejectedInput

counts = st.integers(0, 100_000)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PHOTO = PhotoRef(bucket="b", name="a/1.jpg", generation=5)


def state_of(generation: int, status: PhotoStatus, changed_at: datetime = NOW) -> PhotoState:
    return PhotoState(generation=generation, status=status, changed_at=changed_at)


@given(counts, counts, st.integers(1, 100), st.integers(1, 1000))
def test_never_more_tasks_than_allowed_and_none_without_work(
    outstanding: int, leased: int, max_tasks: int, photos_per_task: int
) -> None:
    count = tasks_to_start(outstanding=outstanding, leased=leased, max_tasks=max_tasks, photos_per_task=photos_per_task)
    assert count >= 0
    assert count == 0 or leased + count <= max_tasks
    assert outstanding > 0 or count == 0


@given(st.integers(1, 100_000), st.integers(1, 100), st.integers(1, 1000))
def test_work_without_a_task_always_starts_one(outstanding: int, max_tasks: int, photos_per_task: int) -> None:
    count = tasks_to_start(outstanding=outstanding, leased=0, max_tasks=max_tasks, photos_per_task=photos_per_task)
    assert count >= 1


def test_tasks_grow_with_the_backlog() -> None:
    assert tasks_to_start(outstanding=1000, leased=1, max_tasks=3, photos_per_task=200) == 2
    assert tasks_to_start(outstanding=150, leased=1, max_tasks=3, photos_per_task=200) == 0


@given(st.integers(1, 50), st.integers(1, 50), st.sampled_from(PhotoStatus))
def test_a_newer_generation_always_needs_analysis_and_an_older_never(
    known: int, generation: int, status: PhotoStatus
) -> None:
    needed = needs_analysis(state_of(known, status), replace(PHOTO, generation=generation))
    if generation > known:
        assert needed
    elif generation < known:
        assert not needed
    else:
        assert needed == (status not in FINAL_STATUSES)


def test_an_unrecorded_photo_needs_ingest_and_analysis() -> None:
    assert needs_analysis(None, PHOTO)
    assert needs_ingest(None, PHOTO)
    assert not is_stuck(None, PHOTO, now=NOW, stale_after=timedelta(0))


@pytest.mark.parametrize(("age_s", "stuck"), [(61, True), (59, False)])
def test_a_photo_is_stuck_after_the_stale_time(age_s: int, stuck: bool) -> None:
    queued = state_of(PHOTO.generation, PhotoStatus.QUEUED, NOW - timedelta(seconds=age_s))
    stale_after = timedelta(seconds=60)
    assert is_stuck(queued, PHOTO, now=NOW, stale_after=stale_after) is stuck
    assert not is_stuck(replace(queued, status=PhotoStatus.DONE), PHOTO, now=NOW, stale_after=stale_after)


@pytest.mark.parametrize(
    ("check", "value", "code"),
    [
        (check_size, 0, "empty_file"),
        (check_size, MAX_PHOTO_BYTES + 1, "file_too_large"),
        (check_names, "../1.jpg", "album_name_not_allowed"),
        (check_names, "a/\0.jpg", "photo_name_not_allowed"),
        (check_names, "a/\ud800.jpg", "photo_name_not_allowed"),
    ],
)
def test_bad_names_and_sizes_are_rejected_with_a_sentence(check: Callable[[Any], None], value: Any, code: str) -> None:
    with pytest.raises(RejectedInput) as caught:
        check(value)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")


def test_a_file_of_exactly_the_limit_is_taken() -> None:
    for size_bytes in (1, MAX_PHOTO_BYTES):
        check_size(size_bytes)
    check_size(10, max_bytes=10)
    with pytest.raises(RejectedInput):
        check_size(11, max_bytes=10)


def test_a_task_stops_well_before_it_would_be_killed() -> None:
    assert not must_stop(running_s=3000, task_timeout_s=3600, slowest_batch_s=10)
    assert must_stop(running_s=3300, task_timeout_s=3600, slowest_batch_s=10)
    assert must_stop(running_s=3000, task_timeout_s=3600, slowest_batch_s=250)


@given(st.lists(st.integers(0, MAX_OPEN_ATTEMPTS + 1), max_size=12))
def test_every_photo_of_a_pull_has_one_place_in_the_plan(open_attempts: list[int]) -> None:
    plan = plan_attempts(open_attempts)
    alone = () if plan.alone is None else (plan.alone,)
    assert sorted([*plan.together, *alone, *plan.later, *plan.given_up]) == list(range(len(open_attempts)))
    assert all(open_attempts[position] == 0 for position in plan.together), "no suspect is beside others"
    assert all(open_attempts[position] >= MAX_OPEN_ATTEMPTS for position in plan.given_up)
    if plan.alone is not None:
        assert not plan.together
        assert open_attempts[plan.alone] == min(open_attempts[position] for position in (*plan.later, plan.alone))
    is_only_suspects = bool(plan.later) and not plan.together
    assert not is_only_suspects or plan.alone is not None, "a task that holds suspects only tries one"


@pytest.mark.parametrize("status", PhotoStatus)
def test_done_is_this_version_with_this_status(status: PhotoStatus) -> None:
    assert is_done(state_of(PHOTO.generation, status), PHOTO) is (status is PhotoStatus.DONE)
    assert not is_done(state_of(PHOTO.generation - 1, status), PHOTO)
    assert not is_done(state_of(PHOTO.generation + 1, status), PHOTO)
    assert not is_done(None, PHOTO)


def test_only_a_photo_that_was_given_up_gets_another_result() -> None:
    replaced = {(known, status) for known in PhotoStatus for status in PhotoStatus if is_later_verdict(known, status)}
    assert replaced == {(PhotoStatus.FAILED, PhotoStatus.DONE), (PhotoStatus.FAILED, PhotoStatus.REJECTED)}
