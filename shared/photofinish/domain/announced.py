"""What a client announced of a file, as metadata of its object: the upload's signature covers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from photofinish.errors import RejectedInput

SIZE_METADATA = "announced-size"
CRC32C_METADATA = "announced-crc32c"
_AGAIN = "Delete the photo and upload it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What the file should be."""

    size_bytes: int
    crc32c: str | None = None
    """Base64 of four bytes, big-endian; None: not announced."""


def metadata_of(announced: Announced) -> dict[str, str]:
    """Return the object's metadata that :func:`announced_in` reads."""
    metadata = {SIZE_METADATA: str(announced.size_bytes)}
    return metadata if announced.crc32c is None else metadata | {CRC32C_METADATA: announced.crc32c}


def announced_in(metadata: object) -> Announced | None:
    """Return what an object's metadata announces; None for an object that was uploaded without."""
    if not isinstance(metadata, Mapping):
        return None
    size, crc32c = str(metadata.get(SIZE_METADATA, "")), metadata.get(CRC32C_METADATA)
    if not (size.isascii() and size.isdigit()):
        return None
    return Announced(size_bytes=int(size), crc32c=None if crc32c is None else str(crc32c))


def check_as_announced(announced: Announced | None, *, size_bytes: int, crc32c: str | None) -> None:
    """Check what arrived.

    Raises:
        RejectedInput: `not_as_announced`.
    """
    if announced is None:
        return
    if size_bytes != announced.size_bytes:
        raise RejectedInput(
            "not_as_announced",
            f"The file has {size_bytes:,} bytes, but {announced.size_bytes:,} were announced. {_AGAIN}",
        )
    if None not in (crc32c, announced.crc32c) and crc32c != announced.crc32c:
        raise RejectedInput(
            "not_as_announced",
            f"The file's checksum is {crc32c}, but {announced.crc32c} was announced. {_AGAIN}",
        )
