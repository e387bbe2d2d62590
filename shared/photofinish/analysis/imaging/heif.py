"""Decode HEIF files (HEIC)."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import Image

from photofinish.analysis.imaging import iso_media
from photofinish.analysis.imaging.formats import unsupported
from photofinish.errors import RejectedInput

# How the pictures of a HEIF file can be compressed, by the type of their item.
_COMPRESSIONS = {
    b"unci": "an uncompressed HEIF picture",
    b"avc1": "an HEIF picture compressed with H.264",
    b"vvc1": "an HEIF picture compressed with H.266",
    b"av01": "an AVIF picture that calls itself HEIF",
    b"j2k1": "an HEIF picture compressed with JPEG 2000",
    b"jpeg": "an HEIF picture compressed with JPEG",
}


@dataclass(frozen=True, slots=True, eq=False)
class OpenedHeif:
    """The primary picture of a HEIF file, not decoded yet."""

    picture: pi_heif.HeifImage
    carrier: Image.Image
    """Carries the picture's EXIF."""
    is_turned_by_file: bool
    """Whether the file itself says how to turn or mirror its pictures; the decoder does it then."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        width, height = self.picture.size
        return width, height

    @property
    def colour_profile(self) -> bytes | None:
        return self.picture.info.get("icc_profile") or None

    def pixels(self) -> NDArray[np.uint8]:
        """Decode: (H, W, 1, 3 or 4), of colours in the order BGR, then opacity. Valid only as long as this object.

        Raises:
            OSError, ValueError, RuntimeError, EOFError: the picture is damaged.
        """
        pixels = np.asarray(self.picture)
        return pixels if pixels.ndim == 3 else pixels[:, :, None]


def open_heif(content: bytes) -> OpenedHeif:
    """Open a HEIF file.

    Raises:
        RejectedInput: `unsupported_format`.
        OSError, ValueError, RuntimeError, EOFError, SyntaxError: the file is damaged.
    """
    metadata = iso_media.metadata(content)
    try:
        file = pi_heif.open_heif(io.BytesIO(content), convert_hdr_to_8bit=True, bgr_mode=True)
    except ValueError:
        if iso_media.has_tracks(content):
            raise unsupported(
                "an HEIF sequence (a short video)", "Export a picture of it as JPEG and upload that."
            ) from None
        raise
    if len(file) == 0:
        raise _unsupported_compression(metadata)
    picture = file[file.primary_index]
    carrier = Image.new("1", (1, 1))
    carrier.info.update({name: picture.info[name] for name in ("exif", "xmp") if picture.info.get(name)})
    return OpenedHeif(picture, carrier, is_turned_by_file=b"irot" in metadata or b"imir" in metadata)


def _unsupported_compression(metadata: bytes) -> RejectedInput:
    what = next((what for name, what in _COMPRESSIONS.items() if name in metadata), "an HEIF file without a picture")
    return unsupported(what)
