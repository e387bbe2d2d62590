"""What `photofinish status` computes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.gpu_quota import GpuState
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.ports import PhotoRecord
from photofinish_cli.album_status import percentile, rate, summarise
from photofinish_cli.commands.status import as_json, status_tables
from photofinish_functions.api.example_values import COST

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
    _, speed = status_tables(seen)
    assert speed.tsv().splitlines()[1] == "–\t2.0\t30.0"
    assert seen.problems == []


def test_refused_gpus_are_shown() -> None:
    refusal = GpuState().refused("Quota exceeded.", NOW, first_retry_s=300).refusal
    seen = summarise("race", {PhotoStatus.QUEUED: 1}, [], [], [], NOW, gpu_refusal=refusal)
    assert as_json(seen)["gpu_refused"] == {
        "reason": "Quota exceeded.",
        "since": "2026-05-01T12:00:00+00:00",
        "retry_at": "2026-05-01T12:05:00+00:00",
    }
    _, shown = status_tables(seen)
    assert shown.tsv().splitlines()[1].endswith("Quota exceeded.")
    usual = summarise("race", {PhotoStatus.QUEUED: 1}, [], [], [], NOW)
    assert as_json(usual)["gpu_refused"] is None
    assert len(status_tables(usual)) == 1


def test_the_end_and_the_policy_are_one_line_where_an_album_has_them() -> None:
    usual = {
        "indexing": "everyone",
        "redact": "none",
        "redaction_style": "blur",
        "keep_originals": True,
        "ends_on": None,
    }
    today = datetime.now(UTC).date()
    last = (today + timedelta(days=9)).isoformat()
    for changes, line in (
        (
            {"ends_on": last, "redact": "without_consent", "keep_originals": False},
            f"ends on {last}, erased on {today + timedelta(days=10)} (UTC), in 10 days; "
            "redact without_consent (blur); keeps only results",
        ),
        ({"indexing": "enrolled_only"}, "indexing enrolled_only"),
    ):
        seen = summarise("race", {PhotoStatus.QUEUED: 1}, [], [], [], NOW, policy=usual | changes)
        assert as_json(seen)["policy"] == usual | changes
        _, shown = status_tables(seen)
        assert shown.tsv() == f"policy\n{line}\n"
    for policy in (usual, None):
        seen = summarise("race", {PhotoStatus.QUEUED: 1}, [], [], [], NOW, policy=policy)
        assert as_json(seen)["policy"] == policy
        assert len(status_tables(seen)) == 1


@pytest.mark.parametrize(
    ("changes", "headings", "row"),
    [
        ({"budget": None}, ["USD so far"], ["0.1890", "0.1510", "0.0051", "0.1600"]),
        (
            {"is_billed": False, "usd_per_1000_photos": None},
            ["USD so far, had it run on Google Cloud", "budget"],
            ["0.1890", "–", "0.0051", "0.1600", "1% of 20.00 USD spent"],
        ),
        (
            {"budget": {"usd": 0.1, "spent": 1.89, "is_halted": True}},
            ["budget"],
            [
                "0.1890",
                "0.1510",
                "0.0051",
                "0.1600",
                "189% of 0.1000 USD spent: no photo is analysed until it is raised",
            ],
        ),
    ],
)
def test_the_cost_is_one_line(changes: dict[str, Any], headings: list[str], row: list[str]) -> None:
    seen = summarise("race", {PhotoStatus.DONE: 3}, [], [], [], NOW, cost=COST | changes)
    assert as_json(seen)["cost"] == COST | changes
    _, shown = status_tables(seen)
    head, line = (told.split("\t") for told in shown.tsv().splitlines())
    assert set(headings) <= set(head)
    assert line == row


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
    _, tasks = status_tables(seen)
    assert "run/1\t19\tfetch\t3\t1.5\t20\t2\n" in tasks.tsv()


def test_what_is_wrong_is_shown_with_its_reason() -> None:
    rejected = record(PhotoStatus.REJECTED, error={"code": "cut_off", "message": "The file is cut off."})
    seen = summarise("race", {PhotoStatus.DONE: 2, PhotoStatus.REJECTED: 1}, [], [], [rejected], NOW)
    counts, problems = status_tables(seen)
    assert counts.tsv().splitlines() == [
        "album\tqueued\tprocessing\tdone\trejected\tfailed\terased",
        "race\t0\t0\t2\t1\t0\t0",
    ]
    assert "race/1.jpg\trejected\tcut_off\tThe file is cut off.\n" in problems.tsv()


def test_warnings_of_analysed_photos_are_shown_and_counted() -> None:
    warning = {"code": "tail_missing", "message": "The lower 8% of the picture is missing."}
    done = [record(PhotoStatus.DONE, done_at=NOW, warnings=[warning]) for _ in range(12)]
    done.append(record(PhotoStatus.DONE, done_at=NOW))  # analysed before there were warnings
    seen = summarise("race", {PhotoStatus.DONE: 13}, done, [], [], NOW)
    assert len(as_json(seen)["warnings"]) == 12
    _, warnings = status_tables(seen)
    lines = warnings.tsv().splitlines()
    assert lines[1] == "race/1.jpg\ttail_missing\tThe lower 8% of the picture is missing."
    assert len(lines) == 11, "the headings and the first ten"
