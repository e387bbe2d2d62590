"""A ZIP of files whose sizes are not known before they are made: sent from beginning to end, and not resumable."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from photofinish.domain.download import DownloadedPhoto
from photofinish.domain.zip_archive import (
    ZipFile,
    central_record,
    checksum,
    end_of_archive,
    local_header,
    missing_text,
    note_names,
)
from photofinish.errors import NotFound, PhotoGone

_AHEAD = 4  # pictures that are made at the same time, and so are in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFile:
    """A file of the archive, as it was made of a photo."""

    name: str
    content: bytes


def streamed_archive(
    photos: Sequence[DownloadedPhoto], make: Callable[[DownloadedPhoto], Iterable[MadeFile]]
) -> Iterator[bytes]:
    """Yield an archive of what `make` makes of each photo, in order.

    `make` is called by several threads; a photo for which it raises PhotoGone or NotFound is named in `MISSING.txt`.
    """
    records: list[bytes] = []
    names: set[str] = set()
    missing = []
    position = 0

    def entry(file: ZipFile, content: bytes) -> Iterator[bytes]:
        nonlocal position
        crc32 = checksum(content)
        header = local_header(file, crc32)
        records.append(central_record(file, crc32, position))
        names.add(file.name.casefold())
        position += len(header) + len(content)
        yield header
        yield content

    for photo, made in _made(photos, make):
        if made is None:
            missing.append(photo.path)
            continue
        for one in made:
            file = ZipFile(name=one.name, size_bytes=len(one.content), modified=photo.taken_at)
            yield from entry(file, one.content)
    if missing:
        text = missing_text(missing)
        name = next(name for name in note_names() if name.casefold() not in names)
        yield from entry(ZipFile(name=name, size_bytes=len(text)), text)
    directory = b"".join(records)
    yield directory
    yield end_of_archive(len(records), directory_at=position, directory_bytes=len(directory))


def _made(
    photos: Sequence[DownloadedPhoto], make: Callable[[DownloadedPhoto], Iterable[MadeFile]]
) -> Iterator[tuple[DownloadedPhoto, list[MadeFile] | None]]:
    """Each photo with its files, some made ahead; None for a photo that is gone."""
    remaining = iter(photos)
    making: deque[tuple[DownloadedPhoto, Future[list[MadeFile]]]] = deque()
    pool = ThreadPoolExecutor(_AHEAD, "download")

    def make_next() -> None:
        if (photo := next(remaining, None)) is not None:
            making.append((photo, pool.submit(lambda: list(make(photo)))))

    try:
        for _ in range(_AHEAD):
            make_next()
        while making:
            photo, future = making.popleft()
            try:
                made: list[MadeFile] | None = future.result()
            except (PhotoGone, NotFound):
                made = None
            make_next()
            yield photo, made
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
