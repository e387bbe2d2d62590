"""Numbers and names in copies of JPEG files: readers of others find them, and the picture stays as it is."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.analysis.imaging.jpeg_metadata import read_metadata, with_metadata
from photofinish.domain.xmp import PhotoMetadata, merged, packet

ADA = PhotoMetadata(numbers=["42", "A7"], names=["Ada <Löwe> & 李"], rating=4)
PICTURE = cv2.imencode(".jpg", np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3))[1].tobytes()
LIGHTROOM = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmp:Rating="5"><dc:subject><rdf:Bag><rdf:li>finish</rdf:li><rdf:li>42</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def segment(code: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(data) + 2) + data


def with_xmp(xmp: str) -> bytes:
    return PICTURE[:2] + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp.encode()) + PICTURE[2:]


def with_iptc(*datasets: tuple[int, int, bytes]) -> bytes:
    iptc = b"".join(
        struct.pack(">BBBH", 0x1C, record, number, len(value)) + value for record, number, value in datasets
    )
    iptc += bytes(len(iptc) % 2)
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + b"8BIM\x03\xed\0\0\0\0\0\x02ab"
    return PICTURE[:2] + segment(0xED, b"Photoshop 3.0\0" + block) + PICTURE[2:]


def written(jpeg: bytes, metadata: PhotoMetadata = ADA) -> bytes:
    made = with_metadata(jpeg, metadata)
    assert made is not None
    assert np.array_equal(pixels(made), pixels(PICTURE)), "not a pixel changes"
    return made


def pixels(jpeg: bytes) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))


def test_what_is_written_is_read() -> None:
    xmp, keywords = read_metadata(written(PICTURE))
    assert keywords == ["42", "A7", "Ada <Löwe> & 李"]
    assert xmp == packet(ADA)
    assert "<rdf:li>Ada &lt;Löwe&gt; &amp; 李</rdf:li>" in xmp


def test_what_the_photographer_wrote_stays() -> None:
    xmp, _ = read_metadata(written(with_xmp(LIGHTROOM)))
    assert xmp is not None
    assert xmp.count("xmp:Rating") == 1
    assert xmp.count("<rdf:li>42</rdf:li>") == 1
    assert "<rdf:li>finish</rdf:li><rdf:li>42</rdf:li><rdf:li>A7</rdf:li>" in xmp
    assert "PersonInImage" in xmp


@pytest.mark.parametrize(
    "xmp",
    [
        "no XML",
        LIGHTROOM.replace("<x:xmpmeta", "<!DOCTYPE x [<!ENTITY a 'b'>]><x:xmpmeta"),
        LIGHTROOM.replace("rdf:", "r:"),
        LIGHTROOM.replace("<dc:subject>", "<dc:subject rdf:parseType='Resource'>"),
        LIGHTROOM + "x" * 65_000,
    ],
    ids=["no XML", "entities", "another prefix", "another form", "too long"],
)
def test_xmp_in_an_unknown_form_is_left_alone(xmp: str) -> None:
    assert with_metadata(with_xmp(xmp), ADA) is None


def test_keywords_are_added_to_those_that_are_there() -> None:
    made = written(with_iptc((2, 25, b"finish"), (2, 25, b"42"), (2, 80, b"Bea")))
    assert read_metadata(made)[1] == ["finish", "42", "A7", "Ada <Löwe> & 李"]
    assert b"\x1c\x02\x50\x00\x03Bea" in made
    assert b"8BIM\x03\xed\0\0\0\0\0\x02ab" in made, "other resources stay"


def test_iptc_in_an_unknown_encoding_is_left_alone() -> None:
    original = with_iptc((2, 25, "Zürich".encode("latin-1")))
    made = written(original)
    assert b"Z\xfcrich" in made
    xmp, _ = read_metadata(PICTURE[:2] + made[made.index(b"\xff\xe1") : made.index(b"Photoshop") - 4] + PICTURE[2:])
    assert xmp == packet(ADA), "XMP has them"


def test_written_twice_equals_once() -> None:
    once = written(PICTURE)
    assert read_metadata(written(once)) == read_metadata(once)


@given(content=st.binary(max_size=300), at=st.integers(2, 400))
def test_damaged_files_raise_nothing(content: bytes, at: int) -> None:
    with_metadata(content, ADA)
    with_metadata(b"\xff\xd8" + content, ADA)
    with_metadata(with_iptc((2, 25, b"x"))[:at] + content, ADA)


@given(words=st.lists(st.text(max_size=100), max_size=5))
def test_any_name_is_valid_xml_and_a_valid_keyword(words: list[str]) -> None:
    import xml.etree.ElementTree as ET

    metadata = PhotoMetadata(numbers=words, names=words, rating=None)
    text = packet(metadata)
    ET.fromstring(text[text.index("<x:xmpmeta") : text.rindex("<?xpacket")])
    assert merged(text, metadata) is not None
    _, keywords = read_metadata(written(PICTURE, metadata))
    assert all(len(word.encode()) <= 64 for word in keywords)


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed: libimage-exiftool-perl")
@pytest.mark.parametrize("original", [PICTURE, with_xmp(LIGHTROOM)], ids=["plain", "from Lightroom"])
def test_exiftool_reads_it(original: bytes, tmp_path: Path) -> None:
    path = tmp_path / "copy.jpg"
    path.write_bytes(written(original))
    tags = ["-IPTC:Keywords", "-XMP:Subject", "-XMP:PersonInImage", "-XMP:Rating", "-Warning", "-validate"]
    done = subprocess.run(["exiftool", "-j", *tags, path], capture_output=True, text=True, check=True)
    [read] = json.loads(done.stdout)
    assert read["Keywords"] == [42, "A7", "Ada <Löwe> & 李"]
    assert {"42", "A7", "Ada <Löwe> & 李"} <= set(map(str, read["Subject"]))
    assert read["PersonInImage"] in ("Ada <Löwe> & 李", ["Ada <Löwe> & 李"])
    assert read["Rating"] == (4 if original == PICTURE else 5)
    assert "Warning" not in read
