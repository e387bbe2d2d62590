"""A photo's identity, album and status."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from photofinish.domain.announced import Announced
from photofinish.errors import RejectedInput

DEFAULT_ALBUM = "default"
MAX_ALBUM_CHARS = 255
ALBUM_NAMES = (
    f"Use 1 to {MAX_ALBUM_CHARS} printable characters without a slash, and neither '.', '..' nor a name between double "
    "underscores."
)
"""Which names albums can have, see :func:`is_album_name`."""
# Firestore reserves ids of this form, and allows neither "." nor "..".
_RESERVED_ID = re.compile(r"__.*__|\.{1,2}")
# Characters of other categories than Cf that are shown as nothing: Unicode's Default_Ignorable_Code_Point
# (https://www.unicode.org/Public/17.0.0/ucd/DerivedCoreProperties.txt) and the blank Braille pattern.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)


class PhotoStatus(StrEnum):
    """How far a photo's processing is. `done`, `rejected`, `failed` and `erased` are final."""

    QUEUED = "queued"
    PROCESSING = "processing"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"
    ERASED = "erased"


FINAL_STATUSES = frozenset({PhotoStatus.DONE, PhotoStatus.REJECTED, PhotoStatus.FAILED, PhotoStatus.ERASED})


# Identity includes the generation: an overwrite is a new version of the photo.
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
        """The album of the object; `default` if its name has no valid one (see :func:`check_album`)."""
        first = first_segment(self.name)
        return first if is_album_name(first) else DEFAULT_ALBUM


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPhoto:
    """A photo and its metadata in the bucket."""

    ref: PhotoRef
    size_bytes: int
    content_type: str
    uploaded_at: datetime
    crc32c: str | None = None
    """Base64 of four bytes, big-endian."""
    announced: Announced | None = None
    md5: str | None = None
    """Base64, as the bucket tells it; composite objects have none."""

    @property
    def checksum(self) -> str | None:
        """The same for the same bytes; None where the bucket does not tell both checksums."""
        return None if self.md5 is None or self.crc32c is None else f"{self.md5} {self.crc32c}"


def album_name(text: str) -> str:
    """Return the album that `text` names, in Unicode's composed form (NFC), as all stores have it.

    macOS writes `ü` as two characters and others as one: both name the same album.
    """
    return unicodedata.normalize("NFC", text)


def first_segment(name: str) -> str:
    """Return the part of an object's name before its first slash, in NFC; `default` for an object at the root."""
    album, slash, _ = name.partition("/")
    return album_name(album) if slash and album else DEFAULT_ALBUM


def album_prefixes(album: str) -> tuple[str, ...]:
    """Return how names of an album's objects begin: composed, and decomposed as macOS writes them."""
    return tuple(dict.fromkeys(f"{unicodedata.normalize(form, album)}/" for form in ("NFC", "NFD")))


def is_folder_placeholder(photo: StoredPhoto) -> bool:
    """Whether an object only stands for a folder, as the Cloud Console creates one (`spring-10k/` of 0 bytes)."""
    return photo.ref.name.endswith("/") and photo.size_bytes == 0


@lru_cache(maxsize=1024)  # one search calls this about twenty times for the same album
def is_album_name(album: str) -> bool:
    """Whether `album` can be an album's name: 1 to 255 printable characters, no slash, not reserved by Firestore."""
    return (
        0 < len(album) <= MAX_ALBUM_CHARS
        and "/" not in album
        and not _RESERVED_ID.fullmatch(album)
        and not any(unicodedata.category(character) in {"Cc", "Cs", "Cn", "Zl", "Zp"} for character in album)
    )


def check_name(name: str) -> None:
    """Check that every store can hold a photo of this name.

    Raises:
        RejectedInput: `photo_name_not_allowed`: a NUL (which Postgres cannot store) or half a surrogate pair.
    """
    if any(character == "\0" or unicodedata.category(character) == "Cs" for character in name):
        raise RejectedInput(
            "photo_name_not_allowed", "The file name contains an invalid character (NUL or broken Unicode). Rename it."
        )


def check_album(name: str) -> str:
    """Return the album of the object called `name`.

    Raises:
        RejectedInput: `album_name_not_allowed`. Such a photo is recorded in the album `default`, so it can be found.
    """
    album = first_segment(name)
    if not is_album_name(album):
        shown = album if len(album) <= 40 else album[:40] + "…"
        raise RejectedInput(
            "album_name_not_allowed",
            f"The folder name {shown!r} cannot be an album name. {ALBUM_NAMES}",
        )
    check_visible(album)
    return album


def check_visible(album: str) -> None:
    """Check that a new album's name cannot pass for another's; albums that exist keep their names.

    Raises:
        RejectedInput: `album_name_not_allowed`: a character that is not seen, unless it joins an emoji, or one
            that turns the direction of the text.
    """
    for position, character in enumerate(album, 1):
        if _joins_emoji(album, position - 1):
            continue
        if unicodedata.category(character) == "Cf" or _INVISIBLE.match(character):
            name = unicodedata.name(character, "a format character")
            raise RejectedInput(
                "album_name_not_allowed",
                f"Character {position} of the album's name is not visible (U+{ord(character):04X}, {name.lower()}), so "
                "it could pass for another album. Rename the folder.",
            )


def _joins_emoji(text: str, index: int) -> bool:
    """Whether the character there is a part of the emoji around it (https://www.unicode.org/reports/tr51/#Emoji_Sequences).

    That is a variation selector 16 after a symbol (❤️), or a zero-width joiner between two symbols
    (🏃‍♀).
    """
    before, after = text[index - 1 : index], text[index + 1 : index + 2]
    if text[index] == "\ufe0f":
        return _is_symbol(before)
    return text[index] == "\u200d" and _is_symbol(after) and (_is_symbol(before) or before == "\ufe0f")


def _is_symbol(character: str) -> bool:
    """Whether it is a pictograph or a skin tone."""
    return character != "" and unicodedata.category(character) in {"So", "Sk"} and character > "\u2000"
