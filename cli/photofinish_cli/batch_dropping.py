"""What `drop` does where there is an API: send photos in batches, and learn their results from these."""

from __future__ import annotations

import mimetypes
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.upload_batch import FileStatus
from photofinish.domain.work import check_size
from photofinish.errors import Conflict, PhotofinishError, RejectedInput
from photofinish_cli.batch_uploads import AddressEnded, Batches, send_content, session, start
from photofinish_cli.drop_files import MEDIA_TYPES, LeftOut
from photofinish_cli.drop_names import Content, Placed, Placement, name_beside
from photofinish_cli.dropping import Dropped, Problem, Results, content_of

if TYPE_CHECKING:
    from requests import Session

FILES_AT_ONCE = 100
"""Announced in one request: while they are sent, the next are announced."""
_POLL_S = 1.0
_REFUSALS_OF_FILES = frozenset(
    {"photo_exists", "photo_name_not_allowed", "empty_file", "file_too_large", "invalid_value", "bad_request"}
)
"""What is wrong with one file, so that the others may be announced without it."""
_FINAL = {FileStatus.DONE, FileStatus.REJECTED, FileStatus.FAILED}


@dataclass(frozen=True, slots=True)
class _Ready:
    """A file that was announced."""

    placed: Placed
    content: Content
    batch_id: str
    upload: Mapping[str, Any]


def in_batches(placed: Sequence[Placed]) -> tuple[list[Placed], list[Placed]]:
    """Divide photos that are to be sent into those that a batch takes, and others.

    A batch replaces no photo. An empty or too large file becomes a photo that is rejected with a sentence, as if any
    other program had sent it.
    """
    taken: list[Placed] = []
    others: list[Placed] = []
    for one in placed:
        is_taken = one.placement in (Placement.NEW, Placement.BESIDE) and one.existing is None
        (taken if is_taken and _has_fitting_size(one) else others).append(one)
    return taken, others


def _has_fitting_size(placed: Placed) -> bool:
    try:
        check_size(placed.photo.path.stat().st_size)
    except RejectedInput:
        return False
    except OSError:  # reading it fails, too, and is told
        return True
    return True


