"""What `drop` does, apart from how it looks: compare with the album, send, wait for the results."""

from __future__ import annotations

import base64
import mimetypes
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import google_crc32c

from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.work import is_version, needs_analysis
from photofinish.errors import Conflict, PhotofinishError
from photofinish_cli.drop_files import MEDIA_TYPES, LeftOut, LocalPhoto
from photofinish_cli.drop_names import Content, Placed, Placement, name_beside

if TYPE_CHECKING:  # for NumPy, which the ports import
    from photofinish.ports import Documents, PhotoUploads

_CHUNK = 300  # records looked up in one request
_POLL_S = 0.5


def content_of(path: Path) -> Content:
    """The size and checksum of a file."""
    checksum = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
    size = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            size += len(block)
            checksum.update(block)  # type: ignore[no-untyped-call]
    return Content(size, base64.b64encode(checksum.digest()).decode())  # type: ignore[no-untyped-call]


def compare(
    photos: Sequence[LocalPhoto], *, parallel: int, on_done: Callable[[], None]
) -> tuple[dict[Path, Content], list[LeftOut]]:
    """Read the contents of `photos`; those that cannot be read are the second value."""
    contents: dict[Path, Content] = {}
    failed = []
    with ThreadPoolExecutor(parallel, "drop") as pool:
        futures: dict[Future[Content], LocalPhoto] = {pool.submit(content_of, photo.path): photo for photo in photos}
        for future in as_completed(futures):
            path = futures[future].path
            try:
                contents[path] = future.result()
            except OSError as error:
                failed.append(LeftOut(path, f"it cannot be read: {error.strerror}"))
            on_done()
    return contents, failed


@dataclass(slots=True)
class Dropped:
    """What became of the photos of one `drop`."""

    sent: list[PhotoRef] = field(default_factory=list)
    unchanged: list[PhotoRef] = field(default_factory=list)
    failed: list[LeftOut] = field(default_factory=list)
    beside: list[Placed] = field(default_factory=list)
    """Of those sent: kept beside another photo of their name."""
    replaced: int = 0

    @property
    def there(self) -> list[PhotoRef]:
        """Every photo that is in the bucket now."""
        return sorted([*self.sent, *self.unchanged])


def send(uploads: PhotoUploads, placed: Sequence[Placed], *, parallel: int, on_done: Callable[[], None]) -> Dropped:
    """Upload the photos that the album does not have; one that cannot be sent costs no other.

    `on_done` is called for each that was to be sent.
    """
    dropped = Dropped(
        unchanged=[one.existing.ref for one in placed if one.placement is Placement.THERE and one.existing]
    )
    to_send = [one for one in placed if one.placement is not Placement.THERE]
    with ThreadPoolExecutor(parallel, "drop") as pool:
        futures = {pool.submit(_send_one, uploads, one): one for one in to_send}
        for future in as_completed(futures):
            try:
                sent, ref = future.result()
            except PhotofinishError as error:
                dropped.failed.append(LeftOut(futures[future].photo.path, str(error)))
            except OSError as error:
                dropped.failed.append(LeftOut(futures[future].photo.path, f"it cannot be read: {error.strerror}"))
            else:
                dropped.sent.append(ref)
                dropped.replaced += sent.placement is Placement.REPLACES
                if sent.placement is Placement.BESIDE:
                    dropped.beside.append(sent)
            on_done()
    return dropped


def _send_one(uploads: PhotoUploads, placed: Placed) -> tuple[Placed, PhotoRef]:
    path = placed.photo.path
    content_type = MEDIA_TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
    replaces = placed.existing.ref.generation if placed.existing else 0

    def upload(name: str, replaces: int) -> PhotoRef:
        return uploads.upload(path, name, content_type or "application/octet-stream", replaces=replaces)

    try:
        return placed, upload(placed.name, replaces)
    except Conflict:  # another drop took the name meanwhile
        name = name_beside(placed.photo.name, content_of(path))
        return Placed(placed.photo, name, Placement.BESIDE), upload(name, 0)


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


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a photo has no result."""

    name: str
    status: PhotoStatus
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Results:
    """How the analysis of photos ended."""

    counts: Mapping[PhotoStatus, int]
    problems: Sequence[Problem]


def results_of(documents: Documents, photos: Sequence[PhotoRef]) -> Results:
    """The final statuses of `photos`, and the reasons of those that are rejected or failed.

    A photo that was overwritten meanwhile is not counted: its newer version is another's.
    """
    counts: dict[PhotoStatus, int] = {}
    problems = []
    for start in range(0, len(photos), _CHUNK):
        chunk = photos[start : start + _CHUNK]
        states = documents.states(chunk)
        for photo in chunk:
            state = states.get(photo)
            if not is_version(state, photo):
                continue
            counts[state.status] = counts.get(state.status, 0) + 1
            if state.status in (PhotoStatus.REJECTED, PhotoStatus.FAILED):
                record = documents.get(photo.album, photo.photo_id)
                error = (record.fields.get("error") if record else None) or {}
                message = str(error.get("message", "no reason was recorded"))
                problems.append(Problem(photo.name, state.status, str(error.get("code", "unknown")), message))
    return Results(counts, problems)


def together(one: Results, other: Results) -> Results:
    """The results of two sets of photos."""
    statuses = sorted(one.counts.keys() | other.counts.keys())
    counts = {status: one.counts.get(status, 0) + other.counts.get(status, 0) for status in statuses}
    return Results(counts, sorted([*one.problems, *other.problems], key=lambda problem: problem.name))
