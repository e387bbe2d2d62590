"""A picture whose file says in two places how it was held is shown as its faces or its text stand."""

from __future__ import annotations

import numpy as np
import pytest

from photofinish.analysis.analyzer import Analyzer
from photofinish.analysis.imaging.decoded import upright
from photofinish.analysis.imaging.decoding import decode
from photofinish.domain.analysis import PhotoAnalysis
from support.pictures import BgrImage, encode, exif, noise, runner, write


def heic_turned_only_by_exif(stored: BgrImage, orientation: int) -> bytes:
    """As some phones write: the EXIF says to turn the picture, the file's own properties do not.

    The encoder writes both, so its property gets a name that no decoder knows.
    """
    content = encode(stored, "HEIF", exif=exif(orientation=orientation), quality=90)
    assert b"irot" in content
    return content.replace(b"irot", b"free")


def stored_sideways(picture: BgrImage) -> BgrImage:
    """As a camera stores it whose EXIF orientation is 6."""
    return np.ascontiguousarray(np.rot90(picture))


def analysis_of(analyzer: Analyzer, content: bytes) -> tuple[PhotoAnalysis, list[str]]:
    [analyzed] = analyzer.analyze_decoded([analyzer.decode(content)])
    return analyzed.analysis, [warning.code.value for warning in analyzed.analysis.warnings]


def sign() -> BgrImage:
    picture = np.full((480, 640, 3), 235, np.uint8)
    write(picture, "FINISH 10 KM", middle=(320, 240), height=40)
    return picture


def test_the_property_of_the_file_is_not_confused_with_its_exif() -> None:
    photo = decode(encode(stored_sideways(noise(320, 200)), "HEIF", exif=exif(orientation=6)))
    assert (photo.info.width, photo.info.height, photo.doubtful_orientation) == (320, 200, 1)


@pytest.mark.parametrize("picture", [runner("2906"), sign()], ids=["faces", "text"])
def test_a_photo_is_turned_as_its_exif_says_if_it_stands_upright_then(analyzer: Analyzer, picture: BgrImage) -> None:
    height, width = picture.shape[:2]
    analysis, codes = analysis_of(analyzer, heic_turned_only_by_exif(stored_sideways(picture), 6))
    assert (analysis.image.width, analysis.image.height) == (width, height)
    assert codes == ["turned_by_exif"]
    assert analysis.text, "its text can be read"


@pytest.mark.parametrize("picture", [runner("2906"), sign()], ids=["faces", "text"])
def test_a_photo_that_stands_upright_already_is_not_turned(analyzer: Analyzer, picture: BgrImage) -> None:
    """A program turned the pixels, and left the EXIF."""
    height, width = picture.shape[:2]
    analysis, codes = analysis_of(analyzer, heic_turned_only_by_exif(picture, 6))
    assert (analysis.image.width, analysis.image.height) == (width, height)
    assert codes == []
    assert analysis.text


def test_without_faces_and_text_the_standard_decides_and_the_doubt_is_told(analyzer: Analyzer) -> None:
    analysis, codes = analysis_of(analyzer, heic_turned_only_by_exif(noise(320, 200), 6))
    assert (analysis.image.width, analysis.image.height) == (320, 200)
    assert codes == ["maybe_sideways"]


def test_turning_back_and_forth() -> None:
    picture = noise(32, 20)
    np.testing.assert_array_equal(upright(stored_sideways(picture), 6), picture)
