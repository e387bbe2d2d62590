"""EXIF texts, valid and broken."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.analysis.imaging.exif import camera_name, taken_at


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("2024:05:01 09:30:15",), datetime(2024, 5, 1, 9, 30, 15)),
        (("2024:05:01 09:30:15", "", "5"), datetime(2024, 5, 1, 9, 30, 15, 500_000)),
        (("2024:05:01 09:30:15", "-03:30"), datetime(2024, 5, 1, 9, 30, 15, tzinfo=timezone(-timedelta(minutes=210)))),
        (("2024:05:01 09:30:15", "nonsense", "x"), datetime(2024, 5, 1, 9, 30, 15)),
        (("2024:05:01 09:30:15", "+99:99"), datetime(2024, 5, 1, 9, 30, 15)),
        (("0000:00:00 00:00:00",), None),
        (("    :  :     :  :  ",), None),
        (("",), None),
    ],
)
def test_taken_at(texts: tuple[str, ...], expected: datetime | None) -> None:
    assert taken_at(*texts) == expected


@given(st.text(), st.text(), st.text())
def test_taken_at_of_any_text(date_time: str, offset: str, subsecond: str) -> None:
    moment = taken_at(date_time, offset, subsecond)
    assert moment is None or isinstance(moment, datetime)


@pytest.mark.parametrize(
    ("make", "model", "expected"),
    [
        ("Canon", "Canon EOS R6", "Canon EOS R6"),
        ("NIKON", "Z 9", "NIKON Z 9"),
        ("", "Pixel 8", "Pixel 8"),
        ("Apple", "", "Apple"),
        ("", "", None),
    ],
)
def test_camera_name(make: str, model: str, expected: str | None) -> None:
    assert camera_name(make, model) == expected
