"""HEIF files that hold no picture which can be decoded are refused by the name of what they hold."""

from __future__ import annotations

import numpy as np
import pytest

from photofinish.analysis.imaging.decoding import decode
from photofinish.errors import RejectedInput
from support.pictures import encode, noise

HEIC = encode(noise(320, 200), "HEIF")


def box(name: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + name + content


TRACK = box(b"moov", box(b"mvhd", bytes(100)))
SEQUENCE = box(b"ftyp", b"hevc\0\0\0\0hevcmsf1") + TRACK + box(b"mdat", bytes(1000))
HANDLER = box(b"meta", bytes(4) + box(b"hdlr", bytes(24)))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (SEQUENCE, "sequence"),
        (SEQUENCE.replace(TRACK, HANDLER + TRACK), "sequence"),
        (HEIC.replace(b"hvc1", b"unci"), "uncompressed"),
        (HEIC.replace(b"hvc1", b"avc1"), "H.264"),
        (HEIC.replace(b"hvc1", b"j2k1"), "JPEG 2000"),
    ],
    ids=["sequence", "sequence with metadata", "uncompressed", "h264", "jpeg 2000"],
)
def test_other_kinds_are_unsupported_not_damaged(content: bytes, what: str) -> None:
    with pytest.raises(RejectedInput, match=what) as rejection:
        decode(content)
    assert rejection.value.code == "unsupported_format"
    assert "as JPEG" in rejection.value.message
    assert "Upload it again" not in rejection.value.message


def test_a_picture_beside_a_video_is_taken() -> None:
    photo = decode(HEIC + TRACK)
    assert photo.warnings == ()
    np.testing.assert_array_equal(photo.image, decode(HEIC).image)


def test_the_pixels_outlive_the_decoder() -> None:
    """The decoder's memory is reused by the next picture."""
    images = [decode(encode(noise(320, 200, seed=seed), "HEIF", quality=95)).image for seed in range(6)]
    for seed, image in enumerate(images):
        assert np.abs(image.astype(int) - noise(320, 200, seed=seed)).mean() < 8
