"""What `drop` does, apart from how it looks: which files, under which names, which are there already, and waiting."""

from __future__ import annotations

import base64
import mimetypes
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import google_crc32c

from photofinish.domain.photo import MAX_ALBUM_CHARS, PhotoRef, is_album_name
from photofinish.domain.work import needs_analysis
from photofinish.errors import NotFound, PhotofinishError, RejectedInput
from photofinish.ports import Documents, PhotoUploads, UploadedFile

_CHUNK = 300  # records looked up in one request
_POLL_S = 0.5
# Phones' formats that the standard table does not know everywhere.
mimetypes.add_type("image/heic", ".heic")
mimetypes.add_type("image/webp", ".webp")


@dataclass(frozen=True, slots=True)
class LocalPhoto:
    """A file and the object name it is dropped under."""

    path: Path
    name: str


def check_album_name(album: str) -> None:
    """Raises RejectedInput with a sentence where `album` cannot be one."""
    if not is_album_name(album):
        raise RejectedInput(
            "album_name_not_allowed",
            f"{album[:60]!r} cannot be an album: use 1 to {MAX_ALBUM_CHARS} printable characters, no slash, "
            "not '.', '..' or a name between double underscores",
        )


def collect(paths: Sequence[Path], album: str) -> list[LocalPhoto]:
    """The files of `paths`, folders recursively with their inner structure, hidden ones left out, sorted by name.

    Raises:
        NotFound: a path does not exist, or nothing was found.
        RejectedInput: two files would get one name.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise NotFound(f"{path} does not exist")
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            inner = file.relative_to(path) if path.is_dir() else Path(file.name)
            if any(part.startswith(".") for part in inner.parts):
                continue
            name = f"{album}/{PurePosixPath(inner)}"
            if found.setdefault(name, file) != file:
                raise RejectedInput("same_name", f"{found[name]} and {file} would both become {name}")
    if not found:
        raise NotFound(f"no files in {', '.join(map(str, paths))}")
    return [LocalPhoto(path, name) for name, path in sorted(found.items())]


def is_unchanged(photo: LocalPhoto, uploaded: UploadedFile) -> bool:
    """Whether the object has the file's size and CRC-32C."""
    return uploaded.size_bytes == photo.path.stat().st_size and uploaded.crc32c == file_crc32c(photo.path)


def file_crc32c(path: Path) -> str:
    """CRC-32C of a file as Cloud Storage writes it: base64 of four bytes, big-endian."""
    checksum = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum.update(block)  # type: ignore[no-untyped-call]
    return base64.b64encode(checksum.digest()).decode()  # type: ignore[no-untyped-call]


@dataclass(slots=True)
class Dropped:
    """What became of the files of one `drop`."""

    sent: list[PhotoRef] = field(default_factory=list)
    unchanged: list[PhotoRef] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def there(self) -> list[PhotoRef]:
        """Every photo that is in the bucket now."""
        return sorted([*self.sent, *self.unchanged])


def send(
    uploads: PhotoUploads, album: str, photos: Sequence[LocalPhoto], *, parallel: int, on_done: Callable[[], None]
) -> Dropped:
    """Upload what the bucket does not hold yet; one file that cannot be sent costs no other."""
    uploaded = uploads.uploaded(album)

    def one(photo: LocalPhoto) -> tuple[PhotoRef, bool]:
        existing = uploaded.get(photo.name)
        if existing is not None and is_unchanged(photo, existing):
            return existing.ref, False
        content_type = mimetypes.guess_type(photo.path.name)[0] or "application/octet-stream"
        return uploads.upload(photo.path, photo.name, content_type), True

    dropped = Dropped()
    with ThreadPoolExecutor(parallel, "upload") as pool:
        futures = {pool.submit(one, photo): photo for photo in photos}
        for future in as_completed(futures):
            try:
                ref, was_sent = future.result()
                (dropped.sent if was_sent else dropped.unchanged).append(ref)
            except (PhotofinishError, OSError) as error:
                dropped.failed.append((futures[future].path, str(error)))
            on_done()
    return dropped


def wait_until_final(documents: Documents, photos: Iterable[PhotoRef], on_final: Callable[[int], None]) -> None:
    """Return once every photo has a final status (or a newer version); `on_final` hears how many more have."""
    remaining = list(photos)
    while remaining:
        chunk, rest = remaining[:_CHUNK], remaining[_CHUNK:]
        states = documents.states(chunk)
        waiting = [photo for photo in chunk if needs_analysis(states.get(photo), photo)]
        on_final(len(chunk) - len(waiting))
        remaining = waiting + rest
        if len(waiting) > len(chunk) // 2 or not rest:
            time.sleep(_POLL_S if remaining else 0)
