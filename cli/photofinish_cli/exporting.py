"""Write the originals of photos into a zip file or a folder; an interruption leaves no half-written file."""

from __future__ import annotations

import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from photofinish.domain.photo import PhotoRef
from photofinish.domain.work import MAX_PHOTO_BYTES
from photofinish.errors import PhotofinishError, PhotoGone, RejectedInput
from photofinish.ports import PhotoStore, UploadedFile
from photofinish_cli.dropping import content_of

# So many originals are in memory at most.
_AHEAD = 4
_ZIP_YEARS = range(1980, 2108)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A photo to export."""

    photo: PhotoRef
    path: str
    """Of its file, relative to the zip or the folder."""
    taken_at: datetime | None = None


@dataclass(slots=True)
class Exported:
    """What became of the photos of one export."""

    written: list[Wanted] = field(default_factory=list)
    there: list[Wanted] = field(default_factory=list)
    """Those whose file the folder has already."""
    failed: list[tuple[Wanted, str]] = field(default_factory=list)


def export_zip(file: Path, photos: Sequence[Wanted], store: PhotoStore, *, on_done: Callable[[], None]) -> Exported:
    """Write a zip of originals, which has its name once it is whole; without any original there is none.

    Raises:
        RejectedInput: the file cannot be written.
    """
    done = Exported()
    with written_whole(file) as partial:
        with zipfile.ZipFile(partial, "w") as archive:  # photos are compressed already: they are stored
            for wanted, content in _originals(photos, store, done, on_done):
                archive.writestr(_entry(wanted), content)
                done.written.append(wanted)
        if not done.written:
            partial.unlink()
    return done


def export_folder(
    folder: Path,
    photos: Sequence[Wanted],
    store: PhotoStore,
    uploaded: Mapping[str, UploadedFile],
    *,
    replace: bool,
    on_done: Callable[[], None],
) -> Exported:
    """Write originals as files; those that the folder has with the same content are left, so a run can be repeated.

    A file with other content stays unless `replace` is true; one that cannot be written costs no other.
    """
    done = Exported()
    missing = []
    for wanted in photos:
        file = folder / wanted.path
        if not file.exists():
            missing.append(wanted)
            continue
        if _is_same(file, uploaded.get(wanted.photo.name)):
            done.there.append(wanted)
        elif replace:
            missing.append(wanted)
            continue
        else:
            done.failed.append((wanted, f"{file} has other content; --force replaces it"))
        on_done()
    for wanted, content in _originals(missing, store, done, on_done):
        try:
            with written_whole(folder / wanted.path) as partial:
                partial.write_bytes(content)
            done.written.append(wanted)
        except RejectedInput as error:
            done.failed.append((wanted, error.message))
    return done


def _originals(
    photos: Sequence[Wanted], store: PhotoStore, done: Exported, on_done: Callable[[], None]
) -> Iterator[tuple[Wanted, bytes]]:
    """The photos' originals in order, some fetched ahead; one that cannot be fetched is noted as failed."""
    pool = ThreadPoolExecutor(_AHEAD, "original")
    remaining = iter(photos)
    fetching: deque[tuple[Wanted, Future[bytes]]] = deque()

    def fetch_next() -> None:
        if (wanted := next(remaining, None)) is not None:
            fetching.append((wanted, pool.submit(store.read, wanted.photo, max_bytes=MAX_PHOTO_BYTES)))

    try:
        for _ in range(_AHEAD):
            fetch_next()
        while fetching:
            wanted, future = fetching.popleft()
            try:
                content = future.result()
            except PhotoGone:
                done.failed.append((wanted, "it was deleted or replaced since"))
            except PhotofinishError as error:
                done.failed.append((wanted, str(error)))
            else:
                yield wanted, content
            fetch_next()
            on_done()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """Give a file beside `file` to write to, and rename it to `file` if it exists at the end; else it is removed."""
    partial = file.with_name(f".{file.name}.part")  # a killed run's is overwritten by the next
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        if partial.exists():
            partial.replace(file)
    except OSError as error:
        raise RejectedInput("not_writable", f"{file} cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            partial.unlink()


def _entry(wanted: Wanted) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(wanted.path)
    entry.external_attr = 0o644 << 16
    if wanted.taken_at is not None and wanted.taken_at.year in _ZIP_YEARS:
        moment = wanted.taken_at
        entry.date_time = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return entry


def _is_same(file: Path, uploaded: UploadedFile | None) -> bool:
    if uploaded is None or not file.is_file() or file.stat().st_size != uploaded.size_bytes:
        return False
    return content_of(file).crc32c == uploaded.crc32c
