"""The format of a file, recognised by its first bytes, and whether the file is complete."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from enum import StrEnum

from photofinish.errors import RejectedInput


class Format(StrEnum):
    """The accepted formats, as sidecars name them."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    TIFF = "TIFF"
    HEIF = "HEIF"


ACCEPTED = "JPEG, PNG, WebP, TIFF or HEIC"
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_OTHER_BRANDS = {b"avif": "an AVIF picture", b"avis": "an AVIF sequence", b"crx ": "a camera raw file (CR3)"}
_UNSUPPORTED = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP picture"),
    (b"8BPS", "a Photoshop document"),
    (b"%PDF", "a PDF document"),
    (b"FUJIFILMCCD-RAW", "a camera raw file (RAF)"),
    (b"IIRO", "a camera raw file (ORF)"),
    (b"IIU\0", "a camera raw file (RW2)"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"PK\x03\x04", "a ZIP archive"),
)
# A marker in a JPEG stream; stuffed zeros, fill bytes and restart markers do not match.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_JPEG_END = 0xD9


def recognise(content: bytes) -> Format:
    """Recognise the format of `content`; the file's name does not matter.

    Raises:
        RejectedInput: `unsupported_format` for other pictures and media, `not_a_picture` for anything else.
    """
    if content.startswith(b"\xff\xd8\xff"):
        return Format.JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return Format.PNG
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return Format.WEBP
    if content.startswith((b"II*\0", b"MM\0*")):
        if content[8:10] == b"CR":
            raise unsupported("a camera raw file (CR2)")
        return Format.TIFF
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        if brand in _HEIF_BRANDS:
            return Format.HEIF
        raise unsupported(_OTHER_BRANDS.get(brand, "a video or another kind of media file"))
    for magic, what in _UNSUPPORTED:
        if content.startswith(magic):
            raise unsupported(what)
    raise RejectedInput(
        "not_a_picture", f"The file is not a picture: its content is not {ACCEPTED}, whatever its name says."
    )


def unsupported(what: str) -> RejectedInput:
    """Make the rejection of a recognised format that is not accepted."""
    return RejectedInput("unsupported_format", f"The file is {what}, which is not supported. Upload {ACCEPTED}.")


def is_cut_off(content: bytes, kind: Format) -> bool:
    """Whether the file ends before its own structure does.

    Of TIFF only the first directory is checked; :func:`photofinish.analysis.imaging.decoding.decode` checks the strips.
    """
    match kind:
        case Format.JPEG:
            return not _jpeg_has_end(content)
        case Format.PNG:
            return not any(name == b"IEND" for name, _ in _png_chunks(content))
        case Format.WEBP:
            return len(content) < 8 + int.from_bytes(content[4:8], "little")
        case Format.TIFF:
            offset = int.from_bytes(content[4:8], "little" if content.startswith(b"II") else "big")
            return len(content) < 8 or offset + 2 > len(content)
        case Format.HEIF:
            return not _boxes_fit(content)


def _jpeg_has_end(content: bytes) -> bool:
    """Walk the segments to the end-of-image marker; markers of thumbnails inside segments do not count."""
    position = 2
    while True:
        marker = _JPEG_MARKER.search(content, position)
        if marker is None:
            return False
        code = content[marker.start() + 1]
        if code == _JPEG_END:
            return True
        # Every other marker here has a length; a scan's data follows its header.
        length = content[marker.end() : marker.end() + 2]
        if len(length) < 2:
            return False
        position = marker.end() + max(2, int.from_bytes(length, "big"))


def has_wrong_checksum(content: bytes) -> bool:
    """Whether a chunk of this PNG's pixels is corrupt; decoders would return garbage without an error."""
    return any(
        name == b"IDAT" and zlib.crc32(content[start : start + 4 + length]) != checksum
        for name, (start, length, checksum) in _png_chunks(content)
    )


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, tuple[int, int, int]]]:
    """Yield each complete chunk: its name, then the position of the name, the length of its data and its checksum."""
    position = 8
    while position + 8 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        name, end = content[position + 4 : position + 8], position + 8 + length
        if end > len(content) or not name.isalpha():
            return
        yield name, (position + 4, length, int.from_bytes(content[end : end + 4], "big"))
        position = end + 4


def _boxes_fit(content: bytes) -> bool:
    """Whether the top-level boxes of an ISO media file end within the file, and one of them is its metadata."""
    position, found_metadata = 0, False
    while position + 8 <= len(content):
        size = int.from_bytes(content[position : position + 4], "big")
        found_metadata |= content[position + 4 : position + 8] == b"meta"
        if size == 1:
            size = int.from_bytes(content[position + 8 : position + 16], "big")
        if size == 0:  # it extends to the end of the file
            return found_metadata
        if size < 8:
            return True  # not a box: the decoder reports the error
        position += size
    return found_metadata and position <= len(content)