class BatchDropping:
    """Sends the photos of one `drop`."""

    def __init__(self, album: str, bucket: str, *, parallel: int) -> None:
        self._album = album
        self._bucket = bucket
        self._parallel = parallel
        self._batches = Batches(album)
        self._arrived: Counter[str] = Counter()  # files by batch
        self._counting = Lock()

    def send(self, placed: Sequence[Placed], *, on_done: Callable[[], None]) -> Dropped:
        """Send photos; one that cannot be sent costs no other. `on_done` is called for each."""
        dropped = Dropped()

        def collect(futures: Mapping[Future[tuple[Placed, PhotoRef]], Placed]) -> None:
            for future in as_completed(futures):
                try:
                    sent, ref = future.result()
                except (PhotofinishError, OSError) as error:
                    dropped.failed.append(LeftOut(futures[future].photo.path, _reason(error)))
                else:
                    dropped.sent.append(ref)
                    if sent.placement is Placement.BESIDE:
                        dropped.beside.append(sent)
                on_done()

        chunks = [placed[start : start + FILES_AT_ONCE] for start in range(0, len(placed), FILES_AT_ONCE)]
        with (
            session(2 * self._parallel) as http,
            ThreadPoolExecutor(self._parallel, "drop") as pool,
            # Uploads are started ahead, so that each costs its sender one round trip, as one straight to the bucket.
            ThreadPoolExecutor(self._parallel, "start") as starting,
            ThreadPoolExecutor(1, "announce") as announcing,
        ):
            sending: dict[Future[tuple[Placed, PhotoRef]], Placed] = {}
            for announced in [announcing.submit(self._announce_readable, chunk) for chunk in chunks]:
                ready, failed = announced.result()
                addresses = [starting.submit(start, http, one.upload) for one in ready]
                next_sending = {
                    pool.submit(self._send, http, one, address): one.placed
                    for one, address in zip(ready, addresses, strict=True)
                }
                for left_out in failed:
                    dropped.failed.append(left_out)
                    on_done()
                collect(sending)
                sending = next_sending
            collect(sending)
        return dropped

    def wait(self, on_final: Callable[[int], None]) -> None:
        """Return once every file that arrived has its result; `on_final` hears how many more have.

        Files that did not arrive are no longer awaited then.
        """
        for batch_id in self._batches.ids:
            told = 0
            while True:
                batch = self._batches.page(batch_id, limit=1)["batch"]
                counts = batch["counts"]
                final = sum(counts[status.value] for status in _FINAL)
                on_final(final - told)
                told = final
                if batch["state"] != "open":
                    break
                if not counts[FileStatus.QUEUED] and final >= self._arrived[batch_id]:
                    self._batches.cancel(batch_id)
                    break
                time.sleep(_POLL_S)

    def results(self) -> Results:
        """How the analysis ended, by the files of the batches."""
        counts: dict[PhotoStatus, int] = {}
        problems = []
        for batch_id in self._batches.ids:
            for file in self._batches.files(batch_id):
                if file["status"] not in _FINAL:
                    continue
                status = PhotoStatus(file["status"])
                counts[status] = counts.get(status, 0) + 1
                if error := file["error"]:
                    name = f"{self._album}/{file['name']}"
                    problems.append(Problem(name, status, error["code"], error["message"]))
        return Results(counts, problems)

    def _announce_readable(self, placed: Sequence[Placed]) -> tuple[list[_Ready], list[LeftOut]]:
        contents: list[tuple[Placed, Content]] = []
        failed: list[LeftOut] = []
        for one in placed:
            try:
                contents.append((one, content_of(one.photo.path)))
            except OSError as error:
                failed.append(LeftOut(one.photo.path, _reason(error)))
        ready: list[_Ready] = []
        for item in self._announce(contents):
            if isinstance(item, LeftOut):
                failed.append(item)
            else:
                ready.append(item)
        return ready, failed

    def _announce(self, files: Sequence[tuple[Placed, Content]]) -> Iterator[_Ready | LeftOut]:
        """Announce files; where the API refuses them together, those that it takes."""
        if not files:
            return
        try:
            batch_id, uploads = self._batches.announce([self._as_announced(one, content) for one, content in files])
        except (Conflict, RejectedInput) as refusal:
            if refusal.code not in _REFUSALS_OF_FILES:
                raise
            if len(files) > 1:
                half = len(files) // 2
                yield from self._announce(files[:half])
                yield from self._announce(files[half:])
                return
            [(one, content)] = files
            beside = name_beside(one.photo.name, content)
            if isinstance(refusal, Conflict) and refusal.code == "photo_exists" and one.name != beside:
                yield from self._announce([(replace(one, name=beside, placement=Placement.BESIDE), content)])
            else:
                yield LeftOut(one.photo.path, str(refusal))
        else:
            for (one, content), target in zip(files, uploads, strict=True):
                yield _Ready(one, content, batch_id, target)

    def _as_announced(self, placed: Placed, content: Content) -> dict[str, Any]:
        path = placed.photo.path
        content_type = MEDIA_TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
        return {
            "name": placed.name.removeprefix(f"{self._album}/"),
            "size": content.size_bytes,
            "content_type": (content_type or "application/octet-stream").lower(),
            "crc32c": content.crc32c,
        }

    def _send(self, http: Session, ready: _Ready, address: Future[str]) -> tuple[Placed, PhotoRef]:
        placed = ready.placed
        try:
            generation = self._send_content(http, ready, address)
        except Conflict:  # another drop took the name meanwhile
            beside = replace(placed, name=name_beside(placed.photo.name, ready.content), placement=Placement.BESIDE)
            if placed.name == beside.name:
                raise
            [again] = self._announce([(beside, ready.content)])
            if isinstance(again, LeftOut):
                raise Conflict("name_taken", again.reason) from None
            address = Future[str]()
            address.set_result(start(http, again.upload))
            return self._send(http, again, address)
        with self._counting:
            self._arrived[ready.batch_id] += 1
        return placed, PhotoRef(bucket=self._bucket, name=placed.name, generation=generation)

    def _send_content(self, http: Session, ready: _Ready, address: Future[str]) -> int:
        """Send to the address of the upload, or to another one if that has ended, as after hours of sleep."""
        size = ready.content.size_bytes
        with ready.placed.photo.path.open("rb") as file:
            try:
                return send_content(http, address.result(), file, size)
            except AddressEnded:
                name = ready.placed.name.removeprefix(f"{self._album}/")
                upload = self._batches.renewed(ready.batch_id, name, ready.upload)
                return send_content(http, start(http, upload), file, size)


def _reason(error: Exception) -> str:
    return f"it cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
