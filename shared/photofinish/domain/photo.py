"""What a photo is: its identity, its album, its way through the statuses."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from photofinish.errors import RejectedInput

DEFAULT_ALBUM = "default"
MAX_ALBUM_CHARS = 255
# Firestore reserves ids of this form; "." and ".." are not ids at all.
_RESERVED_ID = re.compile(r"__.*__|\.{1,2}")


class PhotoStatus(StrEnum):
    """Where a photo is on its way. `done`, `rejected`, `failed` and `erased` are final."""

    QUEUED = "queued"
    PROCESSING = "processing"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"
    ERASED = "erased"


FINAL_STATUSES = frozenset({PhotoStatus.DONE, PhotoStatus.REJECTED, PhotoStatus.FAILED, PhotoStatus.ERASED})


# identity includes the generation: an overwrite is a new version of the photo
@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PhotoRef:
    """One version of one object in a bucket."""

    bucket: str
    name: str
    generation: int

    @property
    def photo_id(self) -> str:
        """32 hexadecimal characters, the same for every generation of the object."""
        return hashlib.sha256(f"{self.bucket}/{self.name}".encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def album(self) -> str:
        """The album of the object, `default` where its name has none that can be one (see :func:`check_album`)."""
        first = first_segment(self.name)
        return first if is_album_name(first) else DEFAULT_ALBUM


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPhoto:
    """A photo as the bucket knows it."""

    ref: PhotoRef
    size_bytes: int
    content_type: str
    uploaded_at: datetime


def first_segment(name: str) -> str:
    """The part of an object's name before its first slash; `default` for an object at the root."""
    album, slash, _ = name.partition("/")
    return album if slash and album else DEFAULT_ALBUM


@lru_cache(maxsize=1024)  # a search asks some twenty times for the same album
def is_album_name(album: str) -> bool:
    """Whether `album` can be one: 1–128 printable characters, no slash, not reserved by Firestore."""
    return (
        0 < len(album) <= MAX_ALBUM_CHARS
        and "/" not in album
        and not _RESERVED_ID.fullmatch(album)
        and not any(unicodedata.category(character) in {"Cc", "Cs", "Cn", "Zl", "Zp"} for character in album)
    )


def check_name(name: str) -> None:
    """Whether every store can hold a photo of this name.

    Raises:
        RejectedInput: `photo_name_not_allowed`, for a NUL (which Postgres cannot hold) or half a surrogate pair.
    """
    if any(character == "\0" or unicodedata.category(character) == "Cs" for character in name):
        raise RejectedInput(
            "photo_name_not_allowed", "The file's name has a character that is none (NUL or a broken one): rename it."
        )


def check_album(name: str) -> str:
    """The album of the object called `name`.

    Raises:
        RejectedInput: `album_name_not_allowed`. Such a photo is recorded in the album `default`, so that it is seen.
    """
    album = first_segment(name)
    if not is_album_name(album):
        shown = album if len(album) <= 40 else album[:40] + "…"
        raise RejectedInput(
            "album_name_not_allowed",
            f"The folder name {shown!r} cannot be an album: use 1 to {MAX_ALBUM_CHARS} printable characters, "
            "not '.', '..' or a name between double underscores.",
        )
    return album
