"""The camera's name and its notes, valid and broken."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from photofinish.analysis.imaging import jpeg_structure
from photofinish.analysis.imaging.decoding import decode
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


def test_megabytes_of_exif_in_a_jpeg_are_left_out_of_what_is_read() -> None:
    """Pillow needs a time that grows with their square: 15 s for 45 MB."""
    picture = encode(noise(64, 96), "JPEG", exif=exif(tags={0x010F: "Canon", 0x0110: "EOS R6"}))
    segment = b"\xff\xe1\xff\xff" + b"Exif\0\0".ljust(0xFFFF - 2, b"\0")
    own = picture.index(b"\xff\xe1")
    at = own + 2 + int.from_bytes(picture[own + 2 : own + 4], "big")
    bloated = picture[:at] + 100 * segment + picture[at:]
    little = jpeg_structure.with_little_exif(bloated)
    assert len(picture) < len(little) < 1.1 * 2**20
    assert little.endswith(picture[at:]), "the rest stays"
    assert jpeg_structure.with_little_exif(picture) is picture
    assert decode(bloated).info.camera == "Canon EOS R6"
