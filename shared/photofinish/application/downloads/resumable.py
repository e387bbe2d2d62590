"""The ZIP of originals as it is sent, from any byte on, in little memory.

Where each byte lies follows from names and sizes (`domain/zip_archive.py`). Only checksums need the content: that of a
file stands in front of it, so a small file is read into memory first, and a large one is read twice. Checksums are
kept, so that a client that goes on with an interrupted download does not wait for the files in front of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from photofinish.domain.download import Download
from photofinish.domain.zip_archive import ZipLayout, checksum, local_header
from photofinish.errors import PhotoGone
from photofinish.ports import KeptDownloads, Originals

READ_AT_ONCE_BYTES = 16 * 2**20
"""Files up to this size are in memory, one of each archive that is being sent."""
PART_BYTES = 4 * 2**20
_NOTE_EVERY = 32  # checksums, so that a killed instance loses few
_ZEROS = bytes(2**16)


class ResumableArchive:
    """Sends one download; for one thread."""

    def __init__(self, download: Download, originals: Originals, downloads: KeptDownloads) -> None:
        """Raises ValueError if the sizes of its files are not known."""
        files = download.files
        if files is None:
            raise ValueError("the sizes of all files must be known")
        self.layout = ZipLayout(files)
        self._download = download
        self._originals = originals
        self._downloads = downloads
        self._crc32s = dict(download.crc32s)
        self._missing = set(download.missing)
        self._noted = len(self._crc32s)

    def parts(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to `stop` of the archive."""
        layout = self.layout
        try:
            for number in range(layout.index_at(start), len(layout.files)):
                begins = layout.starts[number]
                if begins >= stop:
                    return
                yield from self._file(number, max(start - begins, 0), min(stop, layout.starts[number + 1]) - begins)
            if stop > layout.tail_at:
                tail = self._tail()
                yield tail[max(start - layout.tail_at, 0) : stop - layout.tail_at]
        finally:
            self._note()

    def _file(self, number: int, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of a file with its header, counted from that; zeros for what cannot be read any more."""
        sent = start
        try:
            crc32, content = self._checked(number)
            header = local_header(self.layout.files[number], crc32)
            if sent < len(header):
                yield header[sent:stop]
                sent = min(len(header), stop)
            for part in self._content(number, content, sent - len(header), stop - len(header)):
                yield part
                sent += len(part)
        except PhotoGone:
            self._lose(number)
            while sent < stop:
                zeros = _ZEROS[: stop - sent]
                yield zeros
                sent += len(zeros)

    def _content(self, number: int, content: bytes | None, start: int, stop: int) -> Iterator[bytes]:
        if content is not None:
            yield content[start:stop]
            return
        while start < stop:
            part = self._read(number, start, min(start + PART_BYTES, stop))
            yield part
            start += len(part)

    def _checked(self, number: int) -> tuple[int, bytes | None]:
        """The checksum of a file, and its content where that was read for it and is small.

        Raises:
            PhotoGone: it is missing.
        """
        if number in self._missing:
            raise PhotoGone("photo_gone", "It was missing before.")
        known = self._crc32s.get(number)
        if known is not None:
            return known, None
        size = self.layout.files[number].size_bytes
        if size <= READ_AT_ONCE_BYTES:
            content: bytes | None = self._read(number, 0, size)
            crc32 = checksum(content or b"")
        else:
            content, crc32 = None, 0
            for start in range(0, size, PART_BYTES):
                crc32 = checksum(self._read(number, start, min(start + PART_BYTES, size)), crc32)
        self._crc32s[number] = crc32
        if len(self._crc32s) - self._noted >= _NOTE_EVERY:
            self._note()
        return crc32, content

    def _read(self, number: int, start: int, stop: int) -> bytes:
        photo = self._download.photos[number].photo
        part = self._originals.read_part(photo, start=start, stop=stop)
        if len(part) < stop - start:
            raise PhotoGone("photo_gone", f"{photo.name} is shorter than it was recorded.")
        return part

    def _tail(self) -> bytes:
        for number in range(len(self.layout.files)):
            try:
                self._checked(number)
            except PhotoGone:
                self._lose(number)
        return self.layout.tail({number: self._crc32s[number] for number in self._crc32s.keys() - self._missing})

    def _lose(self, number: int) -> None:
        # Kept before zeros are sent: a part that is requested later must not name the file in the directory.
        if number not in self._missing:
            self._missing.add(number)
            self._note()

    def _note(self) -> None:
        if len(self._crc32s) > len(self._download.crc32s) or self._missing > self._download.missing:
            self._downloads.note_read(self._download.download_id, self._crc32s, self._missing)
        self._noted = len(self._crc32s)
