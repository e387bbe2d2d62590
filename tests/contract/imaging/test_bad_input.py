"""Which files are rejected, with which code; no file is ever decoded halfway."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from photofinish.analysis.imaging.decoding import Limits, decode
from photofinish.domain.work import MAX_PHOTO_BYTES
from photofinish.errors import RejectedInput
from support.examples import examples
from support.models import shared_decoders
from support.pictures import encode, exif, noise, save

CODES = {"empty_file", "not_a_picture", "unsupported_format", "cut_off", "damaged", "too_many_pixels", "too_small"}
FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP"]


def code_of(content: bytes, **limits: int) -> str:
    with pytest.raises(RejectedInput) as rejection:
        decode(content, limits=Limits(**limits))
    assert rejection.value.message.endswith("."), "a rejection is a sentence"
    return rejection.value.code


def test_empty_file() -> None:
    assert code_of(b"") == "empty_file"


@pytest.mark.parametrize("content", [b"hello", b"\0" * 10_000, b"\xff\xd8", b"<html></html>", "ñ".encode() * 100])
def test_not_a_picture(content: bytes) -> None:
    assert code_of(content) == "not_a_picture"


def test_a_wrong_extension_does_not_matter() -> None:
    """Only the content counts: a PNG called .jpg is a PNG, a text called .jpg is not a picture."""
    assert decode(encode(noise(64, 64), "PNG")).info.format == "PNG"


@pytest.mark.parametrize(
    "content",
    [
        save(Image.new("RGB", (64, 64)), "JPEG2000"),
        b"\xff\x0a" + bytes(100),
        b"%PDF-1.7",
        b"\0\0\0\x20ftypmp42\0\0\0\0",
        b"II+\0\x08\0\0\0" + bytes(100),
        b"FOVb" + bytes(100),
    ],
    ids=["jpeg2000", "jpeg xl", "pdf", "mp4", "bigtiff", "x3f"],
)
def test_unsupported_format(content: bytes) -> None:
    assert code_of(content) == "unsupported_format"


def test_raw_files_are_rejected_instead_of_decoding_their_thumbnail() -> None:
    thumbnail = save(Image.new("RGB", (160, 120)), "TIFF", tiffinfo={254: 1})
    assert code_of(thumbnail) == "unsupported_format"
    dng = save(Image.new("RGB", (160, 120)), "TIFF", tiffinfo={50706: b"\1\4\0\0"})
    assert code_of(dng) == "unsupported_format"


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5])
def test_incomplete_files_never_become_half_a_picture(kind: str, share: float) -> None:
    content = encode(noise(640, 400), kind, **({"compression": "tiff_lzw"} if kind == "TIFF" else {}))
    assert code_of(content[: int(len(content) * share)]) == "cut_off"


@pytest.mark.parametrize("options", [{"progressive": True}, {"exif": exif(tags={0x010E: "x" * 2000})}])
def test_incomplete_jpegs_of_other_kinds(options: dict[str, object]) -> None:
    content = encode(noise(640, 400), "JPEG", **options)
    for share in (0.05, 0.3, 0.5):
        assert code_of(content[: int(len(content) * share)]) == "cut_off"


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("share", [0.7, 0.9, 0.999])
def test_formats_other_than_jpeg_need_all_their_pixels(kind: str, share: float) -> None:
    content = encode(noise(640, 400), kind, **({"compression": "tiff_lzw"} if kind == "TIFF" else {}))
    assert code_of(content[: int(len(content) * share)]) == "cut_off"


def test_incomplete_cmyk_jpeg() -> None:
    content = save(Image.fromarray(noise(640, 400)).convert("CMYK"), "JPEG")
    assert code_of(content[: len(content) // 2]) == "cut_off"


def test_incomplete_uncompressed_tiff() -> None:
    content = encode(noise(640, 400), "TIFF")
    assert code_of(content[:-1000]) == "cut_off"


def test_damaged_in_the_middle() -> None:
    content = bytearray(encode(noise(640, 400), "PNG"))
    content[len(content) // 2] ^= 0xFF
    assert code_of(bytes(content)) == "damaged"


def test_a_png_whose_pixels_were_changed() -> None:
    content = encode(noise(64, 64), "PNG")
    start = content.index(b"IDAT") + 8
    zeroed = content[:start] + bytes(100) + content[start + 100 :]
    assert code_of(zeroed) == "damaged"


def test_a_file_that_ends_in_zeros() -> None:
    """Some interrupted copies have the right length, with zeros where the copying stopped."""
    for kind in ("JPEG", "PNG"):
        content = encode(noise(640, 400), kind)
        half = len(content) // 2
        assert code_of(content[:half] + bytes(len(content) - half)) in {"cut_off", "damaged"}, kind


def test_too_many_pixels_are_rejected_before_decoding() -> None:
    assert code_of(huge_png(20_000, 20_000)) == "too_many_pixels"
    assert code_of(huge_png(2**31 - 1, 2**31 - 1)) == "too_many_pixels"
    assert code_of(encode(noise(640, 400)), max_pixels=100_000, max_streamed_pixels=200_000) == "too_many_pixels"
    progressive = encode(noise(640, 400), progressive=True)
    assert code_of(progressive, max_pixels=100_000) == "too_many_pixels", "its decoder holds all of it in memory"
    assert decode(encode(noise(640, 400)), limits=Limits(max_pixels=100_000)).info.width == 640


@pytest.mark.parametrize(
    ("kind", "limits"),
    [
        ({}, {"max_pixels": 640}),
        ({"is_streamed": True}, {"max_pixels": 10, "max_streamed_pixels": 640}),
        ({"is_streamed": True}, {"max_pixels": 640, "max_streamed_pixels": 10}),
        ({"is_unfolded": True}, {"max_unfolded_pixels": 640}),
        ({"is_unfolded": True}, {"max_pixels": 640}),
    ],
)
def test_a_picture_of_exactly_the_limit_is_taken(kind: dict[str, bool], limits: dict[str, int]) -> None:
    exact = Limits(**limits)
    exact.check((32, 20), **kind)
    for size in ((641, 16), (16, 41)):
        with pytest.raises(RejectedInput, match="megapixels"):
            exact.check(size, **kind)


def test_a_decoded_picture_has_at_most_the_pixels_that_fit() -> None:
    limits = Limits(max_decoded_pixels=100)
    sizes = [(10, 10), (10, 11), (20, 20), (20, 21), (40, 40), (40, 41), (1000, 1000)]
    assert [limits.reduction(size) for size in sizes] == [1, 2, 2, 4, 4, 8, 8]


def test_a_progressive_jpeg_that_would_take_minutes_is_refused() -> None:
    """Each of its scans has 100 bytes and costs a pass over all pixels."""
    content = encode(np.full((400, 640, 3), 128, np.uint8), progressive=True)
    last_scan = content[content.rindex(b"\xff\xda") : -2]
    assert code_of(content[:-2] + last_scan * 1000 + b"\xff\xd9") == "unsupported_format"
    assert decode(content[:-2] + last_scan + b"\xff\xd9").info.width == 640


def test_file_too_large() -> None:
    assert code_of(b"\xff\xd8\xff" + b"\0" * MAX_PHOTO_BYTES) == "file_too_large"


def test_too_small() -> None:
    assert code_of(encode(noise(200, 15), "PNG")) == "too_small"
    assert decode(encode(noise(16, 16), "PNG")).image.shape == (16, 16, 3)


def test_a_png_with_a_decompression_bomb() -> None:
    """A small compressed text chunk that would become 64 MB is not decompressed; the picture beside it is decoded."""
    content = encode(noise(64, 64), "PNG")
    bomb = b"comment\0\0" + zlib.compress(b"\0" * 64_000_000)
    with_bomb = content[:33] + chunk(b"zTXt", bomb) + content[33:]
    photo = decode(with_bomb)
    assert [warning.code for warning in photo.warnings] == ["metadata_damaged"]
    np.testing.assert_array_equal(photo.image, noise(64, 64))


@settings(max_examples=examples(150))
@given(kind=st.sampled_from(FORMATS), data=st.data())
def test_a_damaged_file_gives_a_picture_or_a_rejection(kind: str, data: st.DataObject) -> None:
    """In the processes of the decoders: some libraries crash on such files."""
    content = bytearray(SMALL[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for candidate in (bytes(content), bytes(content[:cut])):
        try:
            image = shared_decoders().decode(candidate, limits=Limits(max_pixels=1_000_000)).image
        except RejectedInput as rejection:
            code = rejection.code
        else:
            code = "a picture" if image.dtype == np.uint8 and image.ndim == 3 else f"{image.dtype} {image.shape}"
        assert code in {"a picture", "decoder_failed", *CODES}


WITHOUT_EXIF = {"GIF", "BMP"}
SMALL = {
    kind: encode(noise(48, 32), kind, **({} if kind in WITHOUT_EXIF else {"exif": exif(tags={0x010F: "Make"})}))
    for kind in FORMATS
}


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def huge_png(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that claims to be huge."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
