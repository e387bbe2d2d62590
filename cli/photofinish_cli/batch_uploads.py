"""Sends files by batches of the API: announces them, and uploads each to the bucket by its signed, resumable upload."""

from __future__ import annotations

import random
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from photofinish.errors import Conflict, RejectedInput, Unavailable
from photofinish_cli import api_client

if TYPE_CHECKING:
    from requests import Response, Session

MAX_FILES_OF_BATCH = 10_000
PART_BYTES = 8 * 1024 * 1024  # a multiple of 256 KiB
PATIENCE_S = 120.0
"""Without any answer for so long, an upload fails. A laptop that sleeps does not count its sleep."""
_TIMEOUT_S = 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
_RECEIVED = re.compile(r"bytes=0-(\d+)")
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_ENDED = frozenset({400, 401, 403, 404, 410})
"""What the storage answers to an address whose time is over, for example because the laptop slept."""
Answer = TypeVar("Answer")


class AddressEnded(RejectedInput):
    """The storage does not take the file at this address: ask for another, see :meth:`Batches.renewed`."""

    def __init__(self, status_code: int) -> None:
        super().__init__("upload_refused", f"the storage does not take it (HTTP {status_code})")


class Batches:
    """The batches of one command: one, or several where there are more files than one may have."""

    def __init__(self, album: str) -> None:
        self._album = album
        self._last: str | None = None
        self._files_of_last = 0
        self._renewed: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._renewing = Lock()
        self.ids: list[str] = []

    def announce(self, files: Sequence[Mapping[str, Any]]) -> tuple[str, list[Mapping[str, Any]]]:
        """Announce up to 1,000 files (as the API takes them).

        Return the id of their batch, and how to upload each, in order.

        Raises:
            Conflict: `photo_exists`; nothing was announced.
        """
        if self._last is None or self._files_of_last + len(files) > MAX_FILES_OF_BATCH:
            created = self._post("/batches", files)
            self._last = str(created["batch"]["batch_id"])
            self.ids.append(self._last)
            self._files_of_last = 0
        else:
            created = self._post(f"/batches/{self._last}/files", files)
        self._files_of_last += len(files)
        return self._last, [one["upload"] for one in created["uploads"]]

    def files(self, batch_id: str, **query: Any) -> Iterator[Mapping[str, Any]]:
        """Yield the files of a batch with their status, by name."""
        cursor = None
        while True:
            page = self.page(batch_id, cursor=cursor, limit=1000, **query)
            yield from page["files"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def renewed(self, batch_id: str, name: str, ended: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return how to upload a file whose `ended` upload the storage does not take any more.

        All files of the batch that are awaited get new ones together: they have ended together.

        Raises:
            RejectedInput: the batch does not await the file.
        """
        with self._renewing:
            known = self._renewed.get(batch_id, {}).get(name)
            if known is None or known == ended:
                files = self.files(batch_id, status="awaited", uploads=True)
                self._renewed[batch_id] = {file["name"]: file["upload"] for file in files}
                known = self._renewed[batch_id].get(name)
        if known is None:
            raise RejectedInput("upload_refused", "the storage does not take it, and its batch does not await it")
        return known

    def page(self, batch_id: str, **query: Any) -> dict[str, Any]:
        return patiently(lambda: api_client.in_album("GET", self._album, f"/batches/{batch_id}", params=query))

    def cancel(self, batch_id: str) -> None:
        """End a batch whose files will not all come."""
        with suppress(Conflict):  # it has ended
            patiently(lambda: api_client.in_album("POST", self._album, f"/batches/{batch_id}/cancel"))

    def _post(self, path: str, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        # A repetition after a lost answer makes no second batch.
        key = str(uuid.uuid4())
        return patiently(
            lambda: api_client.in_album("POST", self._album, path, json={"files": list(files)}, idempotency_key=key)
        )


def session(parallel: int) -> Session:
    """A session for uploads of so many threads."""
    import requests
    from requests.adapters import HTTPAdapter

    made = requests.Session()
    made.trust_env = False  # signed addresses need no credentials of ~/.netrc
    for scheme in ("https://", "http://"):
        made.mount(scheme, HTTPAdapter(pool_maxsize=parallel))
    return made


def start(http: Session, target: Mapping[str, Any]) -> str:
    """Start a signed upload, and return the address that takes the file; raises what :func:`send_content` does."""
    started = _patient_answer(
        lambda: http.request(target["method"], target["url"], headers=target["headers"], timeout=_TIMEOUT_S)
    )
    return started.headers["Location"]


def send_content(http: Session, address: str, file: BinaryIO, size: int) -> int:
    """Send a file to the address of its upload, and return the generation of the object.

    Goes on after interruptions where the bucket has a part.

    Raises:
        AddressEnded: the bucket does not know the upload any more.
        Conflict: `name_taken`: the bucket has another object of this name.
        RejectedInput: the bucket refuses it.
        Unavailable: there was no answer for `PATIENCE_S`.
    """
    sent = 0
    while True:
        file.seek(sent)
        part = file.read(min(PART_BYTES, size - sent))
        if not part:
            raise RejectedInput("file_changed", "the file became shorter while it was sent: send it again")
        answer = _put_part(http, address, part, sent, size)
        if answer.status_code != 308:
            return _generation_of(answer)
        received = _RECEIVED.fullmatch(answer.headers.get("Range", ""))  # none: nothing was received
        sent = int(received[1]) + 1 if received else 0


def _put_part(http: Session, address: str, part: bytes, first: int, size: int) -> Response:
    """Send a part. After an interruption ask instead what has arrived, until there is an answer."""
    is_interrupted = False

    def send() -> Response:
        nonlocal is_interrupted
        asks, is_interrupted = is_interrupted, True
        content_range = f"bytes */{size}" if asks else f"bytes {first}-{first + len(part) - 1}/{size}"
        headers = {"Content-Range": content_range}
        return http.put(address, data=b"" if asks else part, headers=headers, timeout=_TIMEOUT_S)

    return _patient_answer(send)


def _patient_answer(ask: Callable[[], Response]) -> Response:
    from requests.exceptions import RequestException

    def answered() -> Response:
        try:
            answer = ask()
        except RequestException as error:
            raise Unavailable(f"the storage did not answer: {type(error).__name__}") from error
        if answer.status_code in _TRANSIENT:
            raise Unavailable(f"the storage is not available (HTTP {answer.status_code})")
        if answer.status_code == 412:
            raise Conflict("name_taken", "another photo has this name")
        if answer.status_code in _ENDED:
            raise AddressEnded(answer.status_code)
        if answer.status_code >= 400:
            raise RejectedInput("upload_refused", f"the storage does not take it (HTTP {answer.status_code})")
        return answer

    return patiently(answered)


def patiently(ask: Callable[[], Answer]) -> Answer:
    """Return what `ask` does, tried again with growing pauses while it raises Unavailable, for `PATIENCE_S`.

    A program that was stopped meanwhile (Ctrl-Z) does not count that time: no attempt takes longer than its time-out.
    """
    left_s, pause_s = PATIENCE_S, _FIRST_PAUSE_S
    while True:
        began_s = time.monotonic()
        try:
            return ask()
        except Unavailable:
            left_s -= min(time.monotonic() - began_s, _TIMEOUT_S) + pause_s
            if left_s < 0:
                raise
            time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads clients
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _generation_of(answer: Response) -> int:
    """The service's XML API says it in a header, fake-gcs-server in the description of the object."""
    in_header = answer.headers.get("x-goog-generation")
    return int(in_header if in_header is not None else answer.json()["generation"])
