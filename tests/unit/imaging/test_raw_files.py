"""Camera raw files are analysed by the preview in them."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from photofinish.analysis.imaging.decoding import decode
from photofinish.errors import RejectedInput
from support.pictures import encode, exif, noise, save
from support.raw_files import dng

SIZE = (960, 640)


def test_the_preview_of_a_raw_file_is_the_photo() -> None:
    jpeg = encode(noise(*SIZE))
    photo = decode(dng(jpeg, SIZE))
    assert (photo.info.format, photo.info.width, photo.info.height) == ("RAW", *SIZE)
    assert photo.info.camera == "Leica M11"
    assert photo.info.taken_at == datetime(2024, 5, 1, 9, 30, 15)
    assert [warning.code for warning in photo.warnings] == ["embedded_preview"]
    assert "960 × 640" in photo.warnings[0].message
    np.testing.assert_array_equal(photo.image, decode(jpeg).image)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_the_preview_is_turned_as_the_camera_was_held(orientation: int, turns: int) -> None:
    jpeg = encode(noise(*SIZE))
    expected = np.rot90(decode(jpeg).image, turns)
    np.testing.assert_array_equal(decode(dng(jpeg, SIZE, orientation=orientation)).image, expected)
    with_exif = encode(noise(*SIZE), exif=exif(orientation=orientation))
    np.testing.assert_array_equal(decode(dng(with_exif, SIZE, orientation=orientation)).image, expected)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (dng(encode(noise(320, 200)), (320, 200)), "DNG"),
        (dng(b"\xff\x0a" + bytes(20_000), SIZE, compression=52546), "DNG"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(1000), "RAF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(1000), "CR3"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(1000), "CR2"),
        (b"IIRO\x08\0\0\0" + bytes(1000), "ORF"),
        (save(Image.new("RGB", (160, 120)), "TIFF", tiffinfo={254: 1, 271: "NIKON CORPORATION"}), "NEF"),
    ],
    ids=["tiny preview", "jpeg xl preview", "raf", "cr3", "cr2", "orf", "nef"],
)
def test_a_raw_file_without_a_usable_preview_is_refused_by_its_name(content: bytes, kind: str) -> None:
    with pytest.raises(RejectedInput) as rejection:
        decode(content)
    assert rejection.value.code == "unsupported_format"
    assert f"raw file ({kind})" in rejection.value.message
    assert "RAW + JPEG" in rejection.value.message


def test_damage_of_the_preview_is_told() -> None:
    jpeg = encode(noise(*SIZE))
    with pytest.raises(RejectedInput) as rejection:
        decode(dng(jpeg[: len(jpeg) // 2] + bytes(len(jpeg) - len(jpeg) // 2), SIZE))
    assert rejection.value.code == "cut_off"
