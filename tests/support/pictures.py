"""Pictures for tests: drawn, encoded as cameras do, or with faces out of installed packages."""

from __future__ import annotations

import io
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image

SHARED_DATA = Path(__file__).parents[2].parent / "shared" / "data"
BgrImage = NDArray[np.uint8]


def shared_data(name: str) -> Path:
    """The folder of labelled photos called `name` beside the project; skips the test where it is absent."""
    folder = SHARED_DATA / name
    if not folder.is_dir():
        pytest.skip(f"the labelled photos {folder} are not on this machine")
    return folder


def astronaut() -> BgrImage:
    """(512, 512, 3) BGR: one person (scikit-image's sample)."""
    return _installed_picture("scikit-image", "skimage/data/astronaut.png")


def group() -> BgrImage:
    """(886, 1280, 3) BGR: six people (insightface's sample)."""
    return _installed_picture("insightface", "insightface/data/images/t1.jpg")


def quadrants(width: int = 320, height: int = 200) -> BgrImage:
    """Four colours that tell every orientation apart: red, green / blue, white, as BGR."""
    image = np.zeros((height, width, 3), np.uint8)
    middle_y, middle_x = height // 2, width // 2
    image[:middle_y, :middle_x] = (0, 0, 255)
    image[:middle_y, middle_x:] = (0, 255, 0)
    image[middle_y:, :middle_x] = (255, 0, 0)
    image[middle_y:, middle_x:] = (255, 255, 255)
    return image


def runner(number: str, *, scale: int = 2, tilt_deg: float = 0) -> BgrImage:
    """The astronaut with a bib on the chest, turned clockwise by `tilt_deg`: one face and one number."""
    picture = cv2.resize(astronaut(), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    left, top, right, bottom = (int(value * scale) for value in (130, 330, 320, 440))
    middle = (left + right) // 2, (top + bottom) // 2
    bib = picture.copy()
    cv2.rectangle(bib, (left, top), (right, bottom), (255, 255, 255), -1)
    write(bib, number, middle=middle, height=45 * scale)
    if not tilt_deg:
        return bib
    on_the_bib = np.zeros(picture.shape[:2], np.uint8)
    cv2.rectangle(on_the_bib, (left, top), (right, bottom), 255, -1)
    turn = cv2.getRotationMatrix2D(middle, -tilt_deg, 1.0)
    size = picture.shape[1], picture.shape[0]
    turned, where = (cv2.warpAffine(layer, turn, size) for layer in (bib, on_the_bib))
    picture[where > 127] = turned[where > 127]
    return picture


def write(picture: BgrImage, text: str, *, middle: tuple[int, int], height: int) -> None:
    """Write `text` in black digits of `height` pixels around `middle`."""
    scale = height / 22
    thickness = max(1, round(height / 7))
    (text_width, text_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    origin = (middle[0] - text_width // 2, middle[1] + text_height // 2)
    cv2.putText(picture, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), thickness, cv2.LINE_AA)


def encode(image: BgrImage, kind: str = "JPEG", **options: object) -> bytes:
    """`image` as a file of Pillow's format `kind`; options as Pillow's `save` takes them."""
    pillow_heif.register_heif_opener()
    return save(Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)), kind, **options)


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    """A Pillow image of any mode as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(
    *,
    orientation: int = 1,
    tags: dict[int, object] | None = None,
    photo_tags: dict[int, object] | None = None,
    gps_tags: dict[int, object] | None = None,
) -> bytes:
    """An EXIF block with `tags` in its first directory, `photo_tags` and `gps_tags` in the Exif and GPS directories."""
    block = Image.Exif()
    block[0x0112] = orientation
    for tag, value in (tags or {}).items():
        block[tag] = value
    for tag, value in (photo_tags or {}).items():
        block.get_ifd(0x8769)[tag] = value
    for tag, value in (gps_tags or {}).items():
        block.get_ifd(0x8825)[tag] = value
    return block.tobytes()


def noise(width: int, height: int, *, seed: int = 0) -> BgrImage:
    """A picture of smooth random colours: compresses like a photo does."""
    small = np.random.default_rng(seed).integers(0, 256, (max(2, height // 8), max(2, width // 8), 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def _installed_picture(package: str, path: str) -> BgrImage:
    file = Path(str(metadata.distribution(package).locate_file(path)))
    image = cv2.imread(str(file))
    assert image is not None, f"{package} is installed without {file}"
    return image.astype(np.uint8)
