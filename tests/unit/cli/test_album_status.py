"""What `photofinish status` computes."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.ports import PhotoRecord
from photofinish_cli.album_status import percentile, rate, summarise
from photofinish_cli.commands.status import _shown

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def record(status: PhotoStatus, **fields: Any) -> PhotoRecord:
    return PhotoRecord(ref=PhotoRef(bucket="b", name="race/1.jpg", generation=1), status=status, fields=fields)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_is_one_of_the_values_with_enough_below(values: list[float], percent: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, percent)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= len(ordered) * percent / 100 - 1e-6


def test_no_values_have_no_percentile_and_one_result_has_no_rate() -> None:
    assert percentile([], 50) is None
    assert rate([NOW]) is None
    assert rate([]) is None


def test_the_rate_is_that_of_the_last_minute() -> None:
    long_ago = [NOW - timedelta(hours=1)]
    recent = [NOW - timedelta(seconds=second) for second in range(10, -1, -1)]
    assert rate(long_ago + recent) == 1.0


def test_latency_is_from_upload_to_result() -> None:
    done = [
        record(PhotoStatus.DONE, done_at=NOW, stages={"uploaded_at": NOW - timedelta(seconds=seconds)})
        for seconds in (1, 2, 30)
    ]
    seen = summarise("race", {PhotoStatus.DONE: 3}, done, [], [], NOW)
    assert (seen.latency_p50_s, seen.latency_p95_s) == (2, 30)
    assert seen.problems == []


def test_what_is_stuck_says_why() -> None:
    waiting = record(PhotoStatus.QUEUED, changed_at=NOW - timedelta(seconds=300))
    failing = record(PhotoStatus.PROCESSING, changed_at=NOW, last_error={"at": NOW, "message": "the database is away"})
    fresh = record(PhotoStatus.QUEUED, changed_at=NOW)
    rejected = record(PhotoStatus.REJECTED, error={"code": "cut_off", "message": "The file is cut off."})
    seen = summarise("race", {}, [], [waiting, failing, fresh], [rejected], NOW)
    assert [problem["why"] for problem in seen.problems] == [
        "queued for 300 s",
        "the database is away",
        "The file is cut off.",
    ]


def test_tasks_that_report_no_more_are_not_shown() -> None:
    stages = [{"stage": "fetch", "photos": 3, "photos_per_s": 1.5, "ms_per_photo": 20.0, "waiting": 2}]
    reports = {
        place: {"at": NOW - timedelta(seconds=age_s), "every_s": 5.0, "stages": stages}
        for place, age_s in (("old/0", 21), ("run/1", 19), ("run/0", 0), ("ahead/0", -2))
    }
    seen = summarise("race", {}, [], [], [], NOW, reports)
    assert [(task.place, task.reported_s_ago) for task in seen.tasks] == [("ahead/0", 0), ("run/0", 0), ("run/1", 19)]
    assert seen.tasks[0].stages == stages
    shown = Console(width=100, record=True, file=io.StringIO())
    shown.print(_shown(seen))
    text = shown.export_text()
    assert "task run/1, 19 s ago" in text
    assert re.search(r"fetch\s+3\s+1\.5\s+20\s+2", text)
