"""The camera's name and its notes, valid and broken."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from photofinish.analysis.imaging.exif import camera_name, read_exif
from support.pictures import encode, exif, noise


@pytest.mark.parametrize(
    ("make", "model", "expected"),
    [
        ("Canon", "Canon EOS R6", "Canon EOS R6"),
        ("NIKON", "Z 9", "NIKON Z 9"),
        ("NIKON CORPORATION", "NIKON D850", "NIKON D850"),
        ("NIKON CORPORATION", "NIKON CORPORATION D850", "NIKON D850"),
        ("NIKON CORPORATION", "NIKON CORPORATION NIKON D850", "NIKON D850"),
        ("EASTMAN KODAK COMPANY", "KODAK DC240 ZOOM", "KODAK DC240 ZOOM"),
        ("OLYMPUS IMAGING CORP.", "E-M1", "OLYMPUS E-M1"),
        ("CASIO COMPUTER CO.,LTD.", "EX-Z750", "CASIO EX-Z750"),
        ("LEICA CAMERA AG", "LEICA Q2", "LEICA Q2"),
        ("Camera Co.", "X1", "Camera Co X1"),
        ("", "Pixel 8", "Pixel 8"),
        ("Apple", "", "Apple"),
        ("", "", None),
    ],
)
def test_camera_name(make: str, model: str, expected: str | None) -> None:
    assert camera_name(make, model) == expected


@given(st.text(), st.text())
def test_a_camera_name_is_short_or_absent(make: str, model: str) -> None:
    name = camera_name(make, model)
    assert name is None or 0 < len(name) <= 100


def notes(content: bytes) -> datetime | None:
    with Image.open(io.BytesIO(content)) as opened:
        return read_exif(opened).taken_at


def test_dates_of_all_directories_are_read() -> None:
    offset = {0x9003: "2024:05:01 09:30:00", 0x9011: "+0200"}
    assert notes(encode(noise(64, 64), exif=exif(photo_tags=offset))) == datetime(
        2024, 5, 1, 9, 30, tzinfo=timezone(timedelta(hours=2))
    )
    assert notes(encode(noise(64, 64), exif=exif(tags={0x9003: "2024:05:01 09:30:00"}))) == datetime(2024, 5, 1, 9, 30)
    gps: dict[int, object] = {7: (7.0, 30.0, 0.0), 29: "2024:05:01"}
    assert notes(encode(noise(64, 64), exif=exif(gps_tags=gps))) == datetime(2024, 5, 1, 7, 30, tzinfo=UTC)


def test_dates_of_xmp_are_read() -> None:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf exif:DateTimeOriginal="2024-05-01T09:30:00+02:00"/></x:xmpmeta>'
    assert notes(encode(noise(64, 64), xmp=packet)) == datetime(2024, 5, 1, 9, 30, tzinfo=timezone(timedelta(hours=2)))
