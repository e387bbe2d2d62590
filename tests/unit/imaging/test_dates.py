"""When a photo was taken: all ways in which cameras and programs write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.analysis.imaging.dates import parse_moment, parse_offset, taken_at

NOON = datetime(2024, 5, 1, 9, 30, 15)
TWO = timezone(timedelta(hours=2))
ORIGINAL, DIGITIZED, CHANGED = 0x9003, 0x9004, 0x0132
OFFSET, OFFSET_ORIGINAL, OFFSET_DIGITIZED = 0x9010, 0x9011, 0x9012


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024:05:01 09:30:15", NOON),
        ("2024-05-01 09:30:15", NOON),
        ("2024/05/01 09:30:15", NOON),
        ("2024.05.01 09:30:15", NOON),
        ("2024-05-01T09:30:15", NOON),
        ("2024: 5: 1  9:30:15", NOON),
        ("20240501T093015", NOON),
        ("20240501093015", NOON),
        ("2024:05:01:09:30:15", NOON),
        ("2024:05:01 09:30:15 AM", NOON),
        ("2024:05:01 09:30:15 PM", NOON.replace(hour=21)),
        ("2024:05:01 12:30:15 AM", NOON.replace(hour=0)),
        ("2024:05:01 09:30", NOON.replace(second=0)),
        ("2024:05:01", datetime(2024, 5, 1)),
        ("2024:05:01 24:08:19", datetime(2024, 5, 1, 0, 8, 19)),
        ("2024:05:01 09:30:60", NOON.replace(second=59)),
        ("2024:05:01 09:30:15.27", NOON.replace(microsecond=270_000)),
        ("2024:05:01 09:30:15,5", NOON.replace(microsecond=500_000)),
        ("2024:05:01 09:30:15Z", NOON.replace(tzinfo=UTC)),
        ("2024:05:01 09:30:15+0000", NOON.replace(tzinfo=UTC)),
        ("2024-05-01T09:30:15.5+02:00", NOON.replace(microsecond=500_000, tzinfo=TWO)),
        ("2024:05:01 09:30:15 CEST", NOON),
        *((text, None) for text in ("", "0000:00:00 00:00:00", "    :  :     :  :  ", "2024:13:01 09:30:15")),
        *((text, None) for text in ("2024:05:01 25:00:00", "2024:05:01 09:61:00", "01/05/2024 09:30", "yesterday")),
    ],
)
def test_dates_are_read_as_they_are_written(text: str, expected: datetime | None) -> None:
    found = parse_moment(text)
    assert found == expected
    assert found is None or expected is None or found.tzinfo == expected.tzinfo


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *(("+02:00", 120), ("+0200", 120), ("+2", 120), ("-03:30", -210), ("+05:45", 345), ("Z", 0), ("utc", 0)),
        *(("", None), ("+99:99", None), ("+02:61", None), ("-13:00", None), ("nonsense", None), ("02:00", None)),
    ],
)
def test_time_zones(text: str, minutes: int | None) -> None:
    assert parse_offset(text) == (None if minutes is None else timezone(timedelta(minutes=minutes)))


@given(st.text(), st.text(), st.text())
def test_any_text_is_a_date_or_none(text: str, offset: str, subsecond: str) -> None:
    moment = parse_moment(text, offset, subsecond)
    assert moment is None or isinstance(moment, datetime)


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from(["%Y:%m:%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S"]),
    st.integers(-12 * 4, 14 * 4),
)
def test_what_is_written_is_read(moment: datetime, form: str, quarters: int) -> None:
    zone = timezone(timedelta(minutes=15 * quarters))
    offset = moment.replace(tzinfo=zone).strftime("%z")
    read = parse_moment(moment.strftime(form), offset, f"{moment.microsecond:06}")
    assert read == moment.replace(tzinfo=zone)


DATE, OTHER, LAST = "2024:05:01 09:30:15", "2023:01:01 00:00:00", "2025:12:31 00:00:00"
XMP = b'<d photoshop:DateCreated="2024-05-01T09:30:15"/>'
GPS: dict[int, Any] = {7: (9, 30, 15), 29: "2024:05:01"}


@pytest.mark.parametrize(
    ("tags", "photo_tags", "gps", "xmp"),
    [
        ({CHANGED: LAST}, {ORIGINAL: DATE, DIGITIZED: OTHER}, {}, b""),
        ({CHANGED: LAST}, {ORIGINAL: "    :  :     :  :  ", DIGITIZED: DATE}, {}, XMP.replace(b"2024", b"2001")),
        ({CHANGED: LAST, ORIGINAL: DATE}, {}, {}, b""),
        ({CHANGED: LAST}, {}, {}, XMP),
        ({}, {}, {}, b"<xmp:CreateDate>2024-05-01T09:30:15</xmp:CreateDate>"),
        ({CHANGED: DATE}, {}, {}, b""),
    ],
)
def test_the_best_date_is_taken(
    tags: dict[int, Any], photo_tags: dict[int, Any], gps: dict[int, Any], xmp: bytes
) -> None:
    assert taken_at(tags, photo_tags, gps, xmp) == NOON


def test_a_date_has_the_zone_of_its_own_tag() -> None:
    zones = {OFFSET: "-05:00", OFFSET_ORIGINAL: "+02:00", OFFSET_DIGITIZED: "+03:00"}
    assert taken_at({}, {ORIGINAL: DATE, **zones}, {}) == NOON.replace(tzinfo=TWO)
    assert taken_at({}, {DIGITIZED: DATE, **zones}, {}) == NOON.replace(tzinfo=timezone(timedelta(hours=3)))
    assert taken_at({CHANGED: DATE}, zones, {}) == NOON.replace(tzinfo=timezone(timedelta(hours=-5)))
    found = taken_at({}, {ORIGINAL: DATE, OFFSET_DIGITIZED: "+03:00"}, {})
    assert found is not None
    assert found.tzinfo is None


def test_gps_time_is_the_time_where_there_is_no_other() -> None:
    assert taken_at({CHANGED: LAST}, {}, GPS) == NOON.replace(tzinfo=UTC)


@given(st.integers(-12 * 4, 14 * 4), st.integers(-110, 110))
def test_gps_time_tells_the_zone_of_a_local_time(quarters: int, age_s: int) -> None:
    utc = NOON - timedelta(minutes=15 * quarters) + timedelta(seconds=age_s)
    gps = {7: (utc.hour, utc.minute, utc.second), 29: utc.strftime("%Y:%m:%d")}
    assert taken_at({}, {ORIGINAL: DATE}, gps) == NOON.replace(tzinfo=timezone(timedelta(minutes=15 * quarters)))


@pytest.mark.parametrize("gps", [{7: (9, 23, 0), 29: "2024:05:01"}, {7: (9, 30, 15), 29: "2024:05:03"}])
def test_gps_time_that_does_not_fit_tells_nothing(gps: dict[int, Any]) -> None:
    assert taken_at({}, {ORIGINAL: DATE}, gps) == NOON


@pytest.mark.parametrize("gps", [{7: (9, 30)}, {7: "x", 29: "2024:05:01"}, {7: (99, 0, 0), 29: 5}, {29: "2024:05:01"}])
def test_broken_gps_time_counts_as_absent(gps: dict[int, Any]) -> None:
    assert taken_at({}, {}, gps) is None
