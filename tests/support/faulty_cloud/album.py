"""The album that is analysed while things break, and what the bucket says should become of it."""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
from collections.abc import Callable
from typing import TypeVar

import cv2
from google.api_core.exceptions import GoogleAPIError, NotFound
from google.cloud import storage
from requests.exceptions import RequestException

from photofinish.domain.photo import PhotoRef
from support.faulty_cloud.schedule import POISON
from support.pictures import astronaut, encode, noise, write
from support.waiting import wait_until

T = TypeVar("T")
ALBUM = "hurt"
_AWKWARD = (
    "mit Umlaut ä",
    "'quoted'",
    "a+b%20c",
    "näïve #1?",
    "ends with a dot.",
    "日本語",
    "semi;colon&amp",
    "two  spaces",
)
_S_TO_STORE = 180.0
_S_TO_ANSWER = 20.0
_LARGEST_PX = 160


def picture(number: int) -> tuple[str, bytes]:
    """The name and bytes of photo `number`: every tenth is no picture, others have a face or a number, or both."""
    awkward = f"{_AWKWARD[number % len(_AWKWARD)]} " if number % 10 == 3 else ""
    name = f"{ALBUM}/{awkward}{number:05}.jpg"
    if number % 10 == 9:
        return name, f"no picture {number}".encode()
    if number % 4 == 0:
        image = cv2.resize(_face(), (_LARGEST_PX, _LARGEST_PX))
        image[:8, :8] = number % 256
    else:
        image = noise(96, 64, seed=number)
    if number % 5 == 0:
        write(image, str(100 + number), middle=(image.shape[1] // 2, image.shape[0] // 2), height=20)
    return name, encode(image, quality=85)


@functools.cache
def _face() -> cv2.typing.MatLike:
    return astronaut()[:300, 80:380]


class Album:
    """Uploads, overwrites and deletes photos in the bucket, directly: what it says was stored, was stored."""

    def __init__(self, bucket: storage.Bucket) -> None:
        self._bucket = bucket
        self._numbers = itertools.count()
        self.uploads = 0
        """How many versions were stored."""
        self.poisoned: set[PhotoRef] = set()
        """Those that end the process which reads them: they must fail, and nothing else may."""

    def upload(self, photos: int) -> list[PhotoRef]:
        """Store new photos."""
        return [self._store(*picture(next(self._numbers))) for _ in range(photos)]

    def poison(self, how: str) -> PhotoRef:
        """Store a photo that kills or hangs the process which reads it (see `dying_task.py`)."""
        number = next(self._numbers)
        content = encode(noise(96, 64, seed=number), quality=85)
        return self._store(f"{ALBUM}/poisoned {number:05}.jpg", content + POISON + how.encode())

    def overwrite(self, photos: int, dice: random.Random) -> list[PhotoRef]:
        """Store other pictures under names that are used already."""
        return [self._store(name, picture(next(self._numbers))[1]) for name in self._some(photos, dice)]

    def copies(self, photos: int, dice: random.Random) -> list[PhotoRef]:
        """Store the bytes of photos under new names."""
        stored = []
        for number, name in enumerate(self._some(photos, dice)):
            content = self._safely(lambda name=name: self._content(name))
            if content is not None:
                stored.append(self._store(f"{ALBUM}/copies/{number} of {name.rpartition('/')[2]}", content))
        return stored

    def delete(self, photos: int, dice: random.Random) -> list[str]:
        names = self._some(photos, dice)
        for name in names:
            self._safely(lambda name=name: self._gone(name))
        return names

    def live(self) -> dict[str, PhotoRef]:
        """Every object of the album that the bucket has now, by name."""
        blobs = self._safely(lambda: list(self._bucket.list_blobs(prefix=f"{ALBUM}/")))
        return {blob.name: _ref(blob) for blob in blobs}

    def _some(self, photos: int, dice: random.Random) -> list[str]:
        names = sorted(self.live())
        return dice.sample(names, min(photos, len(names)))

    def _store(self, name: str, content: bytes) -> PhotoRef:
        def upload() -> PhotoRef:
            blob = self._bucket.blob(name)
            blob.upload_from_string(content, content_type="image/jpeg", timeout=_S_TO_ANSWER)
            return _ref(blob)

        self.uploads += 1
        stored = self._safely(upload)
        if POISON in content:
            self.poisoned.add(stored)
        return stored

    def _content(self, name: str) -> bytes | None:
        try:
            return bytes(self._bucket.blob(name).download_as_bytes())
        except NotFound:  # deleted at the same time
            return None

    def _gone(self, name: str) -> bool:
        with contextlib.suppress(NotFound):  # deleted by an attempt that seemed to fail
            self._bucket.blob(name).delete()
        return True

    def _safely(self, work: Callable[[], T]) -> T:
        """Try until it succeeds: the storage server may be dead for a while."""
        found: list[T] = []

        def tried() -> bool:
            try:
                found.append(work())
            except (GoogleAPIError, RequestException, OSError):
                return False
            return True

        wait_until(tried, "the bucket is there", timeout_s=_S_TO_STORE)
        return found[0]


def _ref(blob: storage.Blob) -> PhotoRef:
    return PhotoRef(bucket=blob.bucket.name, name=blob.name, generation=int(blob.generation))
