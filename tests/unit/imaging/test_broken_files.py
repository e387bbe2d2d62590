"""What is broken beside the picture never decides over its pixels, and what is missing of them decides alone."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from photofinish.analysis.imaging.decoding import DecodedPhoto, decode
from photofinish.errors import RejectedInput
from support.jpeg_files import mosaic
from support.pictures import encode, noise, save

PICTURE = noise(640, 400)
JPEG_START, END_OF_IMAGE = b"\xff\xd8", b"\xff\xd9"
FIRST_TABLE = b"\xff\xdb"
PNG_HEADER_END = 33


def codes(photo: DecodedPhoto) -> list[str]:
    assert all(warning.message.endswith(".") for warning in photo.warnings), "a warning is a sentence"
    return [warning.code.value for warning in photo.warnings]


def rejected(content: bytes) -> str:
    with pytest.raises(RejectedInput) as rejection:
        decode(content)
    return rejection.value.code


def segment(code: int, data: bytes) -> bytes:
    return bytes([0xFF, code]) + (len(data) + 2).to_bytes(2, "big") + data


def before_tables(content: bytes, inserted: bytes) -> bytes:
    return content.replace(FIRST_TABLE, inserted + FIRST_TABLE, 1)


HEADER_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "junk between segments": lambda content: before_tables(content, b"junk!"),
    "length shorter than its data": lambda content: before_tables(content, segment(0xED, b"x" * 20) + b"y" * 14),
    "wrong JFIF version": lambda content: content.replace(b"JFIF\0\x01", b"JFIF\0\x02", 1),
    "one of two profile parts": lambda content: before_tables(content, segment(0xE2, b"ICC_PROFILE\0\x01\x02abc")),
    "a profile's part twice": lambda content: before_tables(content, segment(0xE2, b"ICC_PROFILE\0\x01\x01abc") * 2),
    "profile part 9 of 2": lambda content: before_tables(content, segment(0xE2, b"ICC_PROFILE\0\x09\x02abc")),
}


@pytest.mark.parametrize("damage", HEADER_DAMAGE)
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_damage_in_a_jpeg_header_changes_no_pixel(damage: str, options: dict[str, object]) -> None:
    content = encode(PICTURE, **options)
    photo = decode(HEADER_DAMAGE[damage](content))
    assert codes(photo) == ["metadata_damaged"]
    np.testing.assert_array_equal(photo.image, decode(content).image)


def test_an_unknown_colour_transform_is_told() -> None:
    content = encode(PICTURE)
    content = JPEG_START + content[content.index(FIRST_TABLE) :]
    photo = decode(before_tables(content, segment(0xEE, b"Adobe\0\x64\0\0\0\0\x07")))
    assert codes(photo) == ["pixels_damaged"]
    np.testing.assert_array_equal(photo.image, decode(content).image)


@pytest.mark.parametrize("filler", [b"", b"\0" * 5000, b"\xff" * 5000], ids=["nothing", "zeros", "ones"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_without_its_end_marker_has_all_its_pixels(filler: bytes, options: dict[str, object]) -> None:
    content = encode(PICTURE, **options)
    photo = decode(content.removesuffix(END_OF_IMAGE) + filler)
    assert codes(photo) == ["end_missing"]
    np.testing.assert_array_equal(photo.image, decode(content).image)


@pytest.mark.parametrize("filler", [b"", b"\0"], ids=["shorter", "zeros instead"])
@pytest.mark.parametrize("end", [b"", END_OF_IMAGE], ids=["without end", "with end"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.8, 0.9, 0.97])
def test_the_missing_part_decides_over_a_jpeg(share: float, filler: bytes, end: bytes) -> None:
    """However the file ends: a photo of which clearly more than half is there is analysed, and says so."""
    content = encode(PICTURE)
    kept = content[: int(len(content) * share)]
    broken = kept + filler * (len(content) - len(kept)) + end
    if share <= 0.5:
        assert rejected(broken) == "cut_off"
    else:
        photo = decode(broken)
        assert "tail_missing" in codes(photo)
        rows = int(400 * share) - 32
        np.testing.assert_array_equal(photo.image[:rows], decode(content).image[:rows])


def test_a_progressive_jpeg_needs_its_detail() -> None:
    content = encode(PICTURE, progressive=True)
    assert rejected(content[: len(content) // 2]) == "cut_off"
    photo = decode(content[: int(len(content) * 0.95)])
    assert codes(photo) == ["tail_missing"]
    assert np.abs(photo.image.astype(int) - decode(content).image).mean() < 4


def test_a_damaged_jpeg_that_still_decodes_tells_that_parts_may_be_wrong() -> None:
    content = encode(PICTURE)
    whole = decode(content).image
    told = 0
    for position in range(len(content) // 2, len(content) // 2 + 60):
        damaged = bytearray(content)
        damaged[position] ^= 0x15
        try:
            photo = decode(bytes(damaged))
        except RejectedInput:  # the decoder ran out of data long before the end of the picture
            continue
        told += "pixels_damaged" in codes(photo)
        np.testing.assert_array_equal(photo.image[:128], whole[:128])
    assert told >= 5


def test_a_photo_that_ends_in_plain_grey_is_not_missing_its_tail() -> None:
    picture = PICTURE.copy()
    picture[150:] = 128
    content = before_tables(encode(picture), b"junk!")
    assert codes(decode(content)) == ["metadata_damaged"]


@pytest.mark.parametrize("brightness", [(4, 2), (3, 1), (1, 3), (2, 4), (2, 3), (4, 1), (1, 4), (1, 1), (2, 1), (2, 2)])
def test_every_sampling_of_chroma_is_decoded(brightness: tuple[int, int]) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (24, 24), np.uint8)
    photo = decode(mosaic(grey, [brightness, (1, 1), (1, 1)]))
    assert codes(photo) == []
    expected = np.repeat(np.repeat(grey, 8, axis=0), 8, axis=1)
    np.testing.assert_array_equal(photo.image, np.dstack([expected] * 3))


def test_brightness_may_be_sampled_less_than_chroma() -> None:
    photo = decode(mosaic(np.full((4, 4), 200, np.uint8), [(1, 1), (2, 2), (2, 2)]))
    np.testing.assert_array_equal(photo.image, np.full((64, 64, 3), 200, np.uint8))


@pytest.mark.parametrize(
    ("frame", "bits", "word"), [(0xC1, 12, "12 bits"), (0xC3, 8, "lossless"), (0xC5, 8, "hierarchical")]
)
def test_unusual_jpegs_are_unsupported_not_damaged(frame: int, bits: int, word: str) -> None:
    content = bytearray(encode(PICTURE))
    at = content.index(b"\xff\xc0")
    content[at + 1], content[at + 4] = frame, bits
    with pytest.raises(RejectedInput, match=word) as rejection:
        decode(bytes(content))
    assert rejection.value.code == "unsupported_format"
    assert "Upload it again" not in rejection.value.message


def chunk(name: bytes, data: bytes, *, checksum: int | None = None) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum or zlib.crc32(name + data))


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PNG_CHUNKS = {
    "profile with a wrong checksum": chunk(b"iCCP", b"x\0\0" + zlib.compress(PROFILE), checksum=1),
    "size with a wrong checksum": chunk(b"pHYs", bytes(9), checksum=1),
    "short gamma": chunk(b"gAMA", b"\0"),
    "large compressed text": chunk(b"zTXt", b"comment\0\0" + zlib.compress(b"x" * 3_000_000)),
    "large XMP": chunk(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0" + zlib.compress(b"<x/>" * 1_000_000)),
}


@pytest.mark.parametrize("is_before", [True, False], ids=["before the pixels", "after them"])
@pytest.mark.parametrize("inserted", PNG_CHUNKS.values(), ids=PNG_CHUNKS)
def test_chunks_beside_the_picture_change_no_pixel_of_a_png(inserted: bytes, is_before: bool) -> None:
    content = encode(PICTURE, "PNG")
    at = PNG_HEADER_END if is_before else content.index(b"IEND") - 4
    photo = decode(content[:at] + inserted + content[at:])
    if is_before:  # of those after the pixels, the decoder reads only few
        assert codes(photo) == ["metadata_damaged"]
    np.testing.assert_array_equal(photo.image, PICTURE)


def test_a_large_colour_profile_of_a_png_is_used() -> None:
    content = encode(PICTURE, "PNG")
    padded = b"not an sRGB profile" + np.random.default_rng(0).bytes(2_000_000)
    inserted = chunk(b"iCCP", b"x\0\0" + zlib.compress(padded))
    stored = decode(content[:PNG_HEADER_END] + inserted + content[PNG_HEADER_END:])
    np.testing.assert_array_equal(stored.image, PICTURE)


@pytest.mark.parametrize(
    "rest", [b"", b"\0\0\0", b"\0\0\x10\0tEXtcut"], ids=["nothing", "half a length", "half a text"]
)
def test_a_png_without_its_end_has_all_its_pixels(rest: bytes) -> None:
    content = encode(PICTURE, "PNG")
    photo = decode(content[:-12] + rest)
    assert codes(photo) == ["end_missing"]
    np.testing.assert_array_equal(photo.image, PICTURE)


@pytest.mark.parametrize("trailer", [b"SEFH" + bytes(100), encode(noise(64, 48)), b"\xff" * 7, bytes(4096)])
@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_what_phones_append_to_a_picture_does_not_matter(kind: str, trailer: bytes) -> None:
    content = encode(PICTURE, kind)
    photo = decode(content + trailer)
    assert codes(photo) == []
    np.testing.assert_array_equal(photo.image, decode(content).image)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_lengths_in_a_tiff_that_are_too_large(compression: str) -> None:
    content = bytearray(encode(PICTURE, "TIFF", compression=compression))
    directory = int.from_bytes(content[4:8], "little")
    [lengths] = [
        entry
        for entry in range(directory + 2, directory + 2 + 12 * content[directory], 12)
        if int.from_bytes(content[entry : entry + 2], "little") == 279
    ]
    count = int.from_bytes(content[lengths + 4 : lengths + 8], "little")
    at = lengths + 8 if count == 1 else int.from_bytes(content[lengths + 8 : lengths + 12], "little")
    last = at + 4 * (count - 1)
    content[last : last + 4] = (10_000_000).to_bytes(4, "little")
    photo = decode(bytes(content))
    assert codes(photo) == ["metadata_damaged"]
    np.testing.assert_array_equal(photo.image, PICTURE)


def test_a_webp_header_with_a_length_that_is_too_large() -> None:
    content = bytearray(encode(PICTURE, "WEBP", lossless=True))
    content[4:8] = (len(content) + 100).to_bytes(4, "little")
    photo = decode(bytes(content))
    assert codes(photo) == ["metadata_damaged"]
    np.testing.assert_array_equal(photo.image, PICTURE)


def test_good_files_have_no_warnings() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP"):
        assert codes(decode(encode(PICTURE, kind))) == [], kind
    assert codes(decode(save(Image.fromarray(PICTURE).convert("CMYK"), "JPEG"))) == []
