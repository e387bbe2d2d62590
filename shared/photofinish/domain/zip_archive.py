"""The records of a ZIP file, and where each lies: the file's bytes follow from names and sizes alone, except checksums.

Files are stored, not compressed: photos are compressed already. So the length of the archive is known before a byte
of it is read, and it can be written from any position. Sizes beyond 32 bits use ZIP64. The format is APPNOTE.TXT of
PKWARE; no library writes an archive from the middle.
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

_LIMIT32 = 0xFFFFFFFF
_LIMIT16 = 0xFFFF
_MADE_BY = 3 << 8 | 45  # Unix, version 4.5
_UTF8_NAMES = 1 << 11
_REGULAR_FILE = 0o100644 << 16
_FIRST_YEAR, _LAST_YEAR = 1980, 2107
_ZIP64_EXTRA_ID = 1

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_ZIP64_END = struct.Struct("<4sQ2H2I4Q")
_ZIP64_LOCATOR = struct.Struct("<4sIQI")
_END = struct.Struct("<4s4H2IH")


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipFile:
    """A file of an archive."""

    name: str
    """Its path, with slashes."""
    size_bytes: int
    modified: datetime | None = None
    """By the clock of the camera: the format has no time zone."""


def local_header(file: ZipFile, crc32: int) -> bytes:
    """What lies before the content of a file."""
    name, is_large = file.name.encode(), file.size_bytes >= _LIMIT32
    extra = struct.pack("<2H2Q", _ZIP64_EXTRA_ID, 16, file.size_bytes, file.size_bytes) if is_large else b""
    size = _LIMIT32 if is_large else file.size_bytes
    version, (time, date) = 45 if is_large else 20, _dos_time(file.modified)
    fixed = _LOCAL.pack(b"PK\3\4", version, _UTF8_NAMES, 0, time, date, crc32, size, size, len(name), len(extra))
    return fixed + name + extra


def central_record(file: ZipFile, crc32: int, offset: int) -> bytes:
    """The entry of a file in the directory at the end; its header begins at `offset`."""
    name = file.name.encode()
    is_large, is_far = file.size_bytes >= _LIMIT32, offset >= _LIMIT32
    wide = [file.size_bytes, file.size_bytes] if is_large else []
    wide += [offset] if is_far else []
    extra = struct.pack(f"<2H{len(wide)}Q", _ZIP64_EXTRA_ID, 8 * len(wide), *wide) if wide else b""
    size = _LIMIT32 if is_large else file.size_bytes
    version, (time, date) = 45 if wide else 20, _dos_time(file.modified)
    fixed = _CENTRAL.pack(
        *(b"PK\1\2", _MADE_BY, version, _UTF8_NAMES, 0, time, date, crc32, size, size, len(name), len(extra)),
        *(0, 0, 0, _REGULAR_FILE, _LIMIT32 if is_far else offset),
    )
    return fixed + name + extra


def end_of_archive(
    files: int, *, directory_at: int, directory_bytes: int, comment: bytes = b"", is_zip64: bool | None = None
) -> bytes:
    """What follows the directory. `is_zip64`: whether to write the records of ZIP64; None: where they are needed."""
    needed = files >= _LIMIT16 or directory_at >= _LIMIT32 or directory_bytes >= _LIMIT32
    zip64 = b""
    if needed or is_zip64:
        at = directory_at + directory_bytes
        zip64 = _ZIP64_END.pack(
            b"PK\6\6", _ZIP64_END.size - 12, _MADE_BY, 45, 0, 0, files, files, directory_bytes, directory_at
        ) + _ZIP64_LOCATOR.pack(b"PK\6\7", 0, at, 1)
    count = min(files, _LIMIT16)
    size, start = min(directory_bytes, _LIMIT32), min(directory_at, _LIMIT32)
    return zip64 + _END.pack(b"PK\5\6", 0, 0, count, count, size, start, len(comment)) + comment


@dataclass(frozen=True, slots=True)
class ZipLayout:
    """An archive of files whose sizes are known: where each begins, and its whole length.

    A file that turns out to be missing keeps its place, filled with zeros, but leaves the directory; a text with the
    names of all missing ones takes up the room that they leave there, together with that of the archive's comment. So
    the length and the place of every other file stay as they are, and a download that was interrupted can go on.
    """

    files: tuple[ZipFile, ...]
    comment: bytes = b"Photos of an album. Names of photos that could not be read any more are in MISSING.txt, if any."
    starts: tuple[int, ...] = field(init=False)
    """Where the header of each file begins, and where the last file ends."""
    length: int = field(init=False)
    is_zip64: bool = field(init=False)

    def __post_init__(self) -> None:
        starts = [0]
        for file in self.files:
            starts.append(starts[-1] + len(local_header(file, 0)) + file.size_bytes)
        records = sum(len(central_record(file, 0, at)) for file, at in zip(self.files, starts, strict=False))
        # Decided generously, so that the room for missing files never changes it.
        is_zip64 = starts[-1] + 2 * records + _RESERVED >= _LIMIT32 or len(self.files) + 1 >= _LIMIT16
        object.__setattr__(self, "starts", tuple(starts))
        object.__setattr__(self, "is_zip64", is_zip64)
        object.__setattr__(self, "length", starts[-1] + len(self._tail(records)) + records)

    @property
    def tail_at(self) -> int:
        """Where the last file ends."""
        return self.starts[-1]

    def index_at(self, position: int) -> int:
        """The number of the file in whose bytes `position` lies; behind the last file their count."""
        return min(bisect_right(self.starts, position) - 1, len(self.files))

    def tail(self, crc32s: Mapping[int, int]) -> bytes:
        """Everything after the last file. Files without a checksum in `crc32s`, by their number, are missing."""
        missing = [file.name for number, file in enumerate(self.files) if number not in crc32s]
        records = b"".join(
            central_record(file, crc32s[number], self.starts[number])
            for number, file in enumerate(self.files)
            if number in crc32s
        )
        if not missing:
            return records + self._tail(len(records))
        text = missing_text(missing)
        note = ZipFile(name=self._note_name(), size_bytes=len(text))
        crc32 = checksum(text)
        content = local_header(note, crc32) + text
        # The gap comes first, and its length depends on what follows; the record of the note is as long anywhere.
        after = len(records) + len(central_record(note, crc32, self.tail_at)) + len(self._end(1, 0, 0))
        note_at = self.length - after - len(content)
        gap = note_at - self.tail_at
        assert gap >= 0, "the room of missing files holds their names"
        records += central_record(note, crc32, note_at)
        directory_at = note_at + len(content)
        count = len(self.files) - len(missing) + 1
        return bytes(gap) + content + records + self._end(count, directory_at, len(records))

    def _end(self, files: int, directory_at: int, directory_bytes: int, comment: bytes = b"") -> bytes:
        return end_of_archive(
            files, directory_at=directory_at, directory_bytes=directory_bytes, comment=comment, is_zip64=self.is_zip64
        )

    def _tail(self, directory_bytes: int) -> bytes:
        comment = self.comment.ljust(_RESERVED)
        return self._end(len(self.files), self.tail_at, directory_bytes, comment)

    def _note_name(self) -> str:
        taken = {file.name.casefold() for file in self.files}
        return next(name for name in note_names() if name.casefold() not in taken)


def note_names() -> Sequence[str]:
    """Names for the text about missing files: the first that no file has."""
    return ["MISSING.txt", *(f"MISSING ({number}).txt" for number in range(2, 9999))]


_MISSING = b"These photos were removed after the download was made:\r\n"


def missing_text(names: Sequence[str]) -> bytes:
    """The text about files that are missing in an archive."""
    return _MISSING + b"".join(name.encode() + b"\r\n" for name in names)


# For the sentence, both records of the note (with the longest of its names, and an offset of ZIP64), and spare bytes.
_RESERVED = len(_MISSING) + _LOCAL.size + _CENTRAL.size + 2 * len("MISSING (9999).txt") + 12 + 32


def checksum(content: bytes, crc32: int = 0) -> int:
    """CRC-32 of the content, or of all contents up to this one."""
    return zlib.crc32(content, crc32)


def _dos_time(moment: datetime | None) -> tuple[int, int]:
    if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return 0, 1 << 5 | 1  # 1 January 1980
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return time, (moment.year - _FIRST_YEAR) << 9 | moment.month << 5 | moment.day
