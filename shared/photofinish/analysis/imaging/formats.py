"""The formats of pictures: which are accepted, how a file's is recognised, and what to do about the others."""

from __future__ import annotations

from enum import StrEnum

from photofinish.errors import RejectedInput


class Format(StrEnum):
    """The accepted formats, as sidecars name them."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    TIFF = "TIFF"
    HEIF = "HEIF"
    AVIF = "AVIF"
    GIF = "GIF"
    BMP = "BMP"
    RAW = "RAW"
    """A camera raw file, by the preview embedded in it."""


ACCEPTED = "JPEG, PNG, WebP, TIFF, HEIC, AVIF, GIF, BMP or camera raw"
_EXPORT = "Export it as JPEG and upload that."
# Of accepted files: suffix to content type. The content decides what a file is; its name, what it is called.
CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpe": "image/jpeg",
    ".mpo": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".hif": "image/heif",
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".dng": "image/x-adobe-dng",
    ".cr2": "image/x-canon-cr2",
    ".cr3": "image/x-canon-cr3",
    ".nef": "image/x-nikon-nef",
    ".nrw": "image/x-nikon-nrw",
    ".arw": "image/x-sony-arw",
    ".raf": "image/x-fuji-raf",
    ".orf": "image/x-olympus-orf",
    ".rw2": "image/x-panasonic-rw2",
    ".pef": "image/x-pentax-pef",
    ".srw": "image/x-samsung-srw",
}
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_UNSUPPORTED = (
    (b"II+\0", "a BigTIFF picture"),
    (b"MM\0+", "a BigTIFF picture"),
    (b"8BPS", "a Photoshop document"),
    (b"%PDF", "a PDF document"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"FOVb", "a Sigma raw file (X3F)"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"PK\x03\x04", "a ZIP archive"),
)
_BMP_HEADER_SIZES = frozenset({12, 40, 52, 56, 64, 108, 124})


def recognise(content: bytes) -> Format:
    """Recognise the format of `content`; the file's name does not matter. Raw files made of TIFF are TIFF here.

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
        return Format.RAW if content[8:10] == b"CR" else Format.TIFF
    if content.startswith((b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")):
        return Format.RAW
    if content.startswith((b"GIF87a", b"GIF89a")):
        return Format.GIF
    if content.startswith(b"BM") and int.from_bytes(content[14:18], "little") in _BMP_HEADER_SIZES:
        return Format.BMP
    if content[4:8] == b"ftyp":
        return _recognise_iso_media(content)
    for magic, what in _UNSUPPORTED:
        if content.startswith(magic):
            raise unsupported(what)
    raise RejectedInput(
        "not_a_picture", f"The file is not a picture: its content is not {ACCEPTED}, whatever its name says."
    )


def unsupported(what: str, advice: str = _EXPORT) -> RejectedInput:
    """Make the rejection of a recognised format that is not accepted; `advice` says what to do instead."""
    return RejectedInput("unsupported_format", f"The file is {what}, which is not supported. {advice}")


def _recognise_iso_media(content: bytes) -> Format:
    box_end = min(int.from_bytes(content[:4], "big"), 1024)
    brand = content[8:12]
    compatible = {content[at : at + 4] for at in range(16, box_end, 4)}
    if brand == b"crx ":
        return Format.RAW
    # A picture whose main brand is only that of the container says by another one how it is compressed.
    if brand in _AVIF_BRANDS or (brand in {b"mif1", b"mif2", b"msf1"} and compatible & _AVIF_BRANDS):
        return Format.AVIF
    if brand in _HEIF_BRANDS:
        return Format.HEIF
    if brand == b"jxl ":
        raise unsupported("a JPEG XL picture")
    raise unsupported("a video or another kind of media file", "Upload photos of it instead.")
