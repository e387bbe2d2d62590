"""Times as people type them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish_cli.times import parse_camera_time

_TODAY = date(2026, 5, 2)


@given(moment=st.datetimes())
def test_a_time_reads_back_whatever_end_it_is(moment: datetime) -> None:
    for is_end in (True, False):
        assert parse_camera_time(moment.isoformat(), _TODAY, is_end=is_end) == moment


@given(day=st.dates())
def test_a_day_counts_whole(day: date) -> None:
    first, last = (parse_camera_time(f" {day.isoformat()} ", _TODAY, is_end=is_end) for is_end in (False, True))
    assert first.date() == last.date() == day
    assert last - first == timedelta(hours=23, minutes=59, seconds=59)


def test_today_and_yesterday_are_days() -> None:
    assert parse_camera_time("Today", _TODAY, is_end=False) == datetime(2026, 5, 2)
    assert parse_camera_time("yesterday", _TODAY, is_end=True) == datetime(2026, 5, 1, 23, 59, 59)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10:30", datetime(2026, 5, 2, 10, 30)),
        ("9:05", datetime(2026, 5, 2, 9, 5)),
        ("today 10:30", datetime(2026, 5, 2, 10, 30)),
        ("Yesterday  9:30:15", datetime(2026, 5, 1, 9, 30, 15)),
        ("2026-05-01 9:30", datetime(2026, 5, 1, 9, 30)),
    ],
)
def test_a_time_of_a_day(text: str, expected: datetime) -> None:
    for is_end in (False, True):
        assert parse_camera_time(text, _TODAY, is_end=is_end) == expected


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("10am", "write a time as 2026-05-01T10:00"),
        ("", "write a time as"),
        ("yesterday morning", "'yesterday 10:30'"),
        ("25:00", "write a time as"),
        ("2026-02-30", "write a time as"),
        ("2026-05-01T10:00Z", "leave the time zone out"),
        ("2026-05-01T10:00+02:00", "leave the time zone out"),
    ],
)
def test_what_is_no_time_is_refused_with_an_example(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        parse_camera_time(text, _TODAY, is_end=False)
