"""Which files are decoded, and to which picture."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from photofinish.analysis.imaging.decoding import Limits, decode
from support.pictures import BgrImage, encode, exif, noise, quadrants, save

FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"]
# How a camera stores an upright scene in each EXIF orientation; applying the orientation undoes it.
STORED_AS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: np.rot90(image),
    7: lambda image: np.rot90(image, 2).transpose(1, 0, 2),
    8: lambda image: np.rot90(image, 3),
}


def corner_colours(image: BgrImage) -> list[tuple[bool, ...]]:
    """Which channels are bright in each of the four quadrants."""
    height, width = image.shape[:2]
    return [
        tuple(bool(value > 128) for value in image[y, x])
        for y in (height // 4, height * 3 // 4)
        for x in (width // 4, width * 3 // 4)
    ]


@pytest.mark.parametrize("kind", [*FORMATS, "GIF", "BMP"])
def test_every_format_gives_the_same_upright_picture(kind: str) -> None:
    original = noise(320, 200)
    photo = decode(encode(original, kind, **({} if kind in {"GIF", "BMP"} else {"quality": 95})))
    assert (photo.info.width, photo.info.height, photo.info.format) == (320, 200, kind)
    assert photo.image.shape == (200, 320, 3)
    assert photo.image.flags.c_contiguous
    tolerance = 16 if kind == "GIF" else 8  # it has 256 colours
    difference = np.abs(photo.image.astype(int) - original).mean()
    assert difference < tolerance, "the colours or their order are not the original's"


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(kind: str, orientation: int) -> None:
    upright = quadrants(320, 200)
    stored = np.ascontiguousarray(STORED_AS[orientation](upright))
    photo = decode(encode(stored, kind, exif=exif(orientation=orientation)))
    assert (photo.info.width, photo.info.height) == (320, 200)
    assert photo.image.shape == upright.shape
    assert corner_colours(photo.image) == corner_colours(upright)


def test_orientation_of_a_reduced_jpeg() -> None:
    stored = np.ascontiguousarray(STORED_AS[6](quadrants(640, 400)))
    photo = decode(encode(stored, "JPEG", exif=exif(orientation=6)), limits=Limits(max_decoded_pixels=100_000))
    assert (photo.info.width, photo.info.height) == (640, 400)
    assert photo.image.shape == (200, 320, 3)
    assert corner_colours(photo.image) == corner_colours(quadrants())


@pytest.mark.parametrize("kind", FORMATS)
def test_very_large_pictures_are_reduced(kind: str) -> None:
    original = noise(640, 400)
    photo = decode(encode(original, kind), limits=Limits(max_decoded_pixels=20_000))
    assert (photo.info.width, photo.info.height) == (640, 400)
    assert photo.image.shape == (100, 160, 3)
    smaller = cv2.resize(original, (160, 100), interpolation=cv2.INTER_AREA)
    assert np.abs(photo.image.astype(int) - smaller).mean() < 8


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("L", "JPEG"), ("CMYK", "JPEG"), ("L", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("1", "PNG"), ("RGBA", "PNG"),
        ("RGBA", "WEBP"), ("RGBA", "TIFF"), ("CMYK", "TIFF"), ("L", "TIFF"), ("1", "TIFF"), ("YCbCr", "TIFF"),
        ("RGBA", "HEIF"), ("L", "HEIF"),
    ],
)  # fmt: skip
def test_unusual_colour_modes(mode: str, kind: str) -> None:
    encode(quadrants(), "HEIF")  # registers the HEIF plug-in for `save` below
    image = Image.fromarray(cv2.cvtColor(quadrants(), cv2.COLOR_BGR2RGB)).convert(mode)
    photo = decode(save(image, kind))
    assert photo.image.shape == (200, 320, 3)
    if mode in {"L", "LA", "1"}:
        assert np.ptp(photo.image[50, 80]) == 0, "grey stays grey"
        assert photo.image[150, 240].min() > 200, "white stays white"
    else:
        assert corner_colours(photo.image) == corner_colours(quadrants())


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparent_pixels_become_white(kind: str) -> None:
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 32, 64))
    photo = decode(save(image, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert photo.image[32, 8].tolist() == [255, 255, 255]
    assert photo.image[32, 56].tolist() == [0, 0, 255]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_channels(kind: str) -> None:
    levels = np.linspace(0, 65535, 64, dtype=np.uint16)
    grey = np.tile(levels, (32, 1))
    for deep in (grey, np.dstack([grey, grey[:, ::-1], grey])):
        done, encoded = cv2.imencode("." + kind.lower(), deep)
        assert done
        expected = deep if deep.ndim == 3 else np.dstack([deep] * 3)
        photo = decode(encoded.tobytes())
        assert photo.info.format == kind
        assert np.abs(photo.image.astype(int) - (expected >> 8)).max() <= 1


def test_the_first_of_several_frames_is_taken() -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green", "blue")]
    for kind in ("TIFF", "WEBP", "PNG", "HEIF"):
        encode(quadrants(), "HEIF")
        photo = decode(save(frames[0], kind, save_all=True, append_images=frames[1:]))
        assert photo.info.format == kind
        blue, green, red = photo.image[24, 32].tolist()
        assert red > 200 > 60 > max(blue, green), f"{kind}: the first frame is red"


def test_multi_picture_jpeg_is_a_jpeg() -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue")]
    photo = decode(save(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert photo.info.format == "JPEG"
    assert photo.image[24, 32].argmax() == 2


def test_bytes_after_the_end_of_a_jpeg_are_ignored() -> None:
    assert decode(encode(noise(64, 48)) + b"appended by a phone").image.shape == (48, 64, 3)


def test_the_thumbnail_inside_exif_is_not_the_end_of_the_picture() -> None:
    thumbnail = encode(noise(32, 32))
    content = encode(noise(320, 200), "JPEG", exif=exif(tags={0x010E: "description " + "x" * 50}))
    with_thumbnail = content[:2] + b"\xff\xe2" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail + content[2:]
    assert decode(with_thumbnail).image.shape == (200, 320, 3)


def test_progressive_jpeg() -> None:
    original = noise(320, 200)
    photo = decode(encode(original, "JPEG", progressive=True, quality=95))
    assert np.abs(photo.image.astype(int) - original).mean() < 4


@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
def test_jpeg_pixels_equal_those_of_opencv(reduction: int) -> None:
    """Of damaged files too."""
    content = bytearray(encode(noise(203, 157)))
    for position in (len(content) // 2, len(content) * 3 // 4):
        content[position] ^= 0x55
    flag = {1: 1, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}[
        reduction
    ]
    for data in (encode(noise(203, 157)), bytes(content)):
        limits = Limits(max_decoded_pixels=203 * 157 // reduction**2 + 1, min_side=1)
        np.testing.assert_array_equal(
            decode(data, limits=limits).image, cv2.imdecode(np.frombuffer(data, np.uint8), flag)
        )


def test_time_and_camera_are_kept() -> None:
    block = exif(
        tags={0x010F: "Canon", 0x0110: "Canon EOS R6"},
        photo_tags={0x9003: "2024:05:01 09:30:15", 0x9011: "+02:00", 0x9291: "25"},
    )
    for kind in FORMATS:
        info = decode(encode(noise(64, 64), kind, exif=block)).info
        assert info.camera == "Canon EOS R6", kind
        expected = datetime(2024, 5, 1, 9, 30, 15, 250_000, tzinfo=timezone(timedelta(hours=2)))
        assert info.taken_at == expected, kind


def test_a_picture_without_exif_has_no_time_and_no_camera() -> None:
    info = decode(encode(noise(64, 64), "PNG")).info
    assert (info.taken_at, info.camera) == (None, None)


def test_broken_exif_counts_as_absent() -> None:
    block = exif(tags={0x010F: "Canon"}, photo_tags={0x9003: "2024:05:01 09:30:15"})
    for broken in (block[:20], block[:-5], b"Exif\0\0garbage", block.replace(b"2024:05", b"20\xff4:05")):
        photo = decode(encode(noise(64, 64), "JPEG", exif=broken))
        assert photo.image.shape == (64, 64, 3)
        assert photo.info.taken_at is None


def test_an_embedded_profile_is_kept_unless_it_is_srgb() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert decode(encode(noise(64, 64), icc_profile=srgb)).colour_profile is None
    assert decode(encode(noise(64, 64), icc_profile=b"no profile at all")).colour_profile is None
    xyz = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    assert decode(encode(noise(64, 64), icc_profile=xyz)).colour_profile == xyz


def test_same_bytes_same_pixels() -> None:
    content = encode(noise(320, 200), "HEIF")
    assert np.array_equal(decode(content).image, decode(io.BytesIO(content).read()).image)
