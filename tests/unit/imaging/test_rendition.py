"""The preview: small, upright, in the right colours, without metadata."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image, ImageCms

from photofinish.analysis.imaging.decoding import DecodedPhoto, decode
from photofinish.analysis.imaging.rendition import preview_jpeg, preview_picture, thumbnail_picture, thumbnail_webp
from photofinish.analysis.imaging.resizing import fit_within
from support.pictures import encode, exif, noise, quadrants


def encoded(photo: DecodedPhoto) -> bytes:
    return preview_jpeg(preview_picture(photo))


def opened(photo: DecodedPhoto) -> Image.Image:
    return Image.open(io.BytesIO(encoded(photo)))


def test_at_most_1600_pixels_and_never_enlarged() -> None:
    assert opened(decode(encode(noise(3200, 2000)))).size == (1600, 1000)
    assert opened(decode(encode(noise(2000, 3200)))).size == (1000, 1600)
    assert opened(decode(encode(noise(400, 300)))).size == (400, 300)


def test_upright_and_without_metadata() -> None:
    stored = np.ascontiguousarray(np.rot90(quadrants()))
    block = exif(orientation=6, tags={0x010F: "SecretMaker"}, photo_tags={0x9003: "2024:05:01 09:30:15"})
    content = encode(stored, "JPEG", exif=block)
    assert b"SecretMaker" in content
    preview = encoded(decode(content))
    assert b"SecretMaker" not in preview
    assert b"Exif" not in preview
    image = Image.open(io.BytesIO(preview))
    assert image.size == (320, 200)
    assert not image.getexif()


def test_colours_of_another_profile_become_srgb() -> None:
    """A profile whose red and blue are swapped shows clearly whether it was applied."""
    swapped = swapped_profile()
    photo = decode(encode(quadrants(), "PNG", icc_profile=swapped))
    assert photo.colour_profile == swapped
    preview = cv2.imdecode(np.frombuffer(encoded(photo), np.uint8), cv2.IMREAD_COLOR)
    blue, _, red = preview[50, 80].tolist()
    assert blue > 200 > 60 > red, "the red quadrant is blue in this profile"


def test_a_profile_for_other_channels_changes_nothing() -> None:
    photo = decode(encode(quadrants(), "PNG"))
    for profile in (b"broken", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()):
        with_profile = DecodedPhoto(image=photo.image, info=photo.info, colour_profile=profile)
        assert encoded(with_profile) == encoded(photo)


def test_a_thumbnail_is_a_small_webp_of_the_preview() -> None:
    for (width, height), size in {(1600, 1000): (320, 200), (1000, 1600): (200, 320), (90, 60): (90, 60)}.items():
        webp = Image.open(io.BytesIO(thumbnail_webp(thumbnail_picture(noise(width, height)))))
        assert (webp.format, webp.size, dict(webp.getexif())) == ("WEBP", size, {})
    colours = Image.open(io.BytesIO(thumbnail_webp(thumbnail_picture(quadrants())))).convert("RGB")
    red, green, blue = colours.getpixel((40, 25))  # type: ignore[misc]
    assert red > 180 > 80 > max(green, blue), "the first quadrant is red, and colours keep their order"


def test_fit_within_keeps_the_shape() -> None:
    assert fit_within(noise(4000, 40), 100).shape == (1, 100, 3)
    assert fit_within(noise(50, 40), 100).shape == (40, 50, 3)


def swapped_profile() -> bytes:
    """An sRGB profile with the tags of its red and blue primaries exchanged, under another name."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
